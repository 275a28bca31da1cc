/* Workloads of extensions/v1beta1 and the betas of apps. */
#include "convert.h"

#define NEVER_ENDS  2147483647
#define ROLLBACK_TO "deprecated.deployment.rollback.to"
#define GENERATION  "deprecated.daemonset.template.generation"

static void set_int(struct arena *a, struct cJSON *object, const char *path, int64_t value)
{
	if (!tree_has(object, path))
		tree_set_int(a, object, path, value);
}

/* ---- defaults ---- */

/* Old manifests leave the selector to the template's labels, and their own labels, too. */
void selector_defaults(struct arena *a, struct cJSON *object)
{
	const struct cJSON *labels = json_path(object, "spec.template.metadata.labels");

	if (!json_count(labels))
		return;
	if (!tree_has(object, "spec.selector"))
		tree_set(a, object, "spec.selector.matchLabels", json_copy(a, labels));
	if (!json_count(json_path(object, "metadata.labels")))
		tree_set(a, object, "metadata.labels", json_copy(a, labels));
}

void deployment_defaults_extensions(struct arena *a, struct cJSON *object)
{
	selector_defaults(a, object);
	set_int(a, object, "spec.progressDeadlineSeconds", NEVER_ENDS);
	set_int(a, object, "spec.revisionHistoryLimit", NEVER_ENDS);
	if (!tree_str(object, "spec.strategy.type").len)
		tree_set_str(a, object, "spec.strategy.type", STR("RollingUpdate"));
	if (!str_eq_text(tree_str(object, "spec.strategy.type"), "RollingUpdate"))
		return;
	set_int(a, object, "spec.strategy.rollingUpdate.maxUnavailable", 1);
	set_int(a, object, "spec.strategy.rollingUpdate.maxSurge", 1);
}

void deployment_defaults_beta1(struct arena *a, struct cJSON *object)
{
	selector_defaults(a, object);
	set_int(a, object, "spec.progressDeadlineSeconds", 600);
	set_int(a, object, "spec.revisionHistoryLimit", 2);
}

void daemonset_defaults_extensions(struct arena *a, struct cJSON *object)
{
	selector_defaults(a, object);
	if (!tree_str(object, "spec.updateStrategy.type").len)
		tree_set_str(a, object, "spec.updateStrategy.type", STR("OnDelete"));
}

void statefulset_defaults_beta1(struct arena *a, struct cJSON *object)
{
	selector_defaults(a, object);
	if (!tree_str(object, "spec.updateStrategy.type").len)
		tree_set_str(a, object, "spec.updateStrategy.type", STR("OnDelete"));
}

/* ---- what has moved into annotations ---- */

void deployment_to_hub(struct arena *a, struct cJSON *object)
{
	struct cJSON *annotations;

	if (!tree_has(object, "spec.rollbackTo"))
		return;
	if (!json_path(object, "metadata.annotations"))
		tree_set(a, object, "metadata.annotations", json_new(a, JSON_OBJECT));
	annotations = json_path(object, "metadata.annotations");
	json_set(a, annotations, STR(ROLLBACK_TO),
		json_new_str(
			a, arena_print(a, "%lld",
				   (long long)tree_int(object, "spec.rollbackTo.revision", 0))));
	tree_drop(object, "spec.rollbackTo");
}

static struct str take_annotation(struct cJSON *object, const char *key)
{
	struct cJSON *annotations = json_path(object, "metadata.annotations");
	struct cJSON *found = json_get(annotations, str_from(key));
	struct str text = json_str(found);

	json_remove(annotations, found);
	if (annotations && !json_count(annotations))
		tree_drop(object, "metadata.annotations");
	return text;
}

void deployment_from_hub(struct arena *a, struct cJSON *object)
{
	struct str text = take_annotation(object, ROLLBACK_TO);
	int64_t revision;

	if (text.len && str_to_i64(text, &revision))
		tree_set_int(a, object, "spec.rollbackTo.revision", revision);
}

void daemonset_from_hub(struct arena *a, struct cJSON *object)
{
	struct str text = take_annotation(object, GENERATION);
	int64_t generation;

	if (text.len && str_to_i64(text, &generation))
		tree_set_int(a, object, "spec.templateGeneration", generation);
}
