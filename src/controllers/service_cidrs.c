#include "service_cidrs.h"

#include <kube/ip.h>

#define FINALIZER "networking.k8s.io/service-cidr-finalizer"
/* Until every API server has heard of the deletion and gives no more addresses of the range. */
#define GRACE (10 * SEC)

/* ---- ranges and addresses ---- */

static bool is_last(const struct cidr *range, const struct ip *ip)
{
	for (unsigned bit = range->bits; bit < ip->len * 8u; bit++)
		if (!(ip->bytes[bit / 8] & 0x80 >> bit % 8))
			return false;
	return true;
}

static bool may_have(const struct cidr *range, const struct ip *ip)
{
	if (range->ip.len != ip->len || !cidr_has(range, ip) || ip_eq(&range->ip, ip))
		return false;
	return ip->len == 16 || !is_last(range, ip);
}

bool service_cidr_has(const struct cJSON *cidr, struct str address)
{
	struct cidr range;
	struct ip ip;

	if (!ip_parse(address, &ip))
		return false;
	json_each (text, json_path(cidr, "spec.cidrs"))
		if (cidr_parse(json_str(text), &range) && may_have(&range, &ip))
			return true;
	return false;
}

static bool covers(const struct cidr *wide, const struct cidr *narrow)
{
	return wide->ip.len == narrow->ip.len && wide->bits <= narrow->bits &&
	       cidr_has(wide, &narrow->ip);
}

/* Is the range within one of the other's? */
static bool is_within(const struct cidr *range, const struct cJSON *other)
{
	struct cidr wide;

	json_each (text, json_path(other, "spec.cidrs"))
		if (cidr_parse(json_str(text), &wide) && covers(&wide, range))
			return true;
	return false;
}

bool service_cidrs_overlap(const struct cJSON *left, const struct cJSON *right)
{
	struct cidr a, b;

	json_each (one, json_path(left, "spec.cidrs"))
		json_each (other, json_path(right, "spec.cidrs"))
			if (cidr_parse(json_str(one), &a) && cidr_parse(json_str(other), &b) &&
				(covers(&a, &b) || covers(&b, &a)))
				return true;
	return false;
}

bool service_cidr_address_counts(const struct cJSON *address)
{
	const struct cJSON *labels = json_path(address, "metadata.labels");

	return str_eq_text(json_str(json_get(labels, STR("ipaddress.kubernetes.io/managed-by"))),
		"ipallocator.k8s.io");
}

/* ---- may it go? ---- */

static bool is_same(const struct cJSON *left, const struct cJSON *right)
{
	return str_eq(tree_str(left, "metadata.name"), tree_str(right, "metadata.name"));
}

/* Each range lies within one of another object: no address is left without. */
static bool has_parents(const struct service_cidr_view *v)
{
	struct cidr range;

	json_each (text, json_path(v->cidr, "spec.cidrs")) {
		bool found = !cidr_parse(json_str(text), &range);

		for (size_t i = 0; i < v->all->count && !found; i++)
			found = !is_same(v->all->items[i], v->cidr) &&
				is_within(&range, v->all->items[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool is_only_home(const struct service_cidr_view *v, struct str address)
{
	if (!service_cidr_has(v->cidr, address))
		return false;
	for (size_t i = 0; i < v->all->count; i++)
		if (!is_same(v->all->items[i], v->cidr) &&
			service_cidr_has(v->all->items[i], address))
			return false;
	return true;
}

static bool may_go(const struct service_cidr_view *v)
{
	if (has_parents(v))
		return true;
	for (size_t i = 0; i < v->addresses->count; i++)
		if (service_cidr_address_counts(v->addresses->items[i]) &&
			is_only_home(v, tree_str(v->addresses->items[i], "metadata.name")))
			return false;
	return true;
}

/* ---- what is written ---- */

static bool has_finalizer(const struct cJSON *cidr)
{
	json_each (f, json_path(cidr, "metadata.finalizers"))
		if (str_eq_text(json_str(f), FINALIZER))
			return true;
	return false;
}

static void plan_finalizer(const struct service_cidr_view *v, struct plan *p, const char *key)
{
	struct arena *a = p->arena;
	struct cJSON *list = json_new(a, JSON_ARRAY), *meta = json_new(a, JSON_OBJECT);
	struct cJSON *patch = json_new(a, JSON_OBJECT);

	json_append(list, json_new_str(a, STR(FINALIZER)));
	json_add(a, meta, str_from(key), list);
	json_add(a, patch, STR("metadata"), meta);
	plan_patch_strategic(p, v->resource, STR(""), tree_str(v->cidr, "metadata.name"), patch);
}

static void plan_ready(const struct service_cidr_view *v, struct plan *p, const char *status,
	const char *reason, const char *message)
{
	struct arena *a = p->arena;
	struct cJSON *tree, *condition, *list;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	json_each (had, json_path(v->cidr, "status.conditions"))
		if (str_eq_text(tree_str(had, "type"), "Ready") &&
			str_eq_text(tree_str(had, "status"), status) &&
			str_eq_text(tree_str(had, "reason"), reason) &&
			str_eq_text(tree_str(had, "message"), message))
			return;
	condition = json_new(a, JSON_OBJECT);
	list = json_new(a, JSON_ARRAY);
	tree = json_new(a, JSON_OBJECT);
	time_print(&now, v->now / SEC * SEC);
	tree_set_str(a, condition, "type", STR("Ready"));
	tree_set_str(a, condition, "status", str_from(status));
	tree_set_str(a, condition, "lastTransitionTime", buf_str(&now));
	tree_set_str(a, condition, "reason", str_from(reason));
	tree_set_str(a, condition, "message", str_from(message));
	json_append(list, condition);
	tree_set_str(a, tree, "kind", STR("ServiceCIDR"));
	tree_set_str(a, tree, "apiVersion", STR("networking.k8s.io/v1"));
	tree_set_str(a, tree, "metadata.name", tree_str(v->cidr, "metadata.name"));
	tree_set(a, tree, "status.conditions", list);
	plan_apply_status(p, v->resource, tree);
}

static void plan_end(const struct service_cidr_view *v, struct plan *p)
{
	int64_t asked = v->now;

	if (!may_go(v)) {
		plan_ready(v, p, "False", "Terminating",
			"There are still IPAddresses referencing the ServiceCIDR, please remove "
			"them or create a new ServiceCIDR");
		return;
	}
	time_parse(tree_str(v->cidr, "metadata.deletionTimestamp"), &asked, NULL);
	if (asked + GRACE > v->now)
		plan_requeue_after(p, asked + GRACE - v->now);
	else if (has_finalizer(v->cidr))
		plan_finalizer(v, p, "$deleteFromPrimitiveList/finalizers");
}

void service_cidr_plan(const struct service_cidr_view *v, struct plan *p)
{
	if (is_being_deleted(v->cidr)) {
		plan_end(v, p);
		return;
	}
	if (!has_finalizer(v->cidr))
		plan_finalizer(v, p, "finalizers");
	plan_ready(v, p, "True", "", "Kubernetes Service CIDR is ready");
}
