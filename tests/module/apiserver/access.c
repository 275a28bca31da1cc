/* Who may do what, on a store: nodes, roles, tokens, and what admission makes of objects. */
#include "loop_test.h"

#include "apiserver/access.h"
#include "apiserver/admission.h"
#include "apiserver/api_options.h"
#include "apiserver/metrics.h"
#include "apiserver/pki.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <stdio.h>
#include <stdlib.h>

#define ISSUER "https://issuer.test"

static struct {
	struct loop_test t;
	struct arena arena;
	struct api_options options;
	struct pki pki;
	struct key *keys[1];
	struct api_server server;
	struct str issuers[1], modes[2];
	struct told opened, closed;
	char dir[64];
} world;

static void world_open(void)
{
	struct store_options store = {.no_sync = true};
	struct api_server *s = &world.server;

	memset(&world, 0, sizeof(world));
	arena_init(&world.arena);
	loop_test_init(&world.t, LOOP_TEST_REAL);
	strcpy(world.dir, "/tmp/kube-access-XXXXXX");
	EXPECT(mkdtemp(world.dir) != NULL);
	store.path = world.dir;
	world.issuers[0] = STR(ISSUER);
	world.options.sa_issuers.items = world.options.api_audiences.items = world.issuers;
	world.options.sa_issuers.count = world.options.api_audiences.count = 1;
	world.options.sa_lookup = true;
	world.modes[0] = STR("Node");
	world.modes[1] = STR("RBAC");
	world.options.authorization_modes.items = world.modes;
	world.options.authorization_modes.count = 2;
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &world.keys[0], NULL), 0);
	world.pki.signing = world.keys[0];
	world.pki.verifying = world.keys;
	world.pki.verifying_count = 1;
	s->env = world.t.env;
	s->options = &world.options;
	s->pki = &world.pki;
	s->metrics = metrics_new(s);
	scope_init(&s->scope, world.t.root, "server", NULL);
	store_open(world.t.env, told_op(&world.opened, world.t.root, OP_NO_DEADLINE), world.t.root,
		&store, &s->store);
	loop_test_run_until(&world.t, &world.opened.done);
	EXPECT_INT(authn_new(s, &s->authn, NULL), 0);
	EXPECT_INT(authz_new(s, &s->authz, NULL), 0);
	EXPECT_INT(admission_new(s, &s->admission, NULL), 0);
}

static void world_close(void)
{
	struct told scope_closed = {0};
	char command[128];

	authn_free(world.server.authn);
	authz_free(world.server.authz);
	scope_close(&world.server.scope, told_op(&scope_closed, world.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.t, &scope_closed.done);
	store_close(world.server.store, told_op(&world.closed, world.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.t, &world.closed.done);
	admission_free(world.server.admission);
	metrics_free(world.server.metrics);
	key_unref(world.keys[0]);
	told_done(&scope_closed);
	told_done(&world.opened);
	told_done(&world.closed);
	arena_done(&world.arena);
	snprintf(command, sizeof(command), "rm -r %s", world.dir);
	EXPECT_INT(system(command), 0);
	loop_test_done(&world.t);
}

static const struct resource *resource(const char *group, const char *plural)
{
	return resource_find(str_from(group), STR("v1"), str_from(plural));
}

static struct cJSON *tree(const char *json)
{
	struct cJSON *root = NULL;
	_cleanup_(err_done) struct err err = {0};

	EXPECT_OK(json_parse(&world.arena, str_from(json), NULL, &root, &err), &err);
	return root;
}

static void put(const char *group, const char *plural, const char *json)
{
	struct own_write w = {.resource = resource(group, plural), .object = tree(json)};
	struct told written = {0};

	server_write(&world.server, told_op(&written, world.t.root, OP_NO_DEADLINE), &w);
	loop_test_run_until(&world.t, &written.done);
	EXPECT_INT(written.err.code, 0);
	told_done(&written);
}

static void drop(const char *group, const char *plural, const char *key)
{
	struct bucket *b = server_bucket(&world.server, resource(group, plural));
	struct object *o = store_get(b, str_from(key));
	struct commit c = {
		.bucket = b, .key = str_from(key), .expected = o->revision, .delete_ = true};
	struct told gone = {0};

	draft_from_object(&c.draft, o);
	store_commit(world.server.store, told_op(&gone, world.t.root, OP_NO_DEADLINE), &c);
	loop_test_run_until(&world.t, &gone.done);
	EXPECT_INT(gone.err.code, 0);
	object_unref(c.result);
	told_done(&gone);
}

/* ---- nodes ---- */

static const struct api_user *node(const char *name)
{
	struct api_user *u = arena_new(&world.arena, sizeof(*u));
	static struct str groups[] = {STR_INIT("system:nodes"), STR_INIT("system:authenticated")};

	u->name = arena_print(&world.arena, "system:node:%s", name);
	u->groups = groups;
	u->group_count = ARRAY_LEN(groups);
	return u;
}

static bool may_get(const struct api_user *u, const char *plural, const char *name)
{
	struct access_query q = {.user = u,
		.verb = STR("get"),
		.is_resource = true,
		.version = STR("v1"),
		.resource = str_from(plural),
		.namespace = str_eq_text(STR("persistentvolumes"), plural) ? STR("") : STR("ns"),
		.name = str_from(name)};
	struct str reason;

	return authz_ask(world.server.authz, &world.arena, &q, &reason) == ACCESS_ALLOW;
}

#define POD(node_name)                                                                             \
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"p\"},\"spec\":{\"nodeName\":\"" node_name  \
	"\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"volumes\":[{\"name\":\"a\","       \
	"\"secret\":{\"secretName\":\"s\"}},{\"name\":\"b\",\"persistentVolumeClaim\":{"           \
	"\"claimName\":\"claim\"}}]}}"

TEST(a_node_reads_what_the_pods_bound_to_it_name)
{
	world_open();
	EXPECT(!may_get(node("n1"), "secrets", "s"));
	put("", "pods", POD("n1"));
	put("", "persistentvolumes",
		"{\"metadata\":{\"name\":\"pv\"},\"spec\":{\"claimRef\":{\"namespace\":\"ns\","
		"\"name\":\"claim\"},\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\","
		"\"nodeStageSecretRef\":{\"namespace\":\"ns\",\"name\":\"stage\"}}}}");
	EXPECT(may_get(node("n1"), "secrets", "s"));
	EXPECT(may_get(node("n1"), "secrets", "stage"));
	EXPECT(may_get(node("n1"), "persistentvolumeclaims", "claim"));
	EXPECT(may_get(node("n1"), "persistentvolumes", "pv"));
	EXPECT(may_get(node("n1"), "pods", "p"));
	EXPECT(!may_get(node("n1"), "secrets", "other"));
	EXPECT(!may_get(node("n2"), "secrets", "s"));
	EXPECT(!may_get(node("n2"), "persistentvolumes", "pv"));
	/* the index follows what happens to pods */
	put("", "pods", POD("n2"));
	EXPECT(!may_get(node("n1"), "secrets", "s"));
	EXPECT(may_get(node("n2"), "secrets", "s"));
	drop("", "pods", "ns/p");
	EXPECT(!may_get(node("n2"), "secrets", "s"));
	world_close();
}

/* ---- roles ---- */

static struct api_request request_of(const char *name, const char *group)
{
	struct api_user *u = arena_new(&world.arena, sizeof(*u));

	u->name = str_from(name);
	u->groups = arena_new(&world.arena, sizeof(*u->groups));
	u->groups[u->group_count++] = str_from(group);
	return (struct api_request){
		.server = &world.server, .arena = &world.arena, .user = u, .namespace = STR("ns")};
}

static struct str verdict(struct api_request *r, const char *plural, const char *json)
{
	struct status *s = rbac_check_write(
		r, resource("rbac.authorization.k8s.io", plural), tree(json), NULL);

	return s ? s->message : STR("yes");
}

TEST(nobody_hands_out_what_they_do_not_have)
{
	static const char pods[] =
		"{\"metadata\":{\"name\":\"x\"},\"rules\":[{\"apiGroups\":[\"\"],"
		"\"resources\":[\"pods\"],\"verbs\":[\"get\",\"list\"]}]}";
	static const char bind[] = "{\"metadata\":{\"name\":\"x\"},\"roleRef\":{\"kind\":\"Role\","
				   "\"name\":\"%s\"}}";
	char none[200], own[200];

	world_open();
	snprintf(none, sizeof(none), bind, "none");
	snprintf(own, sizeof(own), bind, "own");
	put("rbac.authorization.k8s.io", "roles",
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"own\"},\"rules\":[{\"apiGroups\":["
		"\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]}");
	put("rbac.authorization.k8s.io", "rolebindings",
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"b\"},\"subjects\":[{\"kind\":"
		"\"User\",\"apiGroup\":\"rbac.authorization.k8s.io\",\"name\":\"alice\"}],"
		"\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\","
		"\"name\":\"own\"}}");
	struct api_request alice = request_of("alice", "devs");
	struct api_request admin = request_of("root", "system:masters");
	EXPECT_STR(verdict(&alice, "roles", pods),
		"roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"alice\" "
		"(groups=[\"devs\"]) is attempting to grant RBAC permissions not currently held:\n"
		"{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}");
	EXPECT_STR(verdict(&alice, "roles", "{\"metadata\":{\"name\":\"x\"}}"), "yes");
	EXPECT_STR(verdict(&alice, "rolebindings", own), "yes");
	EXPECT_STR(verdict(&alice, "rolebindings", none),
		"rolebindings.rbac.authorization.k8s.io \"none\" not found");
	EXPECT_STR(verdict(&admin, "roles", pods), "yes");
	EXPECT_STR(verdict(&admin, "rolebindings", none), "yes");
	world_close();
}

/* ---- tokens ---- */

static struct str issue(int64_t age, int64_t life)
{
	struct token_issue i = {0};
	struct told made = {0};
	int64_t now = clock_wall() / SEC - age;
	const struct cJSON *account = server_read(
		&world.server, &world.arena, "", "serviceaccounts", STR("ns"), STR("a"));
	struct token_claims c = {.namespace = STR("ns"),
		.account = {STR("a"), tree_str(account, "metadata.uid")},
		.audiences = world.issuers,
		.audience_count = 1,
		.issued = now,
		.expires = now + life};

	token_issue(world.server.authn, told_op(&made, world.t.root, OP_NO_DEADLINE), &i, &c);
	loop_test_run_until(&world.t, &made.done);
	EXPECT_INT(made.err.code, 0);
	struct str token = arena_str(&world.arena, buf_str(&i.token));
	token_issue_done(&i);
	told_done(&made);
	return token;
}

static struct str review(struct str token, const struct str *audiences, size_t count)
{
	_cleanup_(err_done) struct err err = {0};
	struct token_found found = {0};
	struct token_question q = {.arena = &world.arena,
		.token = token,
		.audiences = audiences,
		.audience_count = count};
	bool good = token_review(world.server.authn, &q, &found, &err) == TOKEN_GOOD;

	return good ? found.user->name : arena_str(&world.arena, str_from(err_text(&err)));
}

TEST(a_token_is_good_as_long_as_its_account_is_there)
{
	static const struct str other = STR_INIT("other");
	struct str good, old;

	world_open();
	put("", "serviceaccounts", "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\"}}");
	good = issue(0, 600);
	old = issue(1000, 600);
	EXPECT_STR(review(good, NULL, 0), "system:serviceaccount:ns:a");
	EXPECT_STR(
		review(old, NULL, 0), "[invalid bearer token, service account token has expired]");
	EXPECT_STR(review(good, &other, 1), "[invalid bearer token, token audiences [\"" ISSUER
					    "\"] is invalid for the target audiences [\"other\"]]");
	EXPECT_STR(review(str_sub(good, 0, good.len - 4), NULL, 0),
		"[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]");
	drop("", "serviceaccounts", "ns/a");
	EXPECT_STR(
		review(good, NULL, 0), "[invalid bearer token, serviceaccounts \"a\" not found]");
	put("", "serviceaccounts", "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\"}}");
	EXPECT(str_find(review(good, NULL, 0), STR("does not match claim")) > 0);
	EXPECT_STR(review(STR("nonsense"), NULL, 0), "invalid bearer token");
	world_close();
}

/* id aaaaaa, secret bbbbbbbbbbbbbbbb, usage-bootstrap-authentication true */
#define BOOTSTRAP(expiration, groups)                                                              \
	"{\"metadata\":{\"namespace\":\"kube-system\",\"name\":\"bootstrap-token-aaaaaa\"},"       \
	"\"type\":\"bootstrap.kubernetes.io/token\",\"data\":{\"token-id\":\"YWFhYWFh\","          \
	"\"token-secret\":\"YmJiYmJiYmJiYmJiYmJiYg==\","                                           \
	"\"usage-bootstrap-authentication\":\"dHJ1ZQ==\",\"expiration\":\"" expiration             \
	"\",\"auth-extra-groups\":\"" groups "\"}}"
#define IN_2099 "MjA5OS0wMS0wMVQwMDowMDowMFo="
#define IN_1999 "MTk5OS0wMS0wMVQwMDowMDowMFo="

TEST(a_bootstrap_token_is_good_while_its_secret_says_so)
{
	static const struct str token = STR_INIT("aaaaaa.bbbbbbbbbbbbbbbb");

	world_open();
	world.options.enable_bootstrap_token_auth = true;
	EXPECT_STR(review(token, NULL, 0), "invalid bearer token");
	put("", "secrets", BOOTSTRAP(IN_2099, ""));
	EXPECT_STR(review(token, NULL, 0), "system:bootstrap:aaaaaa");
	EXPECT_STR(review(STR("aaaaaa.bbbbbbbbbbbbbbbc"), NULL, 0), "invalid bearer token");
	put("", "secrets", BOOTSTRAP(IN_1999, ""));
	EXPECT_STR(review(token, NULL, 0), "invalid bearer token");
	/* system:bootstrappers:x and system:masters */
	put("", "secrets", BOOTSTRAP(IN_2099, "c3lzdGVtOmJvb3RzdHJhcHBlcnM6eA=="));
	EXPECT_STR(review(token, NULL, 0), "system:bootstrap:aaaaaa");
	put("", "secrets", BOOTSTRAP(IN_2099, "c3lzdGVtOm1hc3RlcnM="));
	EXPECT_STR(review(token, NULL, 0), "invalid bearer token");
	world.options.enable_bootstrap_token_auth = false;
	put("", "secrets", BOOTSTRAP(IN_2099, ""));
	EXPECT_STR(review(token, NULL, 0), "invalid bearer token");
	world_close();
}

/* ---- admission ---- */

static struct admission_review creating(
	const char *group, const char *plural, const char *name, const char *json)
{
	static struct api_user somebody = {.name = STR_INIT("somebody")};

	return (struct admission_review){.server = &world.server,
		.arena = &world.arena,
		.operation = ADMIT_CREATE,
		.resource = resource(group, plural),
		.namespace = STR("ns"),
		.name = str_from(name),
		.object = tree(json),
		.user = &somebody};
}

static void told(struct admission_review *a, struct status *no)
{
	*(struct status **)a->ctx = no;
}

/* Hears later. */
struct hearing {
	struct http_exchange x;
	struct api_request request;
	struct status *no;
	bool told;
};

static void hear(struct admission_review *a, struct status *no)
{
	struct hearing *h = a->ctx;

	h->no = no;
	h->told = true;
}

static void judge(struct admission_review *a, struct hearing *h)
{
	h->request = (struct api_request){
		.server = &world.server, .x = &h->x, .deadline = OP_NO_DEADLINE};
	scope_init(&h->x.scope, world.t.root, "exchange", NULL);
	a->request = &h->request;
	a->next = hear;
	a->ctx = h;
	admission_start(a, ADMIT_VALIDATE);
}

static void heard(struct hearing *h)
{
	struct told closed = {0};

	loop_test_run_until(&world.t, &h->told);
	scope_close(&h->x.scope, told_op(&closed, world.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.t, &closed.done);
	told_done(&closed);
}

static struct str admitted(struct admission_review *a)
{
	struct status *s = NULL;

	a->next = told;
	a->ctx = &s;
	admission_start(a, ADMIT_MUTATE);
	if (!s)
		admission_start(a, ADMIT_VALIDATE);
	return s ? s->message : STR("yes");
}

static void put_namespace(void)
{
	put("", "namespaces", "{\"metadata\":{\"name\":\"ns\"},\"status\":{\"phase\":\"Active\"}}");
	put("", "serviceaccounts", "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"default\"}}");
}

TEST(writes_that_come_together_cannot_take_the_same_room)
{
	const struct cJSON *quota;

	world_open();
	put_namespace();
	put("", "resourcequotas",
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"q\"},\"spec\":{\"hard\":{"
		"\"configmaps\":\"2\"}},\"status\":{\"hard\":{\"configmaps\":\"2\"},\"used\":{"
		"\"configmaps\":\"0\"}}}");
	struct admission_review one = creating("", "configmaps", "a", "{}"), two = one, three = one;
	struct admission_review dry = creating("", "configmaps", "d", "{}");
	struct hearing hearings[3] = {0};
	dry.dry_run = true;
	/* three within one turn of the loop: nothing of it is on the disk yet */
	judge(&one, &hearings[0]);
	EXPECT_STR(admitted(&dry), "yes");
	judge(&two, &hearings[1]);
	judge(&three, &hearings[2]);
	/* room is taken at once; who has some comes behind what the quota says of it */
	EXPECT(!hearings[0].told && !hearings[1].told);
	REQUIRE(hearings[2].told && hearings[2].no);
	EXPECT_STR(hearings[2].no->message,
		"configmaps \"a\" is forbidden: exceeded quota: q, requested: configmaps=1, used: "
		"configmaps=2, limited: configmaps=2");
	for (int i = 0; i < 3; i++)
		heard(&hearings[i]);
	EXPECT(!hearings[0].no && !hearings[1].no);
	quota = object_tree(&world.arena,
		store_newest(
			server_bucket(&world.server, resource("", "resourcequotas")), STR("ns/q")));
	EXPECT_STR(tree_str(quota, "status.used.configmaps"), "2");
	for (int i = 0; i < 100; i++) {
		quota = server_read(
			&world.server, &world.arena, "", "resourcequotas", STR("ns"), STR("q"));
		if (str_eq_text(tree_str(quota, "status.used.configmaps"), "2"))
			break;
		struct told tick = {0};
		timer_wait(told_op(&tick, world.t.root, OP_NO_DEADLINE),
			loop_in(world.t.loop, 10 * MSEC));
		loop_test_run_until(&world.t, &tick.done);
		told_done(&tick);
	}
	EXPECT_STR(tree_str(quota, "status.used.configmaps"), "2");
	world_close();
}

TEST(ranges_give_to_containers_and_demand_of_them)
{
	static const char plain[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{"
				    "\"name\":\"c\"}]}}";
	static const char large[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{"
				    "\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"3\"},"
				    "\"requests\":{\"cpu\":\"1\"}}}]}}";

	world_open();
	put_namespace();
	put("", "limitranges",
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"r\"},\"spec\":{\"limits\":[{"
		"\"type\":\"Container\",\"max\":{\"cpu\":\"2\"},\"default\":{\"cpu\":\"1\"},"
		"\"defaultRequest\":{\"cpu\":\"1\"}},{\"type\":\"Pod\",\"max\":{\"cpu\":\"4\"}}]}"
		"}");
	struct admission_review a = creating("", "pods", "p", plain);
	struct admission_review b = creating("", "pods", "p", large);
	EXPECT_STR(admitted(&a), "yes");
	EXPECT_STR(tree_str(a.object, "spec.containers.0.resources.limits.cpu"), "1");
	EXPECT_STR(json_str(json_get(json_path(a.object, "metadata.annotations"),
			   STR("kubernetes.io/limit-ranger"))),
		"LimitRanger plugin set: cpu request for container c; cpu limit for container c");
	EXPECT_STR(admitted(&b),
		"pods \"p\" is forbidden: maximum cpu usage per Container is 2, but limit is 3");
	world_close();
}

TEST(a_runtime_class_says_where_and_at_what_cost)
{
	static const char pod[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"runtimeClassName\":"
				  "\"%s\",\"nodeSelector\":{\"vm\":\"%s\"},\"containers\":[]}}";
	char good[200], missing[200], other[200];

	world_open();
	snprintf(good, sizeof(good), pod, "vm", "yes");
	snprintf(missing, sizeof(missing), pod, "none", "yes");
	snprintf(other, sizeof(other), pod, "vm", "no");
	put_namespace();
	put("node.k8s.io", "runtimeclasses",
		"{\"metadata\":{\"name\":\"vm\"},\"handler\":\"vm\",\"overhead\":{\"podFixed\":{"
		"\"cpu\":\"1\"}},\"scheduling\":{\"nodeSelector\":{\"vm\":\"yes\",\"kvm\":\"1\"}}"
		"}");
	struct admission_review a = creating("", "pods", "p", good);
	struct admission_review b = creating("", "pods", "p", missing);
	struct admission_review c = creating("", "pods", "p", other);
	EXPECT_STR(admitted(&a), "yes");
	EXPECT_STR(tree_str(a.object, "spec.overhead.cpu"), "1");
	EXPECT_STR(tree_str(a.object, "spec.nodeSelector.kvm"), "1");
	EXPECT_STR(admitted(&b),
		"pods \"p\" is forbidden: pod rejected: RuntimeClass \"none\" not found");
	EXPECT_STR(admitted(&c), "pods \"p\" is forbidden: conflict: "
				 "runtimeClass.scheduling.nodeSelector[vm] = yes; "
				 "pod.spec.nodeSelector[vm] = no");
	world_close();
}

/* ---- what nodes may change ---- */

static struct str by_node(struct admission_review *a, const char *subresource, const char *old)
{
	a->user = node("n1");
	a->subresource = str_from(subresource);
	if (old) {
		a->operation = ADMIT_UPDATE;
		a->old = tree(old);
	}
	return admitted(a);
}

TEST(a_node_changes_only_its_own)
{
	static const char labels[] = "{\"metadata\":{\"name\":\"n1\",\"labels\":{\"%s\":\"x\"}}}";
	char good[100], bad[100];

	world_open();
	put_namespace();
	admission_free(world.server.admission);
	struct str plugin = STR("NodeRestriction");
	world.options.enable_admission.items = &plugin;
	world.options.enable_admission.count = 1;
	EXPECT_INT(admission_new(&world.server, &world.server.admission, NULL), 0);
	snprintf(good, sizeof(good), labels, "kubelet.kubernetes.io/x");
	snprintf(bad, sizeof(bad), labels, "node-role.kubernetes.io/x");
	struct admission_review own = creating("", "nodes", "n1", good);
	struct admission_review role = creating("", "nodes", "n1", bad);
	struct admission_review other = creating("", "nodes", "n2", "{}");
	EXPECT_STR(by_node(&own, "", NULL), "yes");
	EXPECT_STR(by_node(&role, "", NULL), "nodes \"n1\" is forbidden: node \"n1\" is not "
					     "allowed to set the following labels: "
					     "node-role.kubernetes.io/x");
	EXPECT_STR(by_node(&role, "", good),
		"nodes \"n1\" is forbidden: is not allowed to modify labels: "
		"node-role.kubernetes.io/x");
	EXPECT_STR(by_node(&other, "", NULL),
		"nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
	struct admission_review mirror = creating("", "pods", "p", POD("n1"));
	EXPECT_STR(by_node(&mirror, "", NULL),
		"pods \"p\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" "
		"annotation, node \"n1\" can only create mirror pods");
	world_close();
}

TEST(a_node_asks_for_tokens_of_its_pods_alone)
{
	char wrong_node[300], right[300], audience[300];
	static const char text[] =
		"{\"spec\":{\"audiences\":[%s],\"boundObjectRef\":{\"kind\":\"Pod\","
		"\"apiVersion\":\"v1\",\"name\":\"%s\",\"uid\":\"%.*s\"}}}";
	static const char projected[] =
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"%s\"},\"spec\":{\"nodeName\":\"%"
		"s\","
		"\"containers\":[],\"volumes\":[{\"name\":\"t\",\"projected\":{\"sources\":[{"
		"\"serviceAccountToken\":{\"audience\":\"vault\",\"path\":\"t\"}}]}}]}}";
	char mine[400], theirs[400];

	world_open();
	put_namespace();
	admission_free(world.server.admission);
	struct str plugin = STR("NodeRestriction");
	world.options.enable_admission.items = &plugin;
	world.options.enable_admission.count = 1;
	EXPECT_INT(admission_new(&world.server, &world.server.admission, NULL), 0);
	snprintf(mine, sizeof(mine), projected, "mine", "n1");
	snprintf(theirs, sizeof(theirs), projected, "theirs", "n2");
	put("", "pods", mine);
	put("", "pods", theirs);
	struct str mine_uid = tree_str(
		server_read(&world.server, &world.arena, "", "pods", STR("ns"), STR("mine")),
		"metadata.uid");
	struct str theirs_uid = tree_str(
		server_read(&world.server, &world.arena, "", "pods", STR("ns"), STR("theirs")),
		"metadata.uid");
	snprintf(right, sizeof(right), text, "\"vault\"", "mine", STRF(mine_uid));
	snprintf(audience, sizeof(audience), text, "\"other\"", "mine", STRF(mine_uid));
	snprintf(wrong_node, sizeof(wrong_node), text, "", "theirs", STRF(theirs_uid));
	struct admission_review a = creating("", "serviceaccounts", "default", right);
	struct admission_review b = creating("", "serviceaccounts", "default", audience);
	struct admission_review c = creating("", "serviceaccounts", "default", wrong_node);
	struct admission_review d = creating("", "serviceaccounts", "default", "{\"spec\":{}}");
	EXPECT_STR(by_node(&a, "token", NULL), "yes");
	EXPECT_STR(by_node(&b, "token", NULL), "serviceaccounts \"default\" is forbidden: audience "
					       "\"other\" not found in pod spec "
					       "volume");
	EXPECT_STR(by_node(&c, "token", NULL),
		"serviceaccounts \"default\" is forbidden: node requested token bound to a pod "
		"scheduled on a different node");
	EXPECT_STR(by_node(&d, "token", NULL), "serviceaccounts \"default\" is forbidden: node "
					       "requested token not bound to a pod");
	world_close();
}

/* ---- bindings that name somebody in several ways ---- */

static bool may_read(const char *name, const char *group, const char *namespace)
{
	struct str groups[] = {str_from(group), str_from(group)}, reason;
	struct api_user u = {.name = str_from(name), .groups = groups, .group_count = 2};
	struct access_query q = {.user = &u,
		.verb = STR("get"),
		.is_resource = true,
		.resource = STR("things"),
		.namespace = str_from(namespace)};

	return authz_ask(world.server.authz, &world.arena, &q, &reason) == ACCESS_ALLOW;
}

#define RBAC     "rbac.authorization.k8s.io"
#define REF(r)   "\"roleRef\":{\"apiGroup\":\"" RBAC "\",\"kind\":\"ClusterRole\",\"name\":\"" r "\"}"
#define META(n)  "\"metadata\":{\"name\":\"" n "\",\"namespace\":\"ns\"}"
#define ACCOUNT  "{\"kind\":\"ServiceAccount\",\"name\":\"bot\"}"
#define USER(n)  "{\"kind\":\"User\",\"name\":\"" n "\"}"
#define GROUP(n) "{\"kind\":\"Group\",\"name\":\"" n "\"}"

TEST(bindings_find_users_groups_and_accounts)
{
	world_open();
	put(RBAC, "clusterroles",
		"{\"metadata\":{\"name\":\"reads\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":"
		"[\"things\"],\"verbs\":[\"get\"]}]}");
	put(RBAC, "clusterroles", "{\"metadata\":{\"name\":\"nothing\"},\"rules\":[]}");
	put(RBAC, "rolebindings",
		"{" META("a") "," REF("nothing") ",\"subjects\":[" USER("u") "," GROUP("g") "]}");
	put(RBAC, "rolebindings",
		"{" META("b") "," REF("reads") ",\"subjects\":[" USER("u") "," USER("u") "," GROUP(
			"g") "," ACCOUNT "]}");
	put(RBAC, "clusterrolebindings",
		"{\"metadata\":{\"name\":\"c\"}," REF("reads") ",\"subjects\":[" GROUP("all") "]}");
	EXPECT(may_read("u", "x", "ns") && !may_read("u", "x", "other"));
	EXPECT(may_read("x", "g", "ns") && !may_read("x", "g", ""));
	EXPECT(may_read("system:serviceaccount:ns:bot", "x", "ns"));
	EXPECT(!may_read("system:serviceaccount:other:bot", "x", "ns"));
	EXPECT(!may_read("bot", "u", "ns") && !may_read("g", "x", "ns"));
	EXPECT(may_read("x", "all", "") && may_read("x", "all", "other"));
	drop(RBAC, "rolebindings", "ns/b");
	EXPECT(!may_read("u", "g", "ns"));
	world_close();
}
