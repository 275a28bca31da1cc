/* What may be said of a pod through its status. */
#include "ip_rules.h"
#include "pod_update.h"

/* One address is both members. Old kubelets know the one alone: it decides where they differ. */
void pod_status_defaults(struct arena *a, struct cJSON *pod)
{
	struct str one = tree_str(pod, "status.podIP");
	struct str first = tree_str(json_first(json_path(pod, "status.podIPs")), "ip");
	struct cJSON *items, *item;

	if (!one.len && first.len)
		tree_set_str(a, pod, "status.podIP", first);
	if (!one.len || str_eq(one, first))
		return;
	items = json_new(a, JSON_ARRAY);
	item = json_new(a, JSON_OBJECT);
	json_add(a, item, STR("ip"), json_new_str(a, one));
	json_append(items, item);
	tree_set(a, pod, "status.podIPs", items);
}

void pod_prepare_status(struct change *c)
{
	const struct cJSON *owners = json_path(c->old, "metadata.ownerReferences");

	tree_set(c->arena, c->object, "metadata.ownerReferences",
		owners ? json_copy(c->arena, owners) : NULL);
	if (!tree_str(c->object, "status.qosClass").len && tree_str(c->old, "status.qosClass").len)
		tree_set_str(c->arena, c->object, "status.qosClass",
			tree_str(c->old, "status.qosClass"));
}

static void check_addresses(struct change *c, struct field_errors *e, const char *name,
	const char *single, bool must_match)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, name);
	const struct cJSON *list = json_get(json_get(c->object, STR("status")), str_from(name));
	struct str first = tree_str(json_first(list), "ip");
	size_t families[2] = {0}, i = 0;

	if (must_match && json_count(list) &&
		!str_eq(first, tree_str(json_get(c->object, STR("status")), single))) {
		struct path item = PATH_INDEX(&list_at, 0), at = PATH(&item, "ip");

		field_invalid_str(e, &at, first, "must be equal to `%s`", single);
	}
	json_each (item, list) {
		struct path at = PATH_INDEX(&list_at, i++);
		struct ip ip;

		if (rule_came_before(list, i - 1, "ip", tree_str(item, "ip")))
			field_add(e, FIELD_DUPLICATE, &at,
				arena_print(e->arena, "{\"IP\":%.*s}",
					STRF(field_quote(e->arena, tree_str(item, "ip")))));
		if (check_ip(e, &at, tree_str(item, "ip"), &ip))
			families[str_find_char(tree_str(item, "ip"), ':') >= 0]++;
	}
	if (families[0] < 2 && families[1] < 2 && json_count(list) < 3)
		return;
	_cleanup_(buf_done) struct buf go = BUF_INIT(64 * KIB);
	buf_add_char(&go, '[');
	json_each (item, list) {
		buf_add_text(&go, item == json_first(list) ? "" : ",");
		api_print_go(&go, SCHEMA(core_v1, PodIP), item);
	}
	buf_add_char(&go, ']');
	field_invalid_raw(e, &list_at, arena_str(c->arena, buf_str(&go)),
		"may specify no more than one IP for each IP family");
}

static void check_conditions(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, "conditions");
	size_t i = 0;

	json_each (condition, json_path(c->object, "status.conditions")) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "type");
		struct str type = tree_str(condition, "type");

		if (str_find_char(type, '/') >= 0)
			field_check_name(e, &at, type, name_check_qualified);
	}
}

void pod_check_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), qos_at = PATH(&status, "qosClass");
	struct str qos = tree_str(c->object, "status.qosClass");

	rule_name(e, &status, json_get(c->object, STR("status")), "nominatedNodeName",
		name_check_dns_subdomain);
	check_conditions(c, e);
	pod_check_restarts(c, e);
	if (tree_str(c->old, "status.qosClass").len &&
		!str_eq(qos, tree_str(c->old, "status.qosClass")))
		field_invalid_str(e, &qos_at, qos, "field is immutable");
	check_addresses(c, e, "podIPs", "podIP", false);
	check_addresses(c, e, "hostIPs", "hostIP", true);
}
