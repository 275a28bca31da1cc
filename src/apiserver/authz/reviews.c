/* The reviews: what a user may do, asked through the API. */
#include "access.h"
#include "review.h"

#include <kube/names.h>

/* ---- what is asked ---- */

static void read_extra(struct arena *a, struct api_user *u, const struct cJSON *extra)
{
	u->extra = arena_new(a, (json_count(extra) + 1) * sizeof(*u->extra));
	json_each (values, extra) {
		struct user_extra *e = &u->extra[u->extra_count++];

		e->key = json_key(values);
		e->values = arena_new(a, (json_count(values) + 1) * sizeof(*e->values));
		json_each (value, values)
			e->values[e->count++] = json_str(value);
	}
}

static struct api_user *user_of(struct arena *a, const struct cJSON *spec)
{
	struct api_user *u = arena_new(a, sizeof(*u));
	const struct cJSON *groups = json_get(spec, STR("groups"));

	u->name = tree_str(spec, "user");
	u->uid = tree_str(spec, "uid");
	u->groups = arena_new(a, (json_count(groups) + 1) * sizeof(*u->groups));
	json_each (group, groups)
		u->groups[u->group_count++] = json_str(group);
	read_extra(a, u, json_get(spec, STR("extra")));
	return u;
}

/* Requirements as a selector's text; false when there is none that says the same. */
static bool join(struct arena *a, const struct cJSON *requirements, bool fields, struct str *text)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	json_each (one, requirements) {
		struct str key = tree_str(one, "key"), op = tree_str(one, "operator");
		const struct cJSON *values = json_get(one, STR("values"));
		bool in = str_eq_text(op, "In"), not_in = str_eq_text(op, "NotIn");

		if (out.len)
			buf_add_text(&out, ",");
		if (fields) {
			if ((!in && !not_in) || json_count(values) != 1)
				return false;
			buf_print(&out, "%.*s%s%.*s", STRF(key),
				in ? "=" : "!=", STRF(json_str(json_first(values))));
		} else if (in || not_in) {
			buf_print(&out, "%.*s %s (", STRF(key), in ? "in" : "notin");
			json_each (value, values)
				buf_print(&out, "%s%.*s", value == json_first(values) ? "" : ",",
					STRF(json_str(value)));
			buf_add_text(&out, ")");
		} else if (str_eq_text(op, "Exists") || str_eq_text(op, "DoesNotExist")) {
			buf_print(&out, "%s%.*s", str_eq_text(op, "Exists") ? "" : "!", STRF(key));
		} else {
			return false;
		}
	}
	*text = arena_str(a, buf_str(&out));
	return true;
}

/* A selector that cannot be read is left out, and the answer says so. */
static struct str read_selector(
	struct arena *a, const struct cJSON *resource, bool fields, struct str *fault)
{
	const char *name = fields ? "fieldSelector" : "labelSelector";
	const struct cJSON *selector = json_get(resource, str_from(name));
	struct str text = tree_str(selector, "rawSelector");
	struct selector parsed = {0};
	bool good;

	if (!selector)
		return (struct str){0};
	good = text.len || join(a, json_get(selector, STR("requirements")), fields, &text);
	if (good && fields)
		good = !field_selector_parse(a, text, &parsed, NULL);
	else if (good)
		good = !label_selector_parse(a, text, &parsed, NULL);
	if (good)
		return text;
	*fault = arena_print(a, "%.*s%sspec.resourceAttributes.%s ignored due to parse error",
		STRF(*fault), fault->len ? ", " : "", name);
	return (struct str){0};
}

static struct access_query query_of(
	struct arena *a, const struct api_user *u, const struct cJSON *spec, struct str *fault)
{
	const struct cJSON *resource = json_get(spec, STR("resourceAttributes"));
	const struct cJSON *path = json_get(spec, STR("nonResourceAttributes"));
	struct access_query q = {.user = u, .is_resource = resource != NULL, .explain = true};

	if (resource) {
		q.verb = tree_str(resource, "verb");
		q.group = tree_str(resource, "group");
		q.version = tree_str(resource, "version");
		q.resource = tree_str(resource, "resource");
		q.subresource = tree_str(resource, "subresource");
		q.namespace = tree_str(resource, "namespace");
		q.name = tree_str(resource, "name");
		q.field_selector = read_selector(a, resource, true, fault);
		q.label_selector = read_selector(a, resource, false, fault);
	} else {
		q.verb = tree_str(path, "verb");
		q.path = tree_str(path, "path");
	}
	return q;
}

/* ---- validation ---- */

static void check_requirement(
	struct field_errors *e, const struct path *at, const struct cJSON *one, bool fields)
{
	struct path key = PATH(at, "key"), values = PATH(at, "values"), op = PATH(at, "operator");
	struct str verb = tree_str(one, "operator");
	size_t count = json_count(json_get(one, STR("values")));

	if (fields && !tree_str(one, "key").len)
		field_required(e, &key, "must be specified");
	if (str_eq_text(verb, "In") || str_eq_text(verb, "NotIn")) {
		if (!count)
			field_required(
				e, &values, "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eq_text(verb, "Exists") || str_eq_text(verb, "DoesNotExist")) {
		if (count)
			field_forbidden(e, &values,
				"may not be specified when `operator` is 'Exists' or "
				"'DoesNotExist'");
	} else if (!fields) {
		field_invalid_str(e, &op, verb, "not a valid selector operator");
	}
	if (fields)
		return;
	field_check_name(e, &key, tree_str(one, "key"), name_check_qualified);
	size_t i = 0;
	json_each (value, json_get(one, STR("values"))) {
		struct path element = PATH_INDEX(&values, i++);

		field_check_name(e, &element, json_str(value), name_check_label_value);
	}
}

static void check_selector(
	struct field_errors *e, const struct path *at, const struct cJSON *selector, bool fields)
{
	struct path list = PATH(at, "requirements"), raw = PATH(at, "rawSelector");
	const struct cJSON *requirements = json_get(selector, STR("requirements"));
	struct str text = tree_str(selector, "rawSelector");
	size_t i = 0;

	if (!selector)
		return;
	if (!json_count(requirements) && !text.len)
		field_required(e, &list,
			"when spec.resourceAttributes.%s is specified, requirements or "
			"rawSelector is required",
			at->name);
	if (json_count(requirements) && text.len)
		field_invalid_str(
			e, &raw, text, "may not specified at the same time as requirements");
	json_each (one, requirements) {
		struct path element = PATH_INDEX(&list, i++);

		check_requirement(e, &element, one, fields);
	}
}

static void invalid_paths(
	struct api_request *r, struct field_errors *e, const struct cJSON *spec, const char *why)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct path root = PATH(NULL, "spec"), at = PATH(&root, "nonResourceAttributes");
	const struct cJSON *path = json_get(spec, STR("nonResourceAttributes"));

	buf_add_text(&text, "{\"Path\":");
	json_print_str(&text, tree_str(path, "path"));
	buf_add_text(&text, ",\"Verb\":");
	json_print_str(&text, tree_str(path, "verb"));
	buf_add_text(&text, "}");
	field_invalid_raw(e, &at, arena_str(r->arena, buf_str(&text)), "%s", why);
}

static void check_attributes(
	struct api_request *r, struct field_errors *e, const struct cJSON *spec)
{
	struct path root = PATH(NULL, "spec"), at = PATH(&root, "resourceAttributes");
	struct path fields = PATH(&at, "fieldSelector"), labels = PATH(&at, "labelSelector");
	const struct cJSON *resource = json_get(spec, STR("resourceAttributes"));
	bool path = tree_has(spec, "nonResourceAttributes");

	if (resource && path)
		invalid_paths(r, e, spec,
			"cannot be specified in combination with "
			"resourceAttributes");
	if (!resource && !path)
		field_invalid(e, &at, NULL,
			"exactly one of nonResourceAttributes or resourceAttributes must be "
			"specified");
	check_selector(e, &fields, json_get(resource, STR("fieldSelector")), true);
	check_selector(e, &labels, json_get(resource, STR("labelSelector")), false);
}

static void check_subject(struct field_errors *e, const struct cJSON *spec)
{
	struct path root = PATH(NULL, "spec"), at = PATH(&root, "user");

	if (!tree_str(spec, "user").len && !json_count(json_get(spec, STR("groups"))))
		field_invalid_str(
			e, &at, STR(""), "at least one of user or group must be specified");
}

static void check_no_metadata(struct field_errors *e, const struct cJSON *tree)
{
	struct path at = PATH(NULL, "metadata");

	json_each (member, json_get(tree, STR("metadata"))) {
		struct str key = json_key(member);

		if (str_eq_text(key, "managedFields") || str_eq_text(key, "namespace") ||
			(str_eq_text(key, "creationTimestamp") && json_is(member, JSON_NULL)))
			continue;
		field_invalid(e, &at, json_get(tree, STR("metadata")), "must be empty");
		return;
	}
}

/* Upstream's refusals name no kind here. */
static struct status *refused(struct api_request *r, const struct field_errors *e)
{
	return status_invalid(r->arena, r->resource->group, STR(""), STR(""), e);
}

/* ---- access ---- */

/* What waits while a webhook is asked. */
struct review {
	struct api_request *r;
	struct cJSON *tree;
	const struct api_user *user;
	struct op op;
};

static void decide(struct review *v);

static void asked(struct op *op, struct err *err)
{
	struct review *v = CONTAINER_OF(op, struct review, op);

	if (err->code)
		request_fail_err(v->r, err);
	else
		decide(v);
}

static void decide(struct review *v)
{
	struct api_request *r = v->r;
	struct str fault = {0};
	struct access_query q = query_of(r->arena, v->user, json_get(v->tree, STR("spec")), &fault);
	struct cJSON *status = json_new(r->arena, JSON_OBJECT);
	struct access_answer answer;

	q.request = r;
	authz_decide(r->server->authz, r->arena, &q, &answer);
	if (answer.decision == ACCESS_WAIT) {
		op_init(&v->op, &r->x->scope, asked, r->deadline);
		access_wait(r, &v->op);
		return;
	}
	json_add_borrowed(
		status, STR("allowed"), json_new_bool(r->arena, answer.decision == ACCESS_ALLOW));
	if (answer.decision == ACCESS_DENY)
		json_add_borrowed(status, STR("denied"), json_new_bool(r->arena, true));
	if (answer.reason.len)
		json_add_borrowed(status, STR("reason"), json_new_str(r->arena, answer.reason));
	if (answer.error.len)
		fault = arena_print(r->arena, "%.*s%s%.*s", STRF(answer.error),
			fault.len ? ", " : "", STRF(fault));
	if (fault.len)
		json_add_borrowed(status, STR("evaluationError"), json_new_str(r->arena, fault));
	tree_set(r->arena, v->tree, "status", status);
	review_answer(r, v->tree);
}

static void start(struct api_request *r, struct cJSON *tree, const struct api_user *user)
{
	struct review *v = arena_new(r->arena, sizeof(*v));

	v->r = r;
	v->tree = tree;
	v->user = user;
	decide(v);
}

static void start_for_subject(struct api_request *r, struct cJSON *tree)
{
	start(r, tree, user_of(r->arena, json_get(tree, STR("spec"))));
}

static void start_for_self(struct api_request *r, struct cJSON *tree)
{
	start(r, tree, r->user);
}

static struct status *check_subject_access(struct api_request *r, struct cJSON *tree)
{
	struct field_errors errors = {.arena = r->arena};
	const struct cJSON *spec = json_get(tree, STR("spec"));

	check_attributes(r, &errors, spec);
	check_subject(&errors, spec);
	check_no_metadata(&errors, tree);
	return refused(r, &errors);
}

void review_subject_access(struct api_request *r)
{
	review_run(r, check_subject_access, start_for_subject);
}

static struct status *check_local_access(struct api_request *r, struct cJSON *tree)
{
	struct field_errors errors = {.arena = r->arena};
	struct path root = PATH(NULL, "spec"), resource = PATH(&root, "resourceAttributes");
	struct path at = PATH(&resource, "namespace");
	const struct cJSON *spec = json_get(tree, STR("spec"));
	struct str namespace = tree_str(spec, "resourceAttributes.namespace");

	check_attributes(r, &errors, spec);
	check_subject(&errors, spec);
	check_no_metadata(&errors, tree);
	if (tree_has(spec, "resourceAttributes") && !str_eq(namespace, r->namespace))
		field_invalid_str(&errors, &at, namespace, "must match metadata.namespace");
	if (tree_has(spec, "nonResourceAttributes"))
		invalid_paths(r, &errors, spec, "disallowed on this kind of request");
	return refused(r, &errors);
}

void review_local_access(struct api_request *r)
{
	review_run(r, check_local_access, start_for_subject);
}

static struct status *check_self_access(struct api_request *r, struct cJSON *tree)
{
	struct field_errors errors = {.arena = r->arena};

	check_attributes(r, &errors, json_get(tree, STR("spec")));
	check_no_metadata(&errors, tree);
	return refused(r, &errors);
}

void review_self_access(struct api_request *r)
{
	review_run(r, check_self_access, start_for_self);
}

/* ---- rules ---- */

static struct status *check_rules(struct api_request *r, struct cJSON *tree)
{
	if (tree_str(tree, "spec.namespace").len)
		return NULL;
	return status_new(r->arena, ERR_BAD_REQUEST, "no namespace on request");
}

static void list_rules(struct api_request *r, struct cJSON *tree)
{
	struct cJSON *status = json_new(r->arena, JSON_OBJECT);
	struct access_rules rules;

	authz_list_rules(
		r->server->authz, r->arena, r->user, tree_str(tree, "spec.namespace"), &rules);
	json_add_borrowed(status, STR("resourceRules"), rules.resources);
	json_add_borrowed(status, STR("nonResourceRules"), rules.paths);
	json_add_borrowed(status, STR("incomplete"), json_new_bool(r->arena, rules.incomplete));
	if (rules.fault.len)
		json_add_borrowed(
			status, STR("evaluationError"), json_new_str(r->arena, rules.fault));
	tree_set(r->arena, tree, "status", status);
	tree_drop(tree, "spec");
	review_answer(r, tree);
}

void review_self_rules(struct api_request *r)
{
	review_run(r, check_rules, list_rules);
}
