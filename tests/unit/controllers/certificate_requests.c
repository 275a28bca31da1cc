/* Certificate requests: approved, signed, forgotten; and tokens with which nodes join. */
#include "plan_rig.h"

#include "controllers/account_tokens.h"
#include "controllers/bootstrap_tokens.h"
#include "controllers/certificate_requests.h"

#include <kube/codec.h>
#include <kube/jwt.h>

#define NOW (1767225700 * SEC) /* 2026-01-01T00:01:40Z */

static const struct resource *requests(void)
{
	return resource_find(
		STR("certificates.k8s.io"), STR("v1"), STR("certificatesigningrequests"));
}

static const struct resource *secrets(void)
{
	return resource_find(STR(""), STR("v1"), STR("secrets"));
}

/* A request with that subject, base64 over PEM. */
static struct str pem_request(
	struct arena *a, const char *name, const char *organization, const char *dns)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(MIB), pem = BUF_INIT(MIB);
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct str o = str_from(organization), d = str_from(dns);
	struct cert_request r = {.subject = {.common_name = str_from(name),
					 .organizations = &o,
					 .organization_count = o.len > 0},
		.dns = &d,
		.dns_count = d.len > 0};
	struct key *key = NULL;

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	EXPECT_INT(csr_make(&r, key, &der, NULL), 0);
	pem_print(&pem, STR("CERTIFICATE REQUEST"), buf_str(&der));
	base64_encode(&text, buf_str(&pem));
	key_unref(key);
	return arena_str(a, buf_str(&text));
}

#define NODE   "system:node:n1", "system:nodes", ""
#define CLIENT "kube-apiserver-client-kubelet"
#define USAGES "'digital signature','client auth'"
#define STATUS "'conditions':[{'type':'Approved','status':'True'}]"

struct row {
	const char *name, *organization, *dns; /* of the request */
	const char *signer, *username, *usages, *status;
	const char *plan;
};

static struct cJSON *request_of(struct plan_rig *r, const struct row *row)
{
	struct cJSON *tree = plan_rig_tree(
		r, arena_print(&r->arena,
			   "{'metadata':{'name':'a'},'spec':{'signerName':'kubernetes.io/%s',"
			   "'username':'%s','groups':['g'],'usages':[%s]},'status':{%s}}",
			   row->signer, row->username, row->usages, row->status)
			   .at);

	tree_set_str(&r->arena, tree, "spec.request",
		pem_request(&r->arena, row->name, row->organization, row->dns));
	return tree;
}

TEST(kubelets_are_approved_when_they_may_be)
{
	static const struct row all[] = {
		{NODE, CLIENT, "system:node:n1", USAGES, "",
			"allowed subjectaccessreviews\napprove certificatesigningrequests a\n"},
		{NODE, CLIENT, "system:bootstrap:x", USAGES ",'key encipherment'", "",
			"allowed subjectaccessreviews\napprove certificatesigningrequests a\n"},
		{NODE, CLIENT, "x", USAGES, STATUS, ""},
		{NODE, CLIENT, "x", USAGES, "'conditions':[{'type':'Denied'}]", ""},
		{NODE, CLIENT, "x", USAGES, "'certificate':'x'", ""},
		{NODE, CLIENT, "x", "'client auth'", "", ""},
		{NODE, CLIENT, "x", USAGES ",'server auth'", "", ""},
		{NODE, "kubelet-serving", "x", USAGES, "", ""},
		{"system:node:n1", "system:masters", "", CLIENT, "x", USAGES, "", ""},
		{"jane", "system:nodes", "", CLIENT, "x", USAGES, "", ""},
		{"system:node:n1", "system:nodes", "n1", CLIENT, "x", USAGES, "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		certificate_approve(&r.plan, requests(), request_of(&r, &all[i]), 0);
		EXPECT_STR(plan_rig_text(&r), all[i].plan);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(who_asks_for_himself_has_two_rights_to_be_asked_for)
{
	static const struct row own = {NODE, CLIENT, "system:node:n1", USAGES, "", ""};
	static const struct row other = {NODE, CLIENT, "x", USAGES, "", ""};
	struct plan_rig r;

	plan_rig_start(&r);
	certificate_approve(&r.plan, requests(), request_of(&r, &own), 0);
	EXPECT_STR(tree_str(r.plan.steps[0].body, "spec.resourceAttributes.subresource"),
		"selfnodeclient");
	EXPECT_STR(tree_str(r.plan.steps[0].body, "spec.user"), "system:node:n1");
	EXPECT_STR(json_str(json_path(r.plan.steps[0].body, "spec.groups.0")), "g");
	plan_rig_text(&r);
	certificate_approve(&r.plan, requests(), request_of(&r, &own), 1);
	EXPECT_STR(tree_str(r.plan.steps[0].body, "spec.resourceAttributes.subresource"),
		"nodeclient");
	plan_rig_text(&r);
	certificate_approve(&r.plan, requests(), request_of(&r, &other), 1);
	EXPECT_INT(r.plan.count, 0);
	plan_rig_stop(&r);
}

static struct certificate_signer signer_new(void)
{
	struct certificate_signer s = {.lifetime = 100 * HOUR};
	struct cert_request root = {.subject.common_name = STR("ca"),
		.now = NOW,
		.lifetime = 1000 * HOUR,
		.is_ca = true,
		.path_length = -1};

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &s.key, NULL), 0);
	s.chain.items = mem_new(sizeof(struct cert *));
	s.chain.count = 1;
	EXPECT_INT(cert_issue(&root, s.key, NULL, s.key, &s.chain.items[0], NULL), 0);
	return s;
}

static void signer_done(struct certificate_signer *s)
{
	certs_done(&s->chain);
	key_unref(s->key);
}

static struct str fault_of(const char *signer, const char *name, const char *organization,
	const char *dns, const char *usages, struct plan_rig *r, const struct certificate_signer *s)
{
	struct row row = {name, organization, dns, signer, "x", usages, STATUS, ""};

	r->plan = (struct plan){.arena = &r->arena};
	certificate_sign(&r->plan, requests(), request_of(r, &row), s, NOW);
	if (!r->plan.count)
		return STR("nothing");
	return tree_str(r->plan.steps[0].body, "status.certificate").len
		       ? STR("")
		       : tree_str(json_path(r->plan.steps[0].body, "status.conditions.1"),
				 "message");
}

TEST(each_signer_wants_something_else)
{
	static const struct {
		const char *signer, *name, *organization, *dns, *usages, *fault;
	} all[] = {
		{CLIENT, NODE, USAGES, ""},
		{CLIENT, "a", "system:nodes", "", USAGES,
			"subject common name does not begin with system:node:"},
		{CLIENT, "system:node:n1", "x", "", USAGES,
			"subject organization is not system:nodes"},
		{CLIENT, "system:node:n1", "system:nodes", "n1", USAGES,
			"DNS subjectAltNames are not allowed"},
		{CLIENT, NODE, "'client auth'",
			"usages did not match [client auth digital signature key encipherment]"},
		{"kubelet-serving", "system:node:n1", "system:nodes", "n1",
			"'digital signature','key encipherment','server auth'", ""},
		{"kubelet-serving", NODE, "'digital signature','server auth'",
			"DNS or IP subjectAltName is required"},
		{"kube-apiserver-client", "jane", "", "", "'client auth'", ""},
		{"kube-apiserver-client", "jane", "", "", "'digital signature'",
			"missing required usage for client certificate: client auth"},
		{"kube-apiserver-client", "jane", "", "", "'client auth','server auth'",
			"invalid usage for client certificate: server auth"},
		{"legacy-unknown", "anybody", "", "", "'any'", ""},
		{"something-else", "anybody", "", "", "'any'", "nothing"},
	};
	struct certificate_signer s = signer_new();

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		EXPECT_STR(fault_of(all[i].signer, all[i].name, all[i].organization, all[i].dns,
				   all[i].usages, &r, &s),
			all[i].fault);
		plan_rig_stop(&r);
	}
	test_context_end();
	signer_done(&s);
}

TEST(requests_are_forgotten_in_time)
{
	static const struct {
		const char *request, *plan;
	} all[] = {
		{"{'metadata':{'name':'a','creationTimestamp':'2026-01-01T00:00:00Z'}}",
			"again in 86301000 ms\n"},
		{"{'metadata':{'name':'a','creationTimestamp':'2025-12-31T00:00:00Z'}}",
			"delete certificatesigningrequests a\n"},
		{"{'metadata':{'name':'a'},'status':{'conditions':[{'type':'Denied',"
		 "'lastUpdateTime':'2025-12-31T23:01:39Z'}]}}",
			"delete certificatesigningrequests a\n"},
		{"{'metadata':{'name':'a'},'status':{'conditions':[{'type':'Denied',"
		 "'lastUpdateTime':'2025-12-31T23:02:00Z'}]}}",
			"again in 21000 ms\n"},
		{"{'metadata':{'name':'a','creationTimestamp':'2026-01-01T00:00:00Z'},'status':"
		 "{'conditions':[{'type':'Approved','lastUpdateTime':'2025-12-31T20:00:00Z'}]}}",
			"again in 86301000 ms\n"},
		{"{'metadata':{'name':'a'},'status':{'certificate':'eA==','conditions':[{'type':"
		 "'Approved','lastUpdateTime':'2025-12-31T20:00:00Z'}]}}",
			"delete certificatesigningrequests a\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		certificate_clean(&r.plan, requests(), plan_rig_tree(&r, all[i].request), NOW);
		EXPECT_STR(plan_rig_text(&r), all[i].plan);
		plan_rig_stop(&r);
	}
	test_context_end();
}

/* ---- tokens with which nodes join ---- */

#define TOKEN(id, more)                                                                            \
	"{'metadata':{'name':'bootstrap-token-" id "','uid':'u'},'type':"                          \
	"'bootstrap.kubernetes.io/token','data':{'token-id':'YWJjZGVm','token-secret':"            \
	"'MDEyMzQ1Njc4OWFiY2RlZg==','usage-bootstrap-signing':'dHJ1ZQ=='" more "}}"
#define ENDS_2020 ",'expiration':'MjAyMC0wMS0wMVQwMDowMDowMFo='"
#define ENDS_2027 ",'expiration':'MjAyNy0wMS0wMVQwMDowMDowMFo='"
/* echo -n 'x: y' signed by 0123456789abcdef as openssl does it */
#define SIGNED                                                                                     \
	"eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9.."                                               \
	"Z_REFHD3rNS90MT-MlgqfupFZGbbs5XgqXT_B4bXOS8"

TEST(the_cluster_is_told_of_by_tokens_that_may)
{
	static const struct {
		const char *map, *secret;
		bool changes, is_signed;
	} all[] = {
		{"{'data':{'kubeconfig':'x: y'}}", TOKEN("abcdef", ""), true, true},
		{"{'data':{'kubeconfig':'x: y'}}", TOKEN("abcdef", ENDS_2027), true, true},
		{"{'data':{'kubeconfig':'x: y'}}", TOKEN("abcdef", ENDS_2020), false, false},
		{"{'data':{'kubeconfig':'x: y'}}", TOKEN("fedcba", ""), false, false},
		{"{'data':{'kubeconfig':'x: y','jws-kubeconfig-abcdef':'" SIGNED "'}}",
			TOKEN("abcdef", ""), false, true},
		{"{'data':{'kubeconfig':'x: y','jws-kubeconfig-abcdef':'old'}}",
			TOKEN("abcdef", ""), true, true},
		{"{'data':{'kubeconfig':'x: y','jws-kubeconfig-fedcba':'" SIGNED "'}}",
			TOKEN("abcdef", ENDS_2020), true, false},
		{"{'data':{'other':'x: y'}}", TOKEN("abcdef", ""), false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cJSON *map = plan_rig_tree(&r, all[i].map);
		struct cJSON *secret = plan_rig_tree(&r, all[i].secret);
		EXPECT(bootstrap_sign(&r.arena, map, &secret, 1, NOW) == all[i].changes);
		EXPECT_STR(tree_str(map, "data.jws-kubeconfig-abcdef"),
			all[i].is_signed ? SIGNED : "");
		EXPECT_STR(tree_str(map, "data.jws-kubeconfig-fedcba"), "");
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(tokens_end_when_they_say)
{
	static const char *const all[][2] = {
		{TOKEN("abcdef", ""), ""},
		{TOKEN("abcdef", ENDS_2020), "delete secrets bootstrap-token-abcdef\n"},
		{TOKEN("abcdef", ENDS_2027), "again in 31535900000 ms\n"},
		{TOKEN("abcdef", ",'expiration':'eA=='"),
			"delete secrets bootstrap-token-abcdef\n"},
		{"{'metadata':{'name':'a'},'type':'Opaque','data':{'expiration':'eA=='}}", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		bootstrap_clean(&r.plan, secrets(), plan_rig_tree(&r, all[i][0]), NOW);
		EXPECT_STR(plan_rig_text(&r), all[i][1]);
		plan_rig_stop(&r);
	}
	test_context_end();
}

/* ---- tokens in Secrets ---- */

#define SECRET(data)                                                                               \
	"{'metadata':{'name':'t','namespace':'n','annotations':{"                                  \
	"'kubernetes.io/service-account.name':'a'}},'type':"                                       \
	"'kubernetes.io/service-account-token'," data "}"
#define WITH_UID                                                                                   \
	"{'metadata':{'name':'t','namespace':'n','annotations':{"                                  \
	"'kubernetes.io/service-account.uid':'other'}},'type':"                                    \
	"'kubernetes.io/service-account-token'}"

TEST(secrets_of_accounts_become_tokens)
{
	static const struct {
		const char *secret;
		bool no_account;
		const char *plan;
	} all[] = {
		{SECRET("'data':{}"), false, "update secrets t\n"},
		{SECRET("'data':{}"), true, "delete secrets t\n"},
		{WITH_UID, false, "delete secrets t\n"},
		{SECRET("'data':{'token':'eA==','namespace':'bg==','ca.crt':'Y2E='}"), false, ""},
		{SECRET("'data':{'token':'eA==','namespace':'bg==','ca.crt':'eA=='}"), false,
			"update secrets t\n"},
		{"{'metadata':{'name':'t'},'type':'Opaque'}", true, ""},
	};
	struct account_signer s = {.root_ca = STR("ca")};

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &s.key, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cJSON *account =
			plan_rig_tree(&r, "{'metadata':{'name':'a','namespace':'n','uid':'u'}}");
		struct cJSON *secret = plan_rig_tree(&r, all[i].secret);
		account_token_fill(
			&r.plan, secrets(), secret, all[i].no_account ? NULL : account, &s);
		EXPECT_STR(plan_rig_text(&r), all[i].plan);
		plan_rig_stop(&r);
	}
	test_context_end();
	key_unref(s.key);
}

TEST(a_token_in_a_secret_says_whose_it_is)
{
	struct account_signer s = {0};
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct plan_rig r;
	struct jwt jwt;

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &s.key, NULL), 0);
	plan_rig_start(&r);
	struct cJSON *account =
		plan_rig_tree(&r, "{'metadata':{'name':'a','namespace':'n','uid':'u'}}");
	account_token_fill(&r.plan, secrets(), plan_rig_tree(&r, SECRET("'data':{}")), account, &s);
	REQUIRE(r.plan.count == 1);
	const struct cJSON *made = r.plan.steps[0].body;
	EXPECT_INT(base64_decode(&text, tree_str(made, "data.token"), NULL), 0);
	REQUIRE(jwt_read(&r.arena, buf_str(&text), &jwt, NULL) == 0);
	EXPECT_INT(jwt_verify(&jwt, s.key, NULL), 0);
	EXPECT_STR(json_str(json_get(jwt.claims, STR("iss"))), "kubernetes/serviceaccount");
	EXPECT_STR(json_str(json_get(jwt.claims, STR("sub"))), "system:serviceaccount:n:a");
	EXPECT_STR(json_str(json_get(jwt.claims, STR("kubernetes.io/serviceaccount/secret.name"))),
		"t");
	EXPECT_STR(json_str(json_get(json_path(made, "metadata.annotations"),
			   STR("kubernetes.io/service-account.uid"))),
		"u");
	EXPECT(!json_get(json_get(made, STR("data")), STR("ca.crt")));
	plan_rig_stop(&r);
	key_unref(s.key);
}
