/* ResourceSlice */
#include "device_slices.h"
#include "pod_parts.h"

static void defaults(struct change *c)
{
	json_each (device, json_path(c->object, "spec.devices"))
		json_each (taint, json_get(device, STR("taints")))
			set_taint_times(c, taint);
}

static void check_pool(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "pool"), name = PATH(&at, "name");
	struct path count_at = PATH(&at, "resourceSliceCount");
	struct path generation_at = PATH(&at, "generation");
	int64_t count = tree_int(spec, "pool.resourceSliceCount", 0);
	int64_t generation = tree_int(spec, "pool.generation", 0);

	check_pool_name(e, &name, tree_str(spec, "pool.name"));
	if (count <= 0)
		field_invalid_int(e, &count_at, count, "must be greater than zero");
	if (generation < 0)
		field_invalid_int(
			e, &generation_at, generation, "must be greater than or equal to zero");
}

static void check_fixed(struct change *c, struct field_errors *e, const struct path *p)
{
	struct path pool = PATH(p, "pool");
	const struct cJSON *now = json_get(c->object, STR("spec"));
	const struct cJSON *old = json_get(c->old, STR("spec"));

	rule_immutable(e, &pool, json_get(now, STR("pool")), json_get(old, STR("pool")), "name");
	rule_immutable(e, p, now, old, "driver");
	rule_immutable(e, p, now, old, "nodeName");
}

/* Which of the ways to say where its devices are the slice takes. */
struct ways {
	const char *items[4];
	size_t count;
};

static void check_flag(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const char *name, const char *quoted, struct ways *w)
{
	struct path at = PATH(p, name);

	if (tree_true(spec, name))
		w->items[w->count++] = quoted;
	else if (tree_has(spec, name))
		field_invalid(e, &at, json_get(spec, str_from(name)),
			"must be either unset or set to true");
}

static void check_selector(
	struct field_errors *e, const struct path *p, const struct cJSON *selector)
{
	struct path terms_at = PATH(p, "nodeSelectorTerms");
	const struct cJSON *terms = json_get(selector, STR("nodeSelectorTerms"));

	check_node_selector(e, p, selector);
	if (json_count(terms) != 1)
		field_invalid(e, &terms_at, terms, "must have exactly one node selector term");
}

static void check_ways(struct field_errors *e, const struct path *p, const struct ways *w)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256);

	for (size_t i = 0; i < w->count; i++)
		buf_print(&text, "%s%s", i ? ", " : "{", w->items[i]);
	buf_add_char(&text, '}');
	if (!w->count)
		field_required(e, p,
			"exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
			"`perDeviceNodeSelection` is required");
	else if (w->count > 1)
		field_invalid_str(e, p, buf_str(&text),
			"exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
			"`perDeviceNodeSelection` is required, but multiple fields are set");
}

static void check_node(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path name = PATH(p, "nodeName"), selector = PATH(p, "nodeSelector");
	struct ways w = {.count = 0};

	if (tree_str(spec, "nodeName").len) {
		w.items[w.count++] = "`nodeName`";
		rule_name(e, p, spec, "nodeName", name_check_dns_subdomain);
	} else if (tree_has(spec, "nodeName")) {
		field_invalid_str(
			e, &name, STR(""), "must be either unset or set to a non-empty string");
	}
	if (tree_has(spec, "nodeSelector")) {
		w.items[w.count++] = "`nodeSelector`";
		check_selector(e, &selector, json_get(spec, STR("nodeSelector")));
	}
	check_flag(e, p, spec, "allNodes", "`allNodes`", &w);
	check_flag(e, p, spec, "perDeviceNodeSelection", "`perDeviceNodeSelection`", &w);
	check_ways(e, p, &w);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path p = PATH(NULL, "spec"), driver = PATH(&p, "driver");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_driver_name(e, &driver, tree_str(spec, "driver"));
	check_pool(e, &p, spec);
	if (c->old)
		check_fixed(c, e, &p);
	check_node(e, &p, spec);
	if (json_get(spec, STR("sharedCounters")) && json_get(spec, STR("devices")))
		field_invalid_str(
			e, &p, STR(""), "only one of `sharedCounters` or `devices` is allowed");
	check_slice_devices(e, &p, spec, json_get(c->old, STR("spec")));
	check_slice_counters(e, &p, spec);
}

static const char *const labels[] = {"spec.nodeName", "spec.driver", NULL};

const struct strategy strategy_resourceslices = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.delete_answers_object = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.field_labels = labels,
};
