/* Node */
#include "ip_rules.h"
#include "pod_parts.h"

/* ---- filling in ---- */

/* One range or several: the first of several is the one, and it decides when they differ. */
static void settle_ranges(struct change *c)
{
	struct str one = tree_str(c->object, "spec.podCIDR");
	const struct cJSON *all = json_path(c->object, "spec.podCIDRs");
	struct cJSON *list = json_new(c->arena, JSON_ARRAY);

	if (!one.len && json_count(all)) {
		tree_set_str(c->arena, c->object, "spec.podCIDR", json_str(json_first(all)));
	} else if (one.len && !str_eq(json_str(json_first(all)), one)) {
		json_append(list, json_new_str(c->arena, one));
		tree_set(c->arena, c->object, "spec.podCIDRs", list);
	}
}

static void defaults(struct change *c)
{
	const struct cJSON *capacity = json_path(c->object, "status.capacity");

	settle_ranges(c);
	if (capacity && !tree_has(c->object, "status.allocatable"))
		tree_set(c->arena, c->object, "status.allocatable", json_copy(c->arena, capacity));
}

/* ---- checks ---- */

static void check_taint_unique(
	struct field_errors *e, const struct path *at, const struct cJSON *list, size_t index)
{
	const struct cJSON *taint = json_at(list, index);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	for (size_t i = 0; i < index; i++) {
		const struct cJSON *earlier = json_at(list, i);

		if (!str_eq(tree_str(earlier, "key"), tree_str(taint, "key")) ||
			!str_eq(tree_str(earlier, "effect"), tree_str(taint, "effect")))
			continue;
		api_print_go(&text, SCHEMA(core_v1, Taint), taint);
		buf_add_text(&text, ": taints must be unique by key and effect pair");
		field_add(e, FIELD_DUPLICATE, at, buf_str(&text));
		return;
	}
}

static void check_taints(struct change *c, struct field_errors *e)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct path meta = PATH(NULL, "metadata"), taints = PATH(&meta, "taints");
	const struct cJSON *list = json_path(c->object, "spec.taints");
	size_t i = 0;

	json_each (taint, list) {
		struct path at = PATH_INDEX(&taints, i), key = PATH(&at, "key");
		struct path value = PATH(&at, "value");

		field_check_name(e, &key, tree_str(taint, "key"), name_check_qualified);
		field_check_name(e, &value, tree_str(taint, "value"), name_check_label_value);
		rule_choice_required(e, &at, taint, "effect", effects);
		check_taint_unique(e, &at, list, i++);
	}
}

static void check_ranges(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, "podCIDRs");
	const struct cJSON *list = json_path(c->object, "spec.podCIDRs");
	struct cidr found[2];
	size_t i = 0, good = 0;

	json_each (range, list) {
		struct path at = PATH_INDEX(&list_at, i++);
		struct cidr cidr;

		if (!check_cidr(e, &at, json_str(range), &cidr))
			continue;
		if (good < ARRAY_LEN(found))
			found[good] = cidr;
		good++;
	}
	if (i > 2 || (good == 2 && found[0].ip.len == found[1].ip.len))
		field_invalid(
			e, &list_at, list, "may specify no more than one CIDR for each IP family");
}

static void validate(struct change *c, struct field_errors *e)
{
	check_taints(c, e);
	check_ranges(c, e);
}

static void check_amounts(
	struct field_errors *e, const struct path *p, const struct cJSON *status, const char *name)
{
	struct path list = PATH(p, name);

	json_each (amount, json_get(status, str_from(name))) {
		struct path at = PATH(&list, json_key(amount).at);

		pod_check_amount(e, &at, json_key(amount), amount);
	}
}

static void check_addresses(
	struct field_errors *e, const struct path *p, const struct cJSON *status)
{
	struct path list_at = PATH(p, "addresses");
	const struct cJSON *list = json_get(status, STR("addresses"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	size_t i = 0;

	json_each (address, list) {
		struct path at = PATH_INDEX(&list_at, i);

		for (size_t j = 0; j < i; j++) {
			if (!json_equal(json_at(list, j), address))
				continue;
			buf_clear(&text);
			api_print_go(&text, SCHEMA(core_v1, NodeAddress), address);
			field_add(e, FIELD_DUPLICATE, &at, buf_str(&text));
			break;
		}
		i++;
	}
}

/* Of the node and of its status alike. */
static void check_change(struct change *c, struct field_errors *e)
{
	struct path status_at = PATH(NULL, "status"), spec = PATH(NULL, "spec");
	struct path ranges = PATH(&spec, "podCIDRs"), provider = PATH(&spec, "providerID");
	struct path external = PATH(&spec, "externalID");
	const struct cJSON *status = json_get(c->object, STR("status"));
	const struct cJSON *old = json_path(c->old, "spec.podCIDRs");
	struct str id = tree_str(c->old, "spec.providerID");

	check_amounts(e, &status_at, status, "capacity");
	check_amounts(e, &status_at, status, "allocatable");
	check_addresses(e, &status_at, status);
	if (json_count(old) && !json_equal(old, json_path(c->object, "spec.podCIDRs")))
		field_forbidden(e, &ranges,
			"node updates may not change podCIDR except from \"\" to valid");
	if (id.len && !str_eq(id, tree_str(c->object, "spec.providerID")))
		field_forbidden(e, &provider,
			"node updates may not change providerID except from \"\" to valid");
	check_taints(c, e);
	if (!str_eq(tree_str(c->object, "spec.externalID"), tree_str(c->old, "spec.externalID")))
		field_forbidden(e, &external, "may not be updated");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	validate(c, e);
	check_change(c, e);
}

static void warn(struct change *c)
{
	if (tree_str(c->object, "spec.externalID").len)
		change_warn(c, "spec.externalID: this field is deprecated, and is unused by "
			       "Kubernetes");
}

/* ---- field selectors ---- */

static const char *const labels[] = {"spec.unschedulable", NULL};

/* What is not there is false. */
static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	return tree_true(object, arena_str(a, label).at) ? STR("true") : STR("false");
}

const struct strategy strategy_nodes = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.creates_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = check_change,
	.warn = warn,
	.field_labels = labels,
	.field_value = value,
};
