/* What the audit log and the metrics are told of the tokens of service accounts that come. */
#include "api_rig.h"

#include "apiserver/api_options.h"
#include "apiserver/metrics.h"
#include "apiserver/pki.h"
#include "apiserver/server.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/jwt.h>

static struct {
	struct api_rig api;
	struct arena arena;
	struct str uid; /* of the account "robot" */
} rig;

static struct str request(enum client_verb verb, const char *plural, const char *name,
	const char *json, const char *part)
{
	struct client_request q;
	struct str found;

	client_request_init(&q, verb, resource_find(STR(""), STR("v1"), str_from(plural)),
		STR("default"), str_from(name));
	q.body = json ? api_rig_json(&q.arena, json) : NULL;
	EXPECT_INT(api_rig_send(&rig.api, &q), 0);
	found = arena_str(&rig.arena, tree_str(q.object, part));
	client_request_done(&q);
	return found;
}

static bool rig_open(void)
{
	char path[128];
	FILE *f;

	memset(&rig, 0, sizeof(rig));
	arena_init(&rig.arena);
	if (!api_rig_prepare(&rig.api))
		return false;
	snprintf(path, sizeof(path), "%s/policy", rig.api.dir);
	f = fopen(path, "we");
	fputs("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  omitStages: "
	      "[RequestReceived]\n",
		f);
	fclose(f);
	if (!api_rig_start(&rig.api, API_RIG_LOCAL,
		    arena_print(&rig.arena,
			    "--audit-policy-file=%s --audit-log-path=%s/log "
			    "--audit-log-mode=blocking",
			    path, rig.api.dir)
			    .at))
		return false;
	rig.uid = request(CLIENT_CREATE, "serviceaccounts", "",
		"{\"metadata\":{\"name\":\"robot\"}}", "metadata.uid");
	return true;
}

static void rig_close(void)
{
	api_rig_close(&rig.api);
	arena_done(&rig.arena);
}

static struct str sign(struct str claims)
{
	_cleanup_(buf_done) struct buf token = BUF_INIT(JWT_MAX);
	struct err err = {0};

	EXPECT_OK(jwt_sign(rig.api.server->pki->signing, claims, &token, &err), &err);
	return arena_str(&rig.arena, buf_str(&token));
}

/* Of a pod's kind: good for longer than it says. */
static struct str bound(long long warn_after)
{
	long long now = (long long)(env_wall(rig.api.t.env) / SEC);
	struct str issuer = rig.api.server->options->sa_issuers.items[0];

	return sign(arena_print(&rig.arena,
		"{\"iss\":\"%.*s\",\"sub\":\"system:serviceaccount:default:robot\",\"aud\":["
		"\"%.*s\"],\"exp\":%lld,\"iat\":%lld,\"nbf\":%lld,\"kubernetes.io\":{\"namespace\":"
		"\"default\",\"serviceaccount\":{\"name\":\"robot\",\"uid\":\"%.*s\"},"
		"\"warnafter\":%lld}}",
		STRF(issuer), STRF(issuer), now + 9000, now - 9000, now - 9000, STRF(rig.uid),
		now + warn_after));
}

/* Of old: it lives in the Secret "old". */
static struct str legacy(void)
{
	struct str token = sign(arena_print(&rig.arena,
		"{\"iss\":\"kubernetes/serviceaccount\",\"sub\":"
		"\"system:serviceaccount:default:robot\",\"kubernetes.io/serviceaccount/"
		"namespace\":\"default\",\"kubernetes.io/serviceaccount/secret.name\":\"old\","
		"\"kubernetes.io/serviceaccount/service-account.name\":\"robot\","
		"\"kubernetes.io/serviceaccount/service-account.uid\":\"%.*s\"}",
		STRF(rig.uid)));

	request(CLIENT_CREATE, "secrets", "",
		arena_print(&rig.arena,
			"{\"metadata\":{\"name\":\"old\"},\"stringData\":{\"token\":\"%.*s\"}}",
			STRF(token))
			.at,
		"");
	return token;
}

/* Asks for anything; the first Warning, in the arena. */
static struct str come(struct str token)
{
	struct client_options options = {.user_agent = "robot/v1"};
	struct client_config config = {.server = str_from(rig.api.url),
		.ca_file = str_from(rig.api.ca_file),
		.token = token};
	struct client *mine = rig.api.client;
	struct client_request q;
	struct str warning;

	rig.api.client = client_new(rig.api.t.env,
		client_transport_https(rig.api.t.env, rig.api.t.root, &config), &options);
	client_request_init(&q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	q.path = STR("/version");
	api_rig_send(&rig.api, &q);
	warning = q.warning_count ? arena_str(&rig.arena, q.warnings[0]) : STR("");
	client_request_done(&q);
	api_rig_drop_client(&rig.api, rig.api.client);
	rig.api.client = mine;
	return warning;
}

static bool is_told(const char *words)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	disk_read_file(rig.api.t.env->disk, arena_print(&rig.arena, "%s/log", rig.api.dir).at,
		&text, NULL);
	return str_find(buf_str(&text), str_from(words)) >= 0;
}

static int64_t counted(enum metric_series which, const char *labels)
{
	return *metrics_number(rig.api.server->metrics, which, str_from(labels));
}

TEST(a_token_that_should_have_been_renewed_is_told)
{
	struct str token;

	if (!rig_open())
		return;
	come(bound(10));
	EXPECT_INT(counted(METRIC_ACCOUNT_VALID, ""), 1);
	EXPECT_INT(counted(METRIC_ACCOUNT_STALE, ""), 0);
	EXPECT_INT(counted(METRIC_TOKENS, "status=\"miss\""), 1);
	EXPECT_INT(counted(METRIC_TOKEN_FETCHES, "status=\"ok\""), 1);
	token = bound(-5000);
	come(token);
	API_RIG_AWAIT(&rig.api,
		is_told("\"authentication.k8s.io/stale-token\":\"subject: "
			"system:serviceaccount:default:robot, seconds after warning threshold: "
			"500"));
	EXPECT_INT(counted(METRIC_ACCOUNT_STALE, ""), 1);
	come(token);
	EXPECT_INT(counted(METRIC_TOKENS, "status=\"hit\""), 1);
	come(STR("nobody's"));
	EXPECT_INT(counted(METRIC_TOKEN_FETCHES, "status=\"error\""), 1);
	rig_close();
}

TEST(a_token_of_old_is_told)
{
	struct str token;

	if (!rig_open())
		return;
	token = legacy();
	EXPECT_STR(come(token), "");
	API_RIG_AWAIT(&rig.api, is_told("\"authentication.k8s.io/legacy-token\":"
					"\"system:serviceaccount:default:robot\""));
	EXPECT(is_told("\"authentication.k8s.io/legacy-token-manual-secret\":\"old\""));
	EXPECT_INT(counted(METRIC_ACCOUNT_LEGACY, ""), 1);
	EXPECT_INT(counted(METRIC_ACCOUNT_LEGACY_MANUAL, ""), 1);
	request(CLIENT_PATCH_MERGE, "serviceaccounts", "robot",
		"{\"secrets\":[{\"name\":\"old\"}]}", "");
	EXPECT_STR(come(token),
		"Use tokens from the TokenRequest API or manually created secret-based tokens "
		"instead of auto-generated secret-based tokens.");
	API_RIG_AWAIT(&rig.api,
		is_told("\"authentication.k8s.io/legacy-token-autogenerated-secret\":\"old\""));
	EXPECT_INT(counted(METRIC_ACCOUNT_LEGACY_AUTO, ""), 1);
	request(CLIENT_PATCH_MERGE, "secrets", "old",
		"{\"metadata\":{\"labels\":{\"kubernetes.io/legacy-token-invalid-since\":"
		"\"2026-01-01\"}}}",
		"");
	come(token);
	API_RIG_AWAIT(&rig.api,
		is_told("\"authentication.k8s.io/legacy-token-invalidated\":\"old/default\""));
	EXPECT_INT(counted(METRIC_ACCOUNT_LEGACY_INVALID, ""), 1);
	rig_close();
}

TEST(a_token_that_is_given_is_told_by_its_id)
{
	struct client_request q;

	if (!rig_open())
		return;
	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR(""), STR("v1"), STR("serviceaccounts")), STR("default"),
		STR("robot"));
	q.subresource = STR("token");
	q.body = api_rig_json(&q.arena, "{\"spec\":{}}");
	EXPECT_INT(api_rig_send(&rig.api, &q), 0);
	client_request_done(&q);
	API_RIG_AWAIT(
		&rig.api, is_told("\"authentication.kubernetes.io/issued-credential-id\":\"JTI="));
	rig_close();
}
