/* CSIDriver */
#include "volume_sources.h"

#define TOKEN_SECONDS_MIN  600
#define TOKEN_SECONDS_MAX  ((int64_t)1 << 32)
#define PERIOD_SECONDS_MIN 10

static void defaults(struct change *c)
{
	struct cJSON *modes;

	if (!tree_has(c->object, "spec.seLinuxMount"))
		tree_set(c->arena, c->object, "spec.seLinuxMount", json_new_bool(c->arena, false));
	if (json_count(json_path(c->object, "spec.volumeLifecycleModes")))
		return;
	modes = json_new(c->arena, JSON_ARRAY);
	json_append(modes, json_new_str(c->arena, STR("Persistent")));
	tree_set(c->arena, c->object, "spec.volumeLifecycleModes", modes);
}

/* New drivers have no generation; it counts from the first change. */
static void prepare_update(struct change *c)
{
	if (!json_equal(json_get(c->object, STR("spec")), json_get(c->old, STR("spec"))))
		tree_set_int(c->arena, c->object, "metadata.generation",
			tree_int(c->old, "metadata.generation", 0) + 1);
}

static void check_tokens(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	size_t i = 0;

	json_each (token, list) {
		struct path at = PATH_INDEX(p, i), audience = PATH(&at, "audience");
		struct path seconds_at = PATH(&at, "expirationSeconds");
		int64_t seconds = tree_int(token, "expirationSeconds", TOKEN_SECONDS_MIN);

		if (rule_came_before(list, i++, "audience", tree_str(token, "audience")))
			field_duplicate_str(e, &audience, tree_str(token, "audience"));
		else if (seconds < TOKEN_SECONDS_MIN)
			field_invalid_int(e, &seconds_at, seconds,
				"may not specify a duration less than 10 minutes");
		else if (seconds > TOKEN_SECONDS_MAX)
			field_invalid_int(e, &seconds_at, seconds,
				"may not specify a duration larger than 2^32 seconds");
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const groups[] = {"File", "None", "ReadWriteOnceWithFSType", NULL};
	static const char *const modes[] = {"Persistent", "Ephemeral", NULL};
	struct path root = PATH(NULL, "spec"), tokens = PATH(&root, "tokenRequests");
	struct path modes_at = PATH(&root, "volumeLifecycleModes");
	struct path period_at = PATH(&root, "nodeAllocatableUpdatePeriodSeconds");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	int64_t period = tree_int(spec, "nodeAllocatableUpdatePeriodSeconds", PERIOD_SECONDS_MIN);

	rule_choice(e, &root, spec, "fsGroupPolicy", groups);
	check_tokens(e, &tokens, json_get(spec, STR("tokenRequests")));
	json_each (mode, json_get(spec, STR("volumeLifecycleModes")))
		if (!rule_is_one_of(json_str(mode), modes))
			field_not_supported_str(e, &modes_at, json_str(mode), modes);
	if (period < PERIOD_SECONDS_MIN)
		field_invalid_int(e, &period_at, period,
			"must be greater than or equal to %d seconds", PERIOD_SECONDS_MIN);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), attach = PATH(&spec, "attachedRequired");
	const struct cJSON *now = json_get(c->object, STR("spec"));
	const struct cJSON *old = json_get(c->old, STR("spec"));

	validate(c, e);
	rule_same(e, &attach, NULL, json_get(now, STR("attachRequired")),
		json_get(old, STR("attachRequired")));
	rule_immutable(e, &spec, now, old, "volumeLifecycleModes");
}

static void warn(struct change *c)
{
	if (json_count(json_path(c->object, "spec.tokenRequests")) &&
		!tree_has(c->object, "spec.serviceAccountTokenInSecrets"))
		change_warn(c, "spec.serviceAccountTokenInSecrets is unset; if supported by this "
			       "CSI driver, set to true to prevent possible logging of tokens in "
			       "volume attributes");
}

const struct strategy strategy_csidrivers = {
	.name_rule = name_check_dns_subdomain,
	.delete_answers_object = true,
	.defaults = defaults,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
	.warn = warn,
};
