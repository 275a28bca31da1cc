/* Tokens whose groups are told by another token, at the issuer's, over TLS. */
#include "api_rig.h"
#include "loop_torture.h"
#include "webhook_rig.h"

#include <kube/jwt.h>

static struct {
	struct api_rig api;
	struct webhook_rig hook;
	struct key *key;
	struct arena arena;
	int serial, asked; /* asked: for the claims */
} rig;

/* ---- the issuer ---- */

static struct str sign(struct str more)
{
	_cleanup_(buf_done) struct buf token = BUF_INIT(16 * KIB);
	struct str claims = arena_print(&rig.arena,
		"{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"jane\",\"exp\":%lld,\"n\":%d%.*s}",
		rig.hook.url, (long long)(clock_wall() / SEC + 3600), rig.serial++, STRF(more));

	EXPECT_INT(jwt_sign(rig.key, claims, &token, NULL), 0);
	return arena_str(&rig.arena, buf_str(&token));
}

static void answer(struct webhook_asked *a, void *ctx)
{
	struct str target = a->x->request.target;
	_cleanup_(buf_done) struct buf keys = BUF_INIT(16 * KIB);

	(void)ctx;
	if (str_eq_text(target, "/keys")) {
		json_print(&keys, jwt_public_key(&rig.arena, rig.key), JSON_COMPACT);
		a->answer = arena_print(&a->x->arena, "{\"keys\":[%.*s]}", STRF(buf_str(&keys)));
	} else if (str_eq_text(target, "/claims")) {
		rig.asked++;
		a->answer = sign(STR(",\"groups\":[\"far\"]"));
	} else {
		a->answer = arena_print(&a->x->arena,
			"{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", rig.hook.url, rig.hook.url);
	}
}

static bool rig_open(void)
{
	char flags[512];

	memset(&rig, 0, sizeof(rig));
	arena_init(&rig.arena);
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &rig.key, NULL), 0);
	if (!api_rig_prepare(&rig.api))
		return false;
	webhook_rig_open(&rig.hook, rig.api.t.env, rig.api.t.root, NULL, answer, NULL);
	webhook_rig_write(&rig.hook, rig.api.dir, "");
	snprintf(flags, sizeof(flags),
		"--oidc-issuer-url=%s --oidc-client-id=us --oidc-ca-file=%s/hook.crt "
		"--oidc-groups-claim=groups --oidc-signing-algs=ES256",
		rig.hook.url, rig.api.dir);
	return api_rig_start(&rig.api, API_RIG_LOCAL, flags);
}

static void rig_close(void)
{
	webhook_rig_end(&rig.hook, &rig.api.t);
	api_rig_close(&rig.api);
	key_unref(rig.key);
	arena_done(&rig.arena);
}

/* Is the user of another new token in the group that is told elsewhere? */
static bool is_far(void)
{
	struct client_request q;
	bool far = false;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR("authentication.k8s.io"), STR("v1"), STR("tokenreviews")),
		STR(""), STR(""));
	q.body = api_rig_json(&q.arena,
		arena_print(&q.arena, "{\"spec\":{\"token\":\"%.*s\"}}",
			STRF(sign(arena_print(&rig.arena,
				",\"_claim_names\":{\"groups\":\"s\"},\"_claim_sources\":{\"s\":{"
				"\"endpoint\":\"%s/claims\"}}",
				rig.hook.url))))
			.at);
	if (!api_rig_send(&rig.api, &q))
		json_each (group, json_path(q.object, "status.user.groups"))
			far |= str_eq_text(json_str(group), "far");
	client_request_done(&q);
	return far;
}

TEST(groups_are_told_elsewhere)
{
	if (!rig_open())
		return;
	API_RIG_AWAIT(&rig.api, is_far());
	rig.asked = 0;
	EXPECT(is_far());
	EXPECT_INT(rig.asked, 1);
	rig_close();
}

static void ask(void *ctx)
{
	(void)ctx;
	is_far();
}

static void is_answered(void *ctx)
{
	(void)ctx;
	API_RIG_AWAIT(&rig.api, is_far());
}

TEST(asking_for_them_may_fail_anywhere)
{
	if (!rig_open())
		return;
	API_RIG_AWAIT(&rig.api, is_far());
	loop_torture_on(rig.api.t.loop, ask, is_answered, NULL);
	rig_close();
}
