/* Policies of admission: what they find, what they change, what they may cost, what is told of it.
 */
#include "api_rig.h"

#include "apiserver/metrics.h"
#include "apiserver/server.h"

#include <kube/api_codec.h>

#include <unistd.h>

struct policies {
	struct api_rig api;
	struct arena arena;
	char policy_file[64], log_file[64];
};

static bool open_policies(struct policies *p)
{
	*p = (struct policies){0};
	arena_init(&p->arena);
	return api_rig_open(&p->api, API_RIG_LOCAL);
}

static void close_policies(struct policies *p)
{
	api_rig_close(&p->api);
	arena_done(&p->arena);
}

/* ---- requests ---- */

static struct str send(struct policies *p, struct client_request *q)
{
	struct str text = STR("");

	if (api_rig_send(&p->api, q))
		text = q->status ? arena_str(&p->arena, q->status->message) : STR("no status");
	return text;
}

/* The refusal, NULL when it was made; *made: what was. */
static const struct status *create_in(struct policies *p, const char *group, const char *plural,
	const char *namespace, const char *json, struct cJSON **made)
{
	struct client_request q;
	struct status *no = NULL;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(str_from(group), STR("v1"), str_from(plural)), str_from(namespace),
		STR(""));
	q.body = api_rig_json(&q.arena, json);
	if (send(p, &q).len && q.status) {
		no = arena_copy(&p->arena, q.status, sizeof(*no));
		no->message = arena_str(&p->arena, no->message);
		no->reason = arena_str(&p->arena, no->reason);
	}
	if (made)
		*made = q.object ? json_copy(&p->arena, q.object) : NULL;
	client_request_done(&q);
	return no;
}

static struct str create(struct policies *p, const char *json, struct cJSON **made)
{
	const struct status *no = create_in(p, "", "configmaps", "default", json, made);

	return no ? no->message : STR("");
}

/* ---- policies ---- */

enum kind { VALIDATING, MUTATING };

static void configure(struct policies *p, enum kind kind, bool binding, struct str json)
{
	static const char *const plurals[2][2] = {
		{"validatingadmissionpolicies", "validatingadmissionpolicybindings"},
		{"mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}};
	const struct status *no = create_in(
		p, "admissionregistration.k8s.io", plurals[kind][binding], "", json.at, NULL);

	if (!EXPECT(!no))
		printf("%.*s\n", STRF(no->message));
}

static void bind(struct policies *p, enum kind kind, const char *name, const char *more)
{
	configure(p, kind, true,
		arena_print(&p->arena,
			"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"policyName\":\"%s\"%s%s}}",
			name, name, kind == VALIDATING ? ",\"validationActions\":[\"Deny\"]" : "",
			more));
}

#define RULES                                                                                      \
	"\"resourceRules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":["   \
	"\"v1\"],\"resources\":[\"configmaps\"]}]"

/* spec: what stands behind its matchConstraints. */
static void set_policy(struct policies *p, enum kind kind, const char *name, const char *spec)
{
	configure(p, kind, false,
		arena_print(&p->arena,
			"{\"metadata\":{\"name\":\"%s\"},\"spec\":{%s\"matchConstraints\":{" RULES
			"},%s}}",
			name, kind == MUTATING ? "\"reinvocationPolicy\":\"Never\"," : "", spec));
}

static void set_bound(struct policies *p, enum kind kind, const char *name, const char *spec)
{
	set_policy(p, kind, name, spec);
	bind(p, kind, name, "");
}

#define VALIDATION(expression) "\"validations\":[{\"expression\":\"" expression "\"}]"
#define PATCH(expression)                                                                          \
	"\"mutations\":[{\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":\"" expression  \
	"\"}}]"
#define APPLY(expression)                                                                          \
	"\"mutations\":[{\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{"            \
	"\"expression\":\"" expression "\"}}]"
#define CONDITION(expression)                                                                      \
	"\"matchConditions\":[{\"name\":\"c\",\"expression\":\"" expression "\"}]"
#define LABEL(key) APPLY("Object{metadata: Object.metadata{labels: {'" key "': 'yes'}}}")
#define IF_NEEDED  ",\"reinvocationPolicy\":\"IfNeeded\""
#define MAP(name)  "{\"metadata\":{\"name\":\"" name "\"},\"data\":{\"n\":\"0\"}}"

/* ---- who is called again ---- */

/* Puts one more letter behind data.n. */
#define COUNT(letter)                                                                              \
	PATCH("[JSONPatch{op: 'replace', path: '/data/n', value: object.data.n + '" letter "'}]")

static struct str count_of(struct policies *p, const char *json)
{
	struct cJSON *made = NULL;
	struct str no = create(p, json, &made);

	return no.len ? no : tree_str(made, "data.n");
}

TEST(a_policy_that_changes_something_is_called_again_if_it_wants)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "never", COUNT("a"));
	EXPECT_STR(count_of(&p, MAP("one")), "0a");
	set_bound(&p, MUTATING, "sometimes", COUNT("b") IF_NEEDED);
	EXPECT_STR(count_of(&p, MAP("two")), "0abb");
	close_policies(&p);
}

#define ADD_ONE(key)                                                                               \
	APPLY("Object{data: {?'n': optional.of(string(int(object.data['n']) + 1)), '" key "': "    \
	      "'true'}}")

TEST(of_several_that_count_those_that_want_count_twice)
{
	struct policies p;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "policy-1", ADD_ONE("first") IF_NEEDED);
	set_bound(&p, MUTATING, "policy-2", ADD_ONE("second") IF_NEEDED);
	set_bound(&p, MUTATING, "policy-3", ADD_ONE("third"));
	EXPECT_STR(create(&p, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "data.n"), "5");
	EXPECT_STR(tree_str(made, "data.first"), "true");
	EXPECT_STR(tree_str(made, "data.second"), "true");
	EXPECT_STR(tree_str(made, "data.third"), "true");
	close_policies(&p);
}

#define PARAM(name, label)                                                                         \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"p\":\"" label "\"}},\"data\":{\"" name \
	"\":\"yes\"}}"

TEST(each_parameter_is_a_call_of_its_own)
{
	static const char spec[] =
		"\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"},\"mutations\":[{"
		"\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{\"expression\":"
		"\"Object{data: params.data}\"}},{\"patchType\":\"JSONPatch\",\"jsonPatch\":{"
		"\"expression\":\"[JSONPatch{op: 'replace', path: '/data/n', value: "
		"string(int(object.data.n) + 1)}]\"}}]";
	struct policies p;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	EXPECT_STR(create(&p, PARAM("one", "a"), NULL), "");
	EXPECT_STR(create(&p, PARAM("two", "a"), NULL), "");
	EXPECT_STR(create(&p, PARAM("three", "b"), NULL), "");
	set_policy(&p, MUTATING, "again", arena_print(&p.arena, "%s" IF_NEEDED, spec).at);
	bind(&p, MUTATING, "again",
		",\"paramRef\":{\"selector\":{\"matchLabels\":{\"p\":\"a\"}},"
		"\"parameterNotFoundAction\":\"Allow\"}");
	set_policy(&p, MUTATING, "once", spec);
	bind(&p, MUTATING, "once",
		",\"paramRef\":{\"name\":\"three\",\"parameterNotFoundAction\":\"Allow\"}");
	EXPECT_STR(create(&p, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "data.n"), "5");
	EXPECT_STR(tree_str(made, "data.one"), "yes");
	EXPECT_STR(tree_str(made, "data.two"), "yes");
	EXPECT_STR(tree_str(made, "data.three"), "yes");
	close_policies(&p);
}

TEST(a_mutation_sees_what_the_one_before_has_made)
{
	struct policies p;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "a",
		"\"variables\":[{\"name\":\"v\",\"expression\":\"'one' + '!'\"}],\"mutations\":[{"
		"\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{\"expression\":"
		"\"Object{metadata: Object.metadata{annotations: {'a': variables.v}}}\"}},{"
		"\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":\"[JSONPatch{op: "
		"'test', "
		"path: '/metadata/annotations', value: {'a': variables.v}}, JSONPatch{op: 'add', "
		"path: '/metadata/annotations/b', value: "
		"object.metadata.annotations['a']}]\"}}]");
	EXPECT_STR(create(&p, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "metadata.annotations.a"), "one!");
	EXPECT_STR(tree_str(made, "metadata.annotations.b"), "one!");
	close_policies(&p);
}

TEST(a_status_is_changed_through_its_subresource)
{
	struct policies p;
	struct client_request q;

	if (!open_policies(&p))
		return;
	configure(&p, MUTATING, false,
		STR("{\"metadata\":{\"name\":\"s\"},\"spec\":{\"reinvocationPolicy\":\"Never\","
		    "\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"*\"],"
		    "\"apiGroups\":["
		    "\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"namespaces/"
		    "status\"]}]}," APPLY("Object{status: Object.status{conditions: "
					  "[Object.status.conditions{"
					  "type: 'NamespaceDeletionContentFailure', message: "
					  "'mutated'}]}}") "}"
							   "}"));
	bind(&p, MUTATING, "s", "");
	client_request_init(&q, CLIENT_PATCH_MERGE,
		resource_find(STR(""), STR("v1"), STR("namespaces")), STR(""), STR("default"));
	q.subresource = STR("status");
	q.body = api_rig_json(&q.arena,
		"{\"status\":{\"conditions\":[{\"type\":\"NamespaceDeletionContentFailure\","
		"\"status\":\"Unknown\"}]}}");
	EXPECT_STR(send(&p, &q), "");
	const struct cJSON *condition = json_first(json_path(q.object, "status.conditions"));
	EXPECT_STR(tree_str(condition, "message"), "mutated");
	EXPECT_STR(tree_str(condition, "status"), "Unknown");
	client_request_done(&q);
	close_policies(&p);
}

TEST(who_was_not_called_is_not_called_again)
{
	struct policies p;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "a",
		CONDITION("has(object.metadata.labels) && 'b' in object.metadata.labels") "," LABEL(
			"a") IF_NEEDED);
	set_bound(&p, MUTATING, "b", LABEL("b"));
	EXPECT_STR(create(&p, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "metadata.labels.b"), "yes");
	EXPECT(!json_path(made, "metadata.labels.a"));
	close_policies(&p);
}

TEST(who_is_meant_is_decided_before_anything_is_changed)
{
	struct policies p;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "a", LABEL("a"));
	set_policy(&p, MUTATING, "b", LABEL("b"));
	bind(&p, MUTATING, "b",
		",\"matchResources\":{\"objectSelector\":{\"matchLabels\":{\"a\":\"yes\"}}}");
	EXPECT_STR(create(&p, MAP("m"), &made), "");
	EXPECT_STR(tree_str(made, "metadata.labels.a"), "yes");
	EXPECT(!json_path(made, "metadata.labels.b"));
	close_policies(&p);
}

/* ---- what fails ---- */

TEST(all_policies_that_fail_are_told_together)
{
	struct policies p;
	struct client_request q;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "a", PATCH("[JSONPatch{op: 'remove', path: '/none'}]"));
	set_policy(&p, MUTATING, "b",
		LABEL("b") ",\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}");
	bind(&p, MUTATING, "b",
		",\"paramRef\":{\"name\":\"none\",\"parameterNotFoundAction\":\"Deny\"}");
	set_bound(&p, MUTATING, "c",
		PATCH("[JSONPatch{op: 'remove', path: '/none'}]") ",\"failurePolicy\":\"Ignore\"");
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, MAP("m"));
	EXPECT_STR(send(&p, &q),
		"policy 'b' with binding 'b' denied request: failed to configure binding: no "
		"params found for policy binding with `Deny` parameterNotFoundAction");
	EXPECT_INT(q.code, 403);
	EXPECT_STR(q.status->reason, "Forbidden");
	EXPECT_INT(q.status->cause_count, 2);
	EXPECT_STR(q.status->causes[1].message,
		"policy 'a' with binding 'a' denied request: JSON Patch: error in remove for path: "
		"'/none': Unable to remove nonexistent key: none: missing value");
	client_request_done(&q);
	close_policies(&p);
}

TEST(a_patch_has_to_leave_something_sound)
{
	struct policies p;
	const struct status *no;
	struct cJSON *made;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "a",
		PATCH("[JSONPatch{op: 'test', path: '/data/n', value: 'x'}, JSONPatch{op: "
		      "'replace', path: '/data/n', value: 'y'}]"));
	EXPECT_STR(create(&p, MAP("tested"), &made), "");
	EXPECT_STR(tree_str(made, "data.n"), "0");
	set_bound(&p, MUTATING, "b",
		PATCH("[JSONPatch{op: 'add', path: '/nonsense', value: 'x'}]") ",\"failurePolicy\":"
									       "\"Ignore\"");
	no = create_in(&p, "", "configmaps", "default", MAP("strict"), NULL);
	if (EXPECT(no != NULL)) {
		EXPECT_INT(no->code, 500);
		EXPECT_STR(no->message,
			"Internal error occurred: strict decoding error: unknown field "
			"\"nonsense\"");
	}
	close_policies(&p);
}

TEST(parameters_that_cannot_be_had_are_configuration_errors)
{
	static const struct {
		const char *kind, *api, *ref, *why;
	} cases[] = {
		{"Strange", "example.com/v1", "\"name\":\"x\"",
			"' denied request: failed to configure policy: failed to find resource "
			"referenced by paramKind: 'example.com/v1, Kind=Strange'"},
		{"Strange", "v1", "\"name\":\"x\"",
			"' denied request: failed to configure policy: failed to find resource "
			"referenced by paramKind: '/v1, Kind=Strange'"},
		{"Node", "v1", "\"name\":\"x\",\"namespace\":\"default\"",
			"' denied request: failed to configure binding: paramRef.namespace must "
			"not be provided for a cluster-scoped `paramKind`"},
		{"ConfigMap", "v1", "\"selector\":{\"matchLabels\":{\"no\":\"such\"}}",
			"' denied request: failed to configure binding: no params found for "
			"policy binding with `Deny` parameterNotFoundAction"},
	};
	struct policies p;

	if (!open_policies(&p))
		return;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name =
			arena_print(&p.arena, "p%zu", 9 - i).at; /* the last comes first */
		struct str no;

		set_policy(&p, VALIDATING, name,
			arena_print(&p.arena,
				VALIDATION("true") ",\"paramKind\":{\"apiVersion\":\"%s\","
						   "\"kind\":\"%s\"}",
				cases[i].api, cases[i].kind)
				.at);
		bind(&p, VALIDATING, name,
			arena_print(&p.arena,
				",\"paramRef\":{%s,\"parameterNotFoundAction\":\"Deny\"}",
				cases[i].ref)
				.at);
		no = create(&p, MAP("m"), NULL);
		if (!EXPECT(str_ends(no, str_from(cases[i].why))))
			printf("%.*s\n", STRF(no));
	}
	close_policies(&p);
}

TEST(parameters_in_namespaces_need_one)
{
	struct policies p;
	const struct status *no;

	if (!open_policies(&p))
		return;
	configure(&p, VALIDATING, false,
		STR("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"paramKind\":{\"apiVersion\":\"v1\","
		    "\"kind\":\"ConfigMap\"},\"matchConstraints\":{\"resourceRules\":[{"
		    "\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],"
		    "\"resources\":[\"nodes\"]}]}," VALIDATION("true") "}}"));
	bind(&p, VALIDATING, "p",
		",\"paramRef\":{\"name\":\"x\",\"parameterNotFoundAction\":\"Allow\"}");
	no = create_in(&p, "", "nodes", "", "{\"metadata\":{\"name\":\"n\"}}", NULL);
	if (EXPECT(no != NULL))
		EXPECT_STR(no->message,
			"nodes \"n\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' "
			"denied request: failed to configure binding: cannot use namespaced "
			"paramRef in policy binding that matches cluster-scoped resources");
	close_policies(&p);
}

/* ---- what it costs ---- */

#define TEN "[0,1,2,3,4,5,6,7,8,9]"
/* 111,110 turns: somewhat below what one expression may cost. */
#define DEAR TEN ".all(a, " TEN ".all(b, " TEN ".all(c, " TEN ".all(d, " TEN ".all(e, true)))))"
#define REFUSED(name)                                                                              \
	"ValidatingAdmissionPolicy '" name "' with binding '" name "' denied request: "
#define SPENT                                                                                      \
	"validation failed due to running out of cost budget, no further validation rules will "   \
	"be run"

/* A list of n items; '#' stands for the number of each. */
static struct str list_of(struct policies *p, const char *name, const char *item, int n)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	buf_print(&text, "\"%s\":[", name);
	for (int i = 0; i < n; i++) {
		buf_add_text(&text, i ? "," : "");
		for (const char *at = item; *at; at++) {
			if (*at == '#')
				buf_print(&text, "%d", i);
			else
				buf_add_char(&text, *at);
		}
	}
	buf_add_char(&text, ']');
	return arena_str(&p->arena, buf_str(&text));
}

static void expect_end(struct policies *p, const char *end)
{
	struct str no = create(p, MAP("m"), NULL);

	if (!EXPECT(str_ends(no, str_from(end))))
		printf("%.*s\n", STRF(no));
}

TEST(conditions_have_a_budget_of_their_own)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		arena_print(&p.arena, "%.*s," VALIDATION("true"),
			STRF(list_of(&p, "matchConditions",
				"{\"name\":\"c#\",\"expression\":\"" DEAR "\"}", 8)))
			.at);
	expect_end(&p, REFUSED("a") SPENT);
	close_policies(&p);
}

TEST(a_policy_that_costs_too_much_says_nothing_else)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		list_of(&p, "validations", "{\"message\":\"m#\",\"expression\":\"!(" DEAR ")\"}",
			30)
			.at);
	expect_end(&p, REFUSED("a") SPENT);
	close_policies(&p);
}

TEST(messages_are_paid_from_what_is_left)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		list_of(&p, "validations",
			"{\"expression\":\"" DEAR "\",\"messageExpression\":\"" DEAR
			" ? 'a' : 'b'\"}",
			16)
			.at);
	expect_end(&p, REFUSED("a") "failed messageExpression: " SPENT);
	close_policies(&p);
}

TEST(annotations_have_the_whole_budget_again)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		arena_print(&p.arena, "%.*s,%.*s",
			STRF(list_of(&p, "validations", "{\"expression\":\"" DEAR "\"}", 16)),
			STRF(list_of(&p, "auditAnnotations",
				"{\"key\":\"k#\",\"valueExpression\":\"" DEAR " ? 'a' : 'b'\"}",
				16)))
			.at);
	EXPECT_STR(create(&p, MAP("m"), NULL), "");
	close_policies(&p);
}

TEST(variables_fail_where_they_are_used)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		"\"variables\":[{\"name\":\"v\",\"expression\":\"object.data.none\"},{\"name\":"
		"\"w\",\"expression\":\"variables.v + 'x'\"}]," VALIDATION("variables.w == 'x'"));
	expect_end(&p,
		REFUSED("a") "expression 'variables.w == 'x'' resulted in error: composited "
			     "variable \"w\" fails to evaluate: composited variable \"v\" fails to "
			     "evaluate: no such key: none");
	close_policies(&p);
}

TEST(conditions_do_not_see_the_namespace)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a",
		CONDITION("namespaceObject == null") "," VALIDATION(
			"namespaceObject.metadata.name == 'other'"));
	expect_end(&p, REFUSED("a") "failed expression: namespaceObject.metadata.name == 'other'");
	close_policies(&p);
}

/* ---- what stands in the store ---- */

static void edit(struct policies *p, enum client_verb verb, const char *plural, const char *patch)
{
	struct client_request q;

	client_request_init(&q, verb,
		resource_find(STR("admissionregistration.k8s.io"), STR("v1"), str_from(plural)),
		STR(""), STR("a"));
	q.body = patch ? api_rig_json(&q.arena, patch) : NULL;
	EXPECT_STR(send(p, &q), "");
	client_request_done(&q);
}

TEST(changes_of_policies_count_at_once)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, VALIDATING, "a", VALIDATION("false"));
	expect_end(&p, REFUSED("a") "failed expression: false");
	edit(&p, CLIENT_PATCH_MERGE, "validatingadmissionpolicies",
		"{\"spec\":{\"validations\":[{\"expression\":\"1 > 2\"}]}}");
	expect_end(&p, REFUSED("a") "failed expression: 1 > 2");
	edit(&p, CLIENT_PATCH_MERGE, "validatingadmissionpolicybindings",
		"{\"spec\":{\"matchResources\":{\"namespaceSelector\":{\"matchLabels\":{\"no\":"
		"\"such\"}}}}}");
	EXPECT_STR(create(&p, MAP("one"), NULL), "");
	edit(&p, CLIENT_PATCH_MERGE, "validatingadmissionpolicybindings",
		"{\"spec\":{\"matchResources\":{\"namespaceSelector\":null}}}");
	expect_end(&p, REFUSED("a") "failed expression: 1 > 2");
	edit(&p, CLIENT_DELETE, "validatingadmissionpolicies", NULL);
	EXPECT_STR(create(&p, MAP("two"), NULL), "");
	close_policies(&p);
}

/* ---- what is told of it ---- */

#define ANNOTATION "validation.policy.admission.k8s.io/validation_failure"

static bool open_audited(struct policies *p)
{
	*p = (struct policies){0};
	arena_init(&p->arena);
	strcpy(p->policy_file, "/tmp/kube-policies-XXXXXX");
	int fd = mkstemp(p->policy_file);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!EXPECT(f != NULL))
		return false;
	fputs("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n"
	      "  verbs: [create]\n  resources: [{group: \"\", resources: [configmaps]}]\n"
	      "- level: None\nomitStages: [RequestReceived]\n",
		f);
	fclose(f);
	snprintf(p->log_file, sizeof(p->log_file), "%s.log", p->policy_file);
	return api_rig_open_with(&p->api, API_RIG_LOCAL,
		arena_print(&p->arena, "--audit-policy-file=%s --audit-log-path=%s", p->policy_file,
			p->log_file)
			.at);
}

static bool read_log(struct policies *p, struct buf *text)
{
	buf_clear(text);
	return !disk_read_file(p->api.t.env->disk, p->log_file, text, NULL) && text->len;
}

/* The only line there. */
static struct cJSON *audited(struct policies *p)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	API_RIG_AWAIT(&p->api, read_log(p, &text));
	return api_rig_json(&p->arena, arena_str(&p->arena, buf_str(&text)).at);
}

TEST(of_several_failures_the_audit_log_keeps_the_first)
{
	struct policies p;
	struct cJSON *notes;

	if (!open_audited(&p))
		return;
	set_policy(&p, VALIDATING, "a",
		"\"validations\":[{\"expression\":\"true\"},{\"expression\":\"false\",\"message\":"
		"\"one\"},{\"expression\":\"false\",\"message\":\"two\"}],\"auditAnnotations\":[{"
		"\"key\":\"k\",\"valueExpression\":\"'v' + object.metadata.name\"}]");
	configure(&p, VALIDATING, true,
		STR("{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"a\","
		    "\"validationActions\":[\"Audit\",\"Warn\"]}}"));
	EXPECT_STR(create(&p, MAP("m"), NULL), "");
	notes = json_get(audited(&p), STR("annotations"));
	EXPECT_STR(json_str(json_get(notes, STR(ANNOTATION))),
		"[{\"message\":\"one\",\"policy\":\"a\",\"binding\":\"b\",\"expressionIndex\":1,"
		"\"validationActions\":[\"Audit\",\"Warn\"]}]");
	EXPECT_STR(json_str(json_get(notes, STR("a/k"))), "vm");
	EXPECT_INT(unlink(p.log_file), 0);
	EXPECT_INT(unlink(p.policy_file), 0);
	close_policies(&p);
}

static int64_t counted(struct policies *p, enum metric_series which, const char *labels)
{
	return *metrics_number(p->api.server->metrics, which, str_from(labels));
}

TEST(policies_are_counted)
{
	struct policies p;

	if (!open_policies(&p))
		return;
	set_bound(&p, MUTATING, "m", LABEL("a"));
	set_bound(&p, MUTATING, "n",
		PATCH("[JSONPatch{op: 'remove', path: '/none'}]") ",\"failurePolicy\":\"Ignore\"");
	set_bound(&p, VALIDATING, "a",
		CONDITION("object.metadata.name != 'x' && object.data.none == 'x'") "," VALIDATION(
			"true") ",\"failurePolicy\":\"Ignore\"");
	set_bound(&p, VALIDATING, "b",
		VALIDATION("object.data.none == 'x'") ",\"failurePolicy\":\"Ignore\"");
	set_bound(&p, VALIDATING, "c", VALIDATION("object.metadata.name != 'm'"));
	expect_end(&p, REFUSED("c") "failed expression: object.metadata.name != 'm'");
	EXPECT_INT(counted(&p, METRIC_MUTATING_CHECKS,
			   "error_type=\"no_error\",policy=\"m\",policy_binding=\"m\""),
		1);
	EXPECT_INT(counted(&p, METRIC_MUTATING_CHECKS,
			   "error_type=\"invalid_error\",policy=\"n\",policy_binding=\"n\""),
		1);
	EXPECT_INT(counted(&p, METRIC_VALIDATING_CHECKS,
			   "enforcement_action=\"allow\",error_type=\"invalid_error\",policy=\"b\","
			   "policy_binding=\"b\""),
		1);
	EXPECT_INT(counted(&p, METRIC_VALIDATING_CHECKS,
			   "enforcement_action=\"deny\",error_type=\"invalid_error\",policy=\"c\","
			   "policy_binding=\"c\""),
		1);
	EXPECT_INT(counted(&p, METRIC_CONDITION_ERRORS,
			   "kind=\"policy\",name=\"a\",operation=\"CREATE\",type=\"validate\""),
		1);
	close_policies(&p);
}
