/* APIService */
#include "rules.h"

#include <kube/time.h>

#define GROUP_PRIORITY_MAX   20000
#define VERSION_PRIORITY_MAX 1000

/* The name is made of what it serves. */
static void check_own_name(struct change *c, struct field_errors *e, const struct cJSON *spec)
{
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "name");
	struct str wanted = arena_print(c->arena, "%.*s.%.*s", STRF(tree_str(spec, "version")),
		STRF(tree_str(spec, "group")));

	if (c->name.len && !str_eq(c->name, wanted))
		field_invalid_str(e, &at, c->name, "must be `spec.version+\".\"+spec.group`: %.*s",
			STRF(field_quote(c->arena, wanted)));
}

static void check_first_fault(
	struct field_errors *e, const struct path *at, struct str value, name_check_fn *check)
{
	struct name_faults f = {0};

	check(value, &f);
	if (f.count)
		field_invalid_str(e, at, value, "%s", f.items[0]);
}

static void check_group(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path group_at = PATH(p, "group"), version_at = PATH(p, "version");
	struct str group = tree_str(spec, "group"), version = tree_str(spec, "version");

	if (!group.len && !str_eq_text(version, "v1"))
		field_required(e, &group_at,
			"only v1 may have an empty group and it better be legacy kube");
	if (group.len)
		check_first_fault(e, &group_at, group, name_check_dns_subdomain);
	check_first_fault(e, &version_at, version, name_check_dns_label_1035);
}

static void check_priority(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const char *name, int max)
{
	struct path at = PATH(p, name);
	int64_t value = tree_int(spec, name, 0);

	if (value <= 0 || value > max)
		field_invalid_int(e, &at, value, "must be positive and less than %d", max);
}

/* Served by this process: there is nobody to trust. */
static void check_local(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path bundle_at = PATH(p, "caBundle"), insecure = PATH(p, "insecureSkipTLSVerify");
	struct str bundle = tree_str(spec, "caBundle");
	size_t bytes =
		bundle.len / 4 * 3 - str_ends(bundle, STR("=")) - str_ends(bundle, STR("=="));

	if (bundle.len)
		field_invalid_str(e, &bundle_at, arena_print(e->arena, "%zu bytes", bytes),
			"local APIServices may not have a caBundle");
	if (tree_true(spec, "insecureSkipTLSVerify"))
		field_invalid(e, &insecure, json_get(spec, STR("insecureSkipTLSVerify")),
			"local APIServices may not have insecureSkipTLSVerify");
}

static void check_service(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path service_at = PATH(p, "service"), port_at = PATH(&service_at, "port");
	struct path insecure = PATH(p, "insecureSkipTLSVerify");
	const struct cJSON *service = json_get(spec, STR("service"));
	int64_t port = tree_int(service, "port", 0);

	rule_text(e, &service_at, service, "namespace");
	rule_text(e, &service_at, service, "name");
	if (port < 1 || port > 65535)
		field_invalid_int(e, &port_at, port,
			"port is not valid: must be between 1 and 65535, inclusive");
	if (tree_true(spec, "insecureSkipTLSVerify") && tree_str(spec, "caBundle").len)
		field_invalid(e, &insecure, json_get(spec, STR("insecureSkipTLSVerify")),
			"may not be true if caBundle is present");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_own_name(c, e, spec);
	check_group(e, &root, spec);
	check_priority(e, &root, spec, "groupPriorityMinimum", GROUP_PRIORITY_MAX);
	check_priority(e, &root, spec, "versionPriority", VERSION_PRIORITY_MAX);
	if (tree_has(spec, "service"))
		check_service(e, &root, spec);
	else
		check_local(e, &root, spec);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const words[] = {"False", "True", "Unknown", NULL};
	struct path status = PATH(NULL, "status"), list = PATH(&status, "conditions");
	size_t i = 0;

	json_each (condition, json_path(c->object, "status.conditions")) {
		struct path at = PATH_INDEX(&list, i++);

		rule_choice(e, &at, condition, "status", words);
	}
}

/* ---- preparation ---- */

/* What this process serves is there from the beginning. */
static void prepare_create(struct change *c)
{
	static const char *const members[][2] = {{"type", "Available"}, {"status", "True"},
		{"lastTransitionTime", NULL}, {"reason", "Local"},
		{"message", "Local APIServices are always available"}};
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);
	struct cJSON *condition = json_new(c->arena, JSON_OBJECT);
	struct cJSON *list = json_new(c->arena, JSON_ARRAY);

	if (tree_has(c->object, "spec.service"))
		return;
	time_print(&now, c->now / SEC * SEC);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		tree_set_str(c->arena, condition, members[i][0],
			members[i][1] ? str_from(members[i][1]) : buf_str(&now));
	json_append(list, condition);
	tree_set(c->arena, c->object, "status.conditions", list);
}

static void prepare_status(struct change *c)
{
	static const char *const kept[] = {"metadata.labels", "metadata.ownerReferences"};

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		const struct cJSON *old = json_path(c->old, kept[i]);

		tree_set(c->arena, c->object, kept[i], old ? json_copy(c->arena, old) : NULL);
	}
}

static const char *const status_resets[] = {"spec", "metadata", NULL};

const struct strategy strategy_apiservices = {
	.name_rule = name_check_path_segment,
	.drops_status = true,
	.status_resets = status_resets,
	.prepare_create = prepare_create,
	.prepare_status = prepare_status,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
