/* When containers begin again: their own policy, their rules, their pod's policy. */
#include "pod_parts.h"
#include "pod_update.h"

#define RULES_MAX  20
#define VALUES_MAX 255

/* ---- what may be said ---- */

static void check_codes(struct field_errors *e, const struct path *rule, const struct cJSON *codes)
{
	static const char *const operators[] = {"In", "NotIn", NULL};
	struct path at = PATH(rule, "exitCodes"), op_at = PATH(&at, "operator");
	struct path values = PATH(&at, "values");
	struct str op = tree_str(codes, "operator");
	size_t count = json_count(json_get(codes, STR("values")));

	if (!codes) {
		field_required(e, &at, "must be specified");
		return;
	}
	if (!rule_is_one_of(op, operators))
		field_not_supported_str(e, &op_at, op, operators);
	if (count > VALUES_MAX)
		field_too_many(e, &values, (int64_t)count, VALUES_MAX);
}

void pod_check_restart(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const policies[] = {"Always", "Never", "OnFailure", NULL};
	static const char *const actions[] = {"Restart", "RestartAllContainers", NULL};
	struct path at = PATH(p, "restartPolicy"), rules_at = PATH(p, "restartPolicyRules");
	const struct cJSON *rules = json_get(container, STR("restartPolicyRules"));
	size_t i = 0;

	if (!tree_has(container, "restartPolicy") && json_count(rules))
		field_required(c->e, &at, "must specify restartPolicy when restart rules are used");
	rule_choice(c->e, p, container, "restartPolicy", policies);
	if (json_count(rules) > RULES_MAX)
		field_too_many(c->e, &rules_at, (int64_t)json_count(rules), RULES_MAX);
	json_each (rule, rules) {
		struct path item = PATH_INDEX(&rules_at, i++), action_at = PATH(&item, "action");
		struct str action = tree_str(rule, "action");

		if (!rule_is_one_of(action, actions))
			field_not_supported_str(c->e, &action_at, action, actions);
		check_codes(c->e, &item, json_get(rule, STR("exitCodes")));
	}
}

/* ---- what follows from it ---- */

static bool matches(const struct cJSON *rule, int64_t code)
{
	bool found = false;

	json_each (value, json_path(rule, "exitCodes.values")) {
		int64_t number;

		found |= json_int(value, &number) && number == code;
	}
	return found == str_eq_text(tree_str(rule, "exitCodes.operator"), "In");
}

bool pod_container_restarts(const struct cJSON *spec, const struct cJSON *container, int64_t code)
{
	struct str policy = tree_str(container, "restartPolicy");

	json_each (rule, json_get(container, STR("restartPolicyRules")))
		if (matches(rule, code))
			return true;
	if (!policy.len)
		policy = tree_str(spec, "restartPolicy");
	return str_eq_text(policy, "Always") || (str_eq_text(policy, "OnFailure") && code);
}

static const struct cJSON *named(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(tree_str(item, "name"), name))
			return item;
	return NULL;
}

/* By a rule of one of them all of them begin anew, whatever their own policies say. */
static bool all_may_restart(const struct cJSON *spec)
{
	static const char *const lists[] = {"initContainers", "containers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			json_each (rule, json_get(container, STR("restartPolicyRules")))
				if (str_eq_text(tree_str(rule, "action"), "RestartAllContainers"))
					return true;
	return false;
}

/* One that has ended for good does not run again. */
static void check_list(struct change *c, struct field_errors *e, const char *name, const char *of)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, name);
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *containers = json_get(spec, str_from(of));
	const struct cJSON *list = json_get(json_get(c->object, STR("status")), str_from(name));
	size_t i = 0;

	json_each (old, json_get(json_get(c->old, STR("status")), str_from(name))) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "state");
		const struct cJSON *ended = json_path(old, "state.terminated");
		const struct cJSON *now = named(list, tree_str(old, "name"));
		const struct cJSON *container = named(containers, tree_str(old, "name"));
		bool ephemeral = str_eq_text(str_from(of), "ephemeralContainers");

		if (!ended || !now || json_path(now, "state.terminated"))
			continue;
		if (!ephemeral && all_may_restart(spec))
			continue;
		if (ephemeral ||
			!pod_container_restarts(spec, container, tree_int(ended, "exitCode", 0)))
			field_forbidden(e, &at, "may not be transitioned to non-terminated state");
	}
}

void pod_check_restarts(struct change *c, struct field_errors *e)
{
	check_list(c, e, "containerStatuses", "containers");
	check_list(c, e, "initContainerStatuses", "initContainers");
	check_list(c, e, "ephemeralContainerStatuses", "ephemeralContainers");
}
