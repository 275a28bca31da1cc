#include "webhook_rules.h"

#include "go_url.h"

#define CONDITIONS_MAX 64

bool text_is_blank(struct str text)
{
	return !str_trim(text).len;
}

static bool holds(const struct cJSON *list, const char *word)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), word))
			return true;
	return false;
}

/* ---- clients ---- */

#define FORM "; desired format: https://host[/path]"

static void check_url(struct field_errors *e, const struct path *at, struct str text)
{
	struct go_url url;
	struct str problem;

	if (!go_url_parse(e->arena, text, &url, &problem)) {
		field_required(e, at, "url must be a valid URL: %.*s" FORM, STRF(problem));
		return;
	}
	if (!str_eq_text(url.scheme, "https"))
		field_invalid_str(e, at, url.scheme, "'https' is the only allowed URL scheme" FORM);
	if (!url.host.len)
		field_invalid_str(e, at, url.host, "host must be specified" FORM);
	if (url.has_user)
		field_invalid_str(e, at, url.user, "user information is not permitted in the URL");
	if (url.fragment.len)
		field_invalid_str(e, at, url.fragment, "fragments are not permitted in the URL");
	if (url.query.len)
		field_invalid_str(
			e, at, url.query, "query parameters are not permitted in the URL");
}

static void check_segments(struct field_errors *e, const struct path *at, struct str path)
{
	struct str rest = str_skip(path, 1), step;

	if (str_ends(rest, STR("/")))
		rest.len--;
	if (!rest.at || !rest.len)
		rest = STR("");
	for (int i = 0; str_next(&rest, '/', &step); i++) {
		struct name_faults f = {0};

		if (!step.len) {
			field_invalid_str(e, at, path, "segment[%d] may not be empty", i);
			continue;
		}
		name_check_dns_subdomain(step, &f);
		for (size_t j = 0; j < f.count; j++)
			field_invalid_str(e, at, path, "segment[%d]: %s", i, f.items[j]);
	}
}

static void check_service_path(struct field_errors *e, const struct path *at, struct str path)
{
	if (!path.len || str_eq_text(path, "/"))
		return;
	if (str_eq_text(path, "//")) {
		field_invalid_str(e, at, path, "segment[0] may not be empty");
		return;
	}
	if (path.at[0] != '/')
		field_invalid_str(e, at, path, "must start with a '/'");
	check_segments(e, at, path);
}

static void check_service(struct field_errors *e, const struct path *p, const struct cJSON *service)
{
	struct path port_at = PATH(p, "port"), path_at = PATH(p, "path");
	int64_t port = tree_int(service, "port", 0);

	rule_text(e, p, service, "name");
	rule_text(e, p, service, "namespace");
	if (port < 1 || port > 65535)
		field_invalid_int(e, &port_at, port,
			"port is not valid: must be between 1 and 65535, inclusive");
	check_service_path(e, &path_at, tree_str(service, "path"));
}

void check_client_config(struct field_errors *e, const struct path *p, const struct cJSON *client)
{
	struct path url = PATH(p, "url"), service = PATH(p, "service");
	bool has_url = tree_has(client, "url"), has_service = tree_has(client, "service");

	if (has_url == has_service)
		field_required(e, p, "exactly one of url or service is required");
	else if (has_url)
		check_url(e, &url, tree_str(client, "url"));
	else
		check_service(e, &service, json_get(client, STR("service")));
}

/* ---- rules ---- */

/* A list that must not be empty, and where a star stands alone. */
static void check_starred(struct field_errors *e, const struct path *p, const struct cJSON *rule,
	const char *name, const char *what)
{
	struct path at = PATH(p, name);
	const struct cJSON *list = json_get(rule, str_from(name));

	if (!rule_some(e, p, rule, name))
		return;
	if (json_count(list) > 1 && holds(list, "*"))
		field_invalid(e, &at, list, "if '*' is present, must not specify other %s", what);
}

/* Was there, before `index`, the resource (or subresource) in all of the other's kinds? */
static bool covered(const struct cJSON *list, size_t index, struct str resource, struct str sub)
{
	json_each (item, list) {
		struct str r, s;

		if (!index--)
			return false;
		if (str_cut(json_str(item), '/', &r, &s) && str_eq(r, resource) && str_eq(s, sub))
			return true;
	}
	return false;
}

static void check_subresource(
	struct field_errors *e, const struct path *at, const struct cJSON *list, size_t index)
{
	struct str whole = json_str(json_at(list, index)), resource, sub;

	str_cut(whole, '/', &resource, &sub);
	if (covered(list, index, resource, STR("*")))
		field_invalid_str(e, at, whole, "if '%.*s/*' is present, must not specify %.*s",
			STRF(resource), STRF(whole));
	if (covered(list, index, STR("*"), sub))
		field_invalid_str(e, at, whole, "if '*/%.*s' is present, must not specify %.*s",
			STRF(sub), STRF(whole));
}

static void check_resources(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path at = PATH(p, "resources");
	const struct cJSON *list = json_get(rule, STR("resources"));
	bool plain = false; /* of the last without a subresource, as upstream */
	size_t i = 0;

	rule_some(e, p, rule, "resources");
	json_each (item, list) {
		struct path item_at = PATH_INDEX(&at, i);
		struct str resource = json_str(item);

		if (!resource.len)
			field_required(e, &item_at, "%s", "");
		else if (str_find_char(resource, '/') < 0)
			plain = !str_eq_text(resource, "*");
		else
			check_subresource(e, &item_at, list, i);
		i++;
	}
	if (i > 1 && holds(list, "*/*"))
		field_invalid(
			e, &at, list, "if '*/*' is present, must not specify other resources");
	if (plain && holds(list, "*"))
		field_invalid(e, &at, list,
			"if '*' is present, must not specify other resources without subresources");
}

static void check_each_operation(
	struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	static const char *const known[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL};
	struct path at = PATH(p, "operations");
	size_t i = 0;

	json_each (item, list) {
		struct path item_at = PATH_INDEX(&at, i++);

		if (!rule_is_one_of(json_str(item), known))
			field_not_supported_str(e, &item_at, json_str(item), known);
	}
}

void check_operation_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	static const char *const scopes[] = {"*", "Cluster", "Namespaced", NULL};
	struct path versions = PATH(p, "apiVersions");
	size_t i = 0;

	check_starred(e, p, rule, "operations", "operations");
	check_each_operation(e, p, json_get(rule, STR("operations")));
	check_starred(e, p, rule, "apiGroups", "API groups");
	check_starred(e, p, rule, "apiVersions", "API versions");
	json_each (version, json_get(rule, STR("apiVersions"))) {
		struct path at = PATH_INDEX(&versions, i++);

		if (!json_str(version).len)
			field_required(e, &at, "%s", "");
	}
	check_resources(e, p, rule);
	rule_choice(e, p, rule, "scope", scopes);
}

/* ---- conditions ---- */

void check_cel_expression(struct field_errors *e, const struct path *p, struct cel_env *env,
	struct str expression, const struct cel_type *wanted)
{
	struct cel_program *program = cel_compile(env, expression, wanted);
	struct cel_failure failure = cel_failure(program);

	switch (failure.kind) {
	case CEL_COMPILED:
		break;
	case CEL_INVALID:
		field_invalid_str(e, p, expression, "compilation failed: %s", failure.text.at);
		break;
	case CEL_WRONG_TYPE:
		field_invalid_str(e, p, expression, "%s", failure.text.at);
		break;
	case CEL_UNBUILT:
		field_internal(e, p, "program instantiation failed: %s", failure.text.at);
		break;
	}
	cel_program_free(program);
}

void check_match_conditions(
	struct field_errors *e, const struct path *p, const struct cJSON *list, bool params)
{
	struct cel_env *env = list ? cel_env_for_admission(0, params) : NULL;
	size_t i = 0;

	if (json_count(list) > CONDITIONS_MAX)
		field_too_many(e, p, (int64_t)json_count(list), CONDITIONS_MAX);
	json_each (condition, list) {
		struct path at = PATH_INDEX(p, i), expression = PATH(&at, "expression");
		struct path name_at = PATH(&at, "name");
		struct str name = tree_str(condition, "name");

		if (text_is_blank(tree_str(condition, "expression")))
			field_required(e, &expression, "%s", "");
		else
			check_cel_expression(
				e, &expression, env, tree_str(condition, "expression"), &cel_bool);
		if (!name.len)
			field_required(e, &name_at, "%s", "");
		else
			rule_name_joined(e, &name_at, name, "", name_check_qualified);
		if (name.len && rule_came_before(list, i, "name", name))
			field_duplicate_str(e, &name_at, name);
		i++;
	}
	cel_env_free(env);
}

/* ---- webhooks ---- */

static const char *const quiet[] = {"None", "NoneOnDryRun", NULL};
static const char *const any_effects[] = {"None", "NoneOnDryRun", "Some", "Unknown", NULL};
static const char *const review_versions[] = {"v1", "v1beta1", NULL};

/* What is asked of webhooks, less what the old ones did not keep to. */
struct demands {
	bool no_effects, known_version, unique_names, sound_selectors;
};

static bool knows_version(const struct cJSON *hook)
{
	json_each (version, json_get(hook, STR("admissionReviewVersions")))
		if (rule_is_one_of(json_str(version), review_versions))
			return true;
	return false;
}

static bool selectors_are_sound(struct arena *a, const struct cJSON *hook)
{
	static const char *const names[] = {"namespaceSelector", "objectSelector", NULL};
	struct field_errors errors = {.arena = a};

	for (size_t i = 0; names[i]; i++)
		if (tree_has(hook, names[i]))
			check_label_selector(&errors, NULL, json_get(hook, str_from(names[i])),
				(struct label_selector_rules){0});
	return !errors.count;
}

static struct demands demands_of(struct arena *a, const struct change *c)
{
	struct demands d = {true, true, true, true};
	const struct cJSON *list = json_get(c->old, STR("webhooks"));
	size_t i = 0;

	json_each (hook, list) {
		d.no_effects &= rule_is_one_of(tree_str(hook, "sideEffects"), quiet);
		d.known_version &= knows_version(hook);
		d.unique_names &= !rule_came_before(list, i++, "name", tree_str(hook, "name"));
		d.sound_selectors &= selectors_are_sound(a, hook);
	}
	/* who speaks the beta may say that it does not know */
	d.no_effects &= !c->requested || !str_eq_text(c->requested->version, "v1beta1");
	return d;
}

static void check_hook_name(struct field_errors *e, const struct path *p, struct str name)
{
	struct path at = PATH(p, "name");
	struct str rest = name, piece;
	size_t before = e->count, dots = 0;

	if (!name.len) {
		field_required(e, &at, "%s", "");
		return;
	}
	rule_name_joined(e, &at, name, "", name_check_dns_subdomain);
	if (e->count > before)
		return;
	while (str_cut(rest, '.', &piece, &rest))
		dots++;
	if (dots < 2)
		field_invalid_str(e, &at, name,
			"should be a domain with at least three segments separated by dots");
}

static void check_effects(struct field_errors *e, const struct path *p, const struct cJSON *hook,
	const struct demands *d)
{
	struct path at = PATH(p, "sideEffects");

	if (!tree_has(hook, "sideEffects"))
		field_required(e, &at, "must specify one of %s",
			d->no_effects ? "None, NoneOnDryRun" : "None, NoneOnDryRun, Some, Unknown");
	rule_choice(e, p, hook, "sideEffects", d->no_effects ? quiet : any_effects);
}

static void check_selector(struct field_errors *e, const struct path *p, const struct cJSON *hook,
	const char *name, const struct demands *d)
{
	struct path at = PATH(p, name);

	if (tree_has(hook, name))
		check_label_selector(e, &at, json_get(hook, str_from(name)),
			(struct label_selector_rules){.allow_invalid_values = !d->sound_selectors});
}

static void check_hook(struct field_errors *e, const struct path *p, const struct cJSON *hook,
	const struct demands *d, bool mutating)
{
	static const char *const failures[] = {"Fail", "Ignore", NULL};
	static const char *const matches[] = {"Equivalent", "Exact", NULL};
	static const char *const again[] = {"IfNeeded", "Never", NULL};
	struct path rules = PATH(p, "rules"), timeout = PATH(p, "timeoutSeconds");
	struct path client = PATH(p, "clientConfig"), conditions = PATH(p, "matchConditions");
	int64_t seconds;
	size_t i = 0;

	check_hook_name(e, p, tree_str(hook, "name"));
	json_each (rule, json_get(hook, STR("rules"))) {
		struct path at = PATH_INDEX(&rules, i++);

		check_operation_rule(e, &at, rule);
	}
	rule_choice(e, p, hook, "failurePolicy", failures);
	rule_choice(e, p, hook, "matchPolicy", matches);
	check_effects(e, p, hook, d);
	if (json_int(json_get(hook, STR("timeoutSeconds")), &seconds) &&
		(seconds < 1 || seconds > 30))
		field_invalid_int(
			e, &timeout, seconds, "the timeout value must be between 1 and 30 seconds");
	check_selector(e, p, hook, "namespaceSelector", d);
	check_selector(e, p, hook, "objectSelector", d);
	if (mutating)
		rule_choice(e, p, hook, "reinvocationPolicy", again);
	check_client_config(e, &client, json_get(hook, STR("clientConfig")));
	check_match_conditions(e, &conditions, json_get(hook, STR("matchConditions")), false);
}

static void check_review_versions(struct field_errors *e, const struct path *p,
	const struct cJSON *hook, const struct demands *d)
{
	struct path at = PATH(p, "admissionReviewVersions");
	const struct cJSON *list = json_get(hook, STR("admissionReviewVersions"));
	size_t i = 0;

	if (!json_count(list)) {
		field_required(e, &at, "must specify one of v1, v1beta1");
		return;
	}
	json_each (version, list) {
		struct path item = PATH_INDEX(&at, i);

		if (rule_came_before(list, i, NULL, json_str(version)))
			field_invalid_str(e, &item, json_str(version), "duplicate version");
		else
			field_check_name(e, &item, json_str(version), name_check_dns_label_1035);
		i++;
	}
	if (d->known_version && !knows_version(hook))
		field_invalid(e, &at, list, "must include at least one of v1, v1beta1");
}

void check_webhooks(struct field_errors *e, const struct change *c, bool mutating)
{
	struct path list_at = PATH(NULL, "webhooks");
	const struct cJSON *list = json_get(c->object, STR("webhooks"));
	struct demands d = demands_of(e->arena, c);
	size_t i = 0;

	json_each (hook, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(hook, "name");

		check_hook(e, &at, hook, &d, mutating);
		check_review_versions(e, &at, hook, &d);
		if (d.unique_names && name.len && rule_came_before(list, i, "name", name))
			field_duplicate_str(e, &name_at, name);
		i++;
	}
}

bool webhooks_changed(const struct cJSON *config, const struct cJSON *old)
{
	return !json_equal(json_get(config, STR("webhooks")), json_get(old, STR("webhooks")));
}
