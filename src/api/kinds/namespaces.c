/* Namespace */
#include "kinds.h"

/* Every namespace is labelled with its own name. */
static void defaults(struct change *c)
{
	struct str name = tree_str(c->object, "metadata.name");
	struct cJSON *labels = json_path(c->object, "metadata.labels");

	if (!tree_str(c->object, "status.phase").len)
		tree_set_str(c->arena, c->object, "status.phase", STR("Active"));
	if (!name.len)
		return;
	if (!labels) {
		tree_set(c->arena, c->object, "metadata.labels", json_new(c->arena, JSON_OBJECT));
		labels = json_path(c->object, "metadata.labels");
	}
	json_set(
		c->arena, labels, STR("kubernetes.io/metadata.name"), json_new_str(c->arena, name));
}

static bool has_finalizer(const struct cJSON *list)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), "kubernetes"))
			return true;
	return false;
}

/* Its contents are cleared away before it goes. */
static void prepare_create(struct change *c)
{
	struct cJSON *list = json_path(c->object, "spec.finalizers");

	defaults(c); /* a generated name is known only now */
	tree_set_str(c->arena, c->object, "status.phase", STR("Active"));
	if (has_finalizer(list))
		return;
	if (!list) {
		tree_set(c->arena, c->object, "spec.finalizers", json_new(c->arena, JSON_ARRAY));
		list = json_path(c->object, "spec.finalizers");
	}
	json_append(list, json_new_str(c->arena, STR("kubernetes")));
}

/* Finalizers are changed through /finalize alone. */
static void prepare_update(struct change *c)
{
	const struct cJSON *old = json_path(c->old, "spec.finalizers");

	tree_set(c->arena, c->object, "spec.finalizers", old ? json_copy(c->arena, old) : NULL);
}

static void prepare_finalize(struct change *c)
{
	const struct cJSON *status = json_get(c->old, STR("status"));

	tree_set(c->arena, c->object, "status", status ? json_copy(c->arena, status) : NULL);
}

static void check_finalize(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list = PATH(&spec, "finalizers");
	size_t i = 0;

	json_each (item, json_path(c->object, "spec.finalizers")) {
		struct path at = PATH_INDEX(&list, i++);

		field_check_name(e, &at, json_str(item), name_check_qualified);
		if (str_find_char(json_str(item), '/') < 0 &&
			!str_eq_text(json_str(item), "kubernetes") &&
			!str_eq_text(json_str(item), "orphan") &&
			!str_eq_text(json_str(item), "foregroundDeletion"))
			field_invalid(e, &at, item,
				"name is neither a standard finalizer name nor is it fully "
				"qualified");
	}
}

static const struct part_strategy parts[] = {
	{.name = "finalize", .prepare = prepare_finalize, .validate = check_finalize},
	{.name = NULL},
};

static const char *const labels[] = {"status.phase", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	(void)a;
	(void)label;
	return tree_str(object, "status.phase");
}

const struct strategy strategy_namespaces = {
	.name_rule = name_check_dns_label,
	.unconditional = true,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.parts = parts,
	.field_labels = labels,
	.field_value = value,
};
