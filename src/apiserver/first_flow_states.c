/* The condition Dangling of FlowSchemas, whoever made them. */
#include "first_batch.h"
#include "first_objects.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#define GROUP "flowcontrol.apiserver.k8s.io"

static struct cJSON *condition_of(const struct cJSON *schema)
{
	json_each (condition, json_path(schema, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "Dangling"))
			return condition;
	return NULL;
}

/* The other conditions are somebody else's. */
static struct cJSON *set_condition(const struct own_merge *m)
{
	struct cJSON *tree = json_copy(m->arena, m->current);
	struct cJSON *was = condition_of(tree);
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (!json_path(tree, "status.conditions"))
		tree_set(m->arena, tree, "status.conditions", json_new(m->arena, JSON_ARRAY));
	if (was)
		json_remove(json_path(tree, "status.conditions"), was);
	time_print(&now, m->now / SEC * SEC);
	was = json_copy(m->arena, condition_of(m->wanted));
	tree_set_str(m->arena, was, "lastTransitionTime", buf_str(&now));
	json_append(json_path(tree, "status.conditions"), was);
	return tree;
}

static struct cJSON *wanted_condition(struct arena *a, struct str level, bool dangling)
{
	struct cJSON *c = json_new(a, JSON_OBJECT);

	tree_set_str(a, c, "type", STR("Dangling"));
	tree_set_str(a, c, "status", dangling ? STR("True") : STR("False"));
	tree_set_str(a, c, "reason", dangling ? STR("NotFound") : STR("Found"));
	tree_set_str(a, c, "message",
		arena_print(a,
			"This FlowSchema references the PriorityLevelConfiguration object named "
			"\"%.*s\" and %s",
			STRF(level), dangling ? "there is no such object" : "it exists"));
	return c;
}

static bool says(const struct cJSON *schema, const struct cJSON *wanted)
{
	static const char *const fields[] = {"status", "reason", "message"};
	const struct cJSON *condition = condition_of(schema);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!str_eq(tree_str(condition, fields[i]), tree_str(wanted, fields[i])))
			return false;
	return true;
}

void first_flow_states_write(struct api_server *s, struct op *op)
{
	const struct resource *schemas = resource_find(STR(GROUP), STR("v1"), STR("flowschemas"));
	const struct resource *levels =
		resource_find(STR(GROUP), STR("v1"), STR("prioritylevelconfigurations"));
	struct first_batch *b = first_batch_new(s);
	struct arena *a = first_batch_arena(b);
	struct store_iter it = store_seek(server_bucket(s, schemas->hub), STR(""), STR(""));

	while (store_next(&it)) {
		struct cJSON *tree = object_tree(a, it.object);
		struct str level = tree_str(tree, "spec.priorityLevelConfiguration.name");
		struct cJSON *wanted = wanted_condition(
			a, level, !store_get(server_bucket(s, levels->hub), level));

		if (says(tree, wanted))
			continue;
		struct cJSON *list = json_new(a, JSON_ARRAY);
		json_append(list, wanted);
		tree_set(a, tree, "status.conditions", list);
		first_batch_add(b, schemas, tree)->merge = set_condition;
	}
	first_batch_run(b, op);
}
