/* StatefulSet */
#include "claim_rules.h"
#include "workload_rules.h"

static void claim_defaults(struct change *c)
{
	json_each (claim, json_path(c->object, "spec.volumeClaimTemplates")) {
		tree_set_str(c->arena, claim, "kind", STR("PersistentVolumeClaim"));
		tree_set_str(c->arena, claim, "apiVersion", STR("v1"));
		if (!tree_str(claim, "status.phase").len)
			tree_set_str(c->arena, claim, "status.phase", STR("Pending"));
	}
}

/* Who names the strategy's type says all of it. */
static void strategy_defaults(struct change *c)
{
	struct cJSON *strategy;

	if (!tree_str(c->object, "spec.updateStrategy.type").len) {
		tree_set_str(c->arena, c->object, "spec.updateStrategy.type", STR("RollingUpdate"));
		if (!tree_has(c->object, "spec.updateStrategy.rollingUpdate"))
			tree_set(c->arena, c->object, "spec.updateStrategy.rollingUpdate",
				json_new(c->arena, JSON_OBJECT));
	}
	strategy = json_path(c->object, "spec.updateStrategy");
	if (str_eq_text(tree_str(strategy, "type"), "RollingUpdate") &&
		tree_has(strategy, "rollingUpdate") &&
		!tree_has(strategy, "rollingUpdate.partition"))
		tree_set_int(c->arena, strategy, "rollingUpdate.partition", 0);
}

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
	claim_defaults(c);
	strategy_defaults(c);
}

/* Behind a gate that is shut: only who has it may keep it. */
static void prepare(struct change *c)
{
	static const char *const gated = "spec.updateStrategy.rollingUpdate.maxUnavailable";

	if (!tree_has(c->old, gated))
		tree_drop(c->object, gated);
}

static void check_name(struct str s, struct name_faults *f)
{
	if (str_find_char(s, '.') >= 0)
		f->items[f->count++] = "must not contain dots";
	else
		name_check_dns_label(s, f);
}

/* ---- the strategy ---- */

static void check_partition(
	struct field_errors *e, const struct path *p, const struct cJSON *rolling)
{
	struct path at = PATH(p, "maxUnavailable");
	const struct cJSON *unavailable = json_get(rolling, STR("maxUnavailable"));

	check_not_negative(e, p, "partition", rolling);
	if (!unavailable)
		return;
	workload_check_share(e, &at, unavailable);
	if (!workload_share(unavailable))
		field_invalid(e, &at, unavailable, "cannot be 0");
	workload_check_whole(e, &at, unavailable);
}

static void check_strategy(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "updateStrategy"), rolling_at = PATH(&at, "rollingUpdate");
	const struct cJSON *strategy = json_get(spec, STR("updateStrategy"));
	const struct cJSON *rolling = json_get(strategy, STR("rollingUpdate"));
	struct str type = tree_str(strategy, "type");

	if (str_eq_text(type, "RollingUpdate"))
		check_partition(e, &rolling_at, rolling);
	else if (!str_eq_text(type, "OnDelete"))
		workload_invalid(e, &at, SCHEMA(apps_v1, StatefulSetUpdateStrategy), strategy,
			"must be 'RollingUpdate' or 'OnDelete'");
	else if (rolling)
		workload_invalid(e, &rolling_at, SCHEMA(apps_v1, RollingUpdateStatefulSetStrategy),
			rolling, "only allowed for updateStrategy 'RollingUpdate'");
}

/* ---- all of it ---- */

static void check_policies(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const policies[] = {"Retain", "Delete", NULL};
	struct path manage = PATH(p, "podManagementPolicy");
	struct path retain = PATH(p, "persistentVolumeClaimRetentionPolicy");
	const struct cJSON *retention = json_get(spec, STR("persistentVolumeClaimRetentionPolicy"));
	struct str policy = tree_str(spec, "podManagementPolicy");

	if (!str_eq_text(policy, "OrderedReady") && !str_eq_text(policy, "Parallel"))
		field_invalid_str(e, &manage, policy, "must be 'OrderedReady' or 'Parallel'");
	check_strategy(e, p, spec);
	rule_choice(e, &retain, retention, "whenDeleted", policies);
	rule_choice(e, &retain, retention, "whenScaled", policies);
}

static void check_claims(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path list = PATH(p, "volumeClaimTemplates");
	size_t i = 0;

	json_each (claim, json_get(spec, STR("volumeClaimTemplates"))) {
		struct path item = PATH_INDEX(&list, i++), at = PATH(&item, "spec");

		check_claim_spec(e, &at, json_get(claim, STR("spec")));
	}
}

static const struct workload_words words = {
	.empty = "statefulset", .unsound = "", .deadline = "StatefulSet"};

/* Once by themselves, once as any template's: what is wrong is told twice. */
static void check_template_meta(
	struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path tmpl = PATH(p, "template"), labels = PATH(&tmpl, "labels");
	struct path annotations = PATH(&tmpl, "annotations");

	check_labels(e, &labels, json_path(spec, "template.metadata.labels"));
	check_annotations(e, &annotations, json_path(spec, "template.metadata.annotations"));
}

/* The set as its pods will see it: every claim is a volume, in place of one of that name. */
static struct cJSON *with_claims(struct change *c)
{
	struct cJSON *whole = json_copy(c->arena, c->object), *volumes;

	if (!json_path(whole, "spec.template.spec.volumes"))
		tree_set(c->arena, whole, "spec.template.spec.volumes",
			json_new(c->arena, JSON_ARRAY));
	volumes = json_path(whole, "spec.template.spec.volumes");
	json_each (claim, json_path(c->object, "spec.volumeClaimTemplates")) {
		struct str name = tree_str(claim, "metadata.name");
		struct cJSON *volume = json_new(c->arena, JSON_OBJECT), *same = json_first(volumes);

		while (same && !str_eq(tree_str(same, "name"), name))
			same = json_next(same);
		json_remove(volumes, same);
		tree_set_str(c->arena, volume, "name", name);
		tree_set_str(c->arena, volume, "persistentVolumeClaim.claimName", name);
		json_append(volumes, volume);
	}
	return whole;
}

static void check_spec(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"replicas", "minReadySeconds", NULL};
	struct path spec_at = PATH(NULL, "spec"), ordinals = PATH(&spec_at, "ordinals");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_policies(e, &spec_at, spec);
	workload_check_counts(e, &spec_at, spec, counts);
	check_not_negative(e, &ordinals, "start", json_get(spec, STR("ordinals")));
	check_template_meta(e, &spec_at, spec);
	workload_check_pods(e, with_claims(c), &words);
}

/* What old objects may have had otherwise. */
static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_spec(c, e);
	check_claims(e, &spec_at, spec);
	rule_name(e, &spec_at, spec, "serviceName", name_check_dns_label);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const free_members[] = {"replicas", "ordinals", "template",
		"updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy",
		"minReadySeconds", NULL};
	struct path at = PATH(NULL, "spec");
	struct cJSON *now = json_copy(c->arena, json_get(c->object, STR("spec")));
	struct cJSON *old = json_copy(c->arena, json_get(c->old, STR("spec")));

	check_spec(c, e);
	for (size_t i = 0; free_members[i]; i++) {
		tree_drop(now, free_members[i]);
		tree_drop(old, free_members[i]);
	}
	if (!json_equal(now, old))
		field_forbidden(e, &at,
			"updates to statefulset spec for fields other than 'replicas', 'ordinals', "
			"'template', 'updateStrategy', 'revisionHistoryLimit', "
			"'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
			"forbidden");
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"replicas", "readyReplicas", "currentReplicas",
		"updatedReplicas", "availableReplicas", "observedGeneration", "collisionCount",
		NULL};
	static const char *const within[] = {
		"readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", NULL};
	struct path status = PATH(NULL, "status");

	workload_check_counts(e, &status, json_get(c->object, STR("status")), counts);
	workload_check_replicas(e, c->object, within, "status.readyReplicas");
	workload_check_collisions(c, e);
}

static void warn(struct change *c)
{
	struct path spec = PATH(NULL, "spec"), list = PATH(&spec, "volumeClaimTemplates");
	size_t i = 0;

	if (workload_is_quiet(c))
		return;
	workload_warn(c);
	json_each (claim, json_path(c->object, "spec.volumeClaimTemplates")) {
		struct path item = PATH_INDEX(&list, i++); /* upstream leaves "spec" out */

		claim_warn(c, &item, json_get(claim, STR("spec")));
	}
	if (tree_int(c->object, "spec.revisionHistoryLimit", 0) < 0)
		change_warn(c, "spec.revisionHistoryLimit: a negative value retains all historical "
			       "revisions; a value >= 0 is recommended");
}

static const struct scale_paths scale = {
	.replicas = "spec.replicas",
	.status_replicas = "status.replicas",
	.selector = "spec.selector",
};

const struct strategy strategy_statefulsets = {
	.template_spec = "spec.template.spec",
	.name_rule = check_name,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare,
	.prepare_update = prepare,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.warn = warn,
	.scale = &scale,
};
