/* Families and cluster addresses of Services, before anything is allocated. */
#include "ip_rules.h"
#include "service_rules.h"

static const struct str v4_name = STR_INIT("IPv4"), v6_name = STR_INIT("IPv6");
static const struct str single = STR_INIT("SingleStack"), prefer = STR_INIT("PreferDualStack"),
			require = STR_INIT("RequireDualStack");

/* ---- what kind of service it is ---- */

bool service_is_type(const struct cJSON *service, const char *type)
{
	return str_eq_text(tree_str(service, "spec.type"), type);
}

bool service_is_headless(const struct cJSON *service)
{
	return str_eq_text(tree_str(service, "spec.clusterIPs.0"), "None");
}

bool service_needs_cluster_ip(const struct cJSON *service)
{
	return !service_is_type(service, "ExternalName") && !service_is_headless(service);
}

bool service_needs_node_ports(const struct cJSON *service)
{
	if (service_is_type(service, "NodePort"))
		return true;
	if (!service_is_type(service, "LoadBalancer"))
		return false;
	return !tree_has(service, "spec.allocateLoadBalancerNodePorts") ||
	       tree_true(service, "spec.allocateLoadBalancerNodePorts");
}

bool service_needs_health_port(const struct cJSON *service)
{
	return service_is_type(service, "LoadBalancer") &&
	       str_eq_text(tree_str(service, "spec.externalTrafficPolicy"), "Local");
}

/* ---- clusterIP and clusterIPs in step ---- */

static void set_list(struct arena *a, struct cJSON *service, struct str only)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_append(list, json_new_str(a, only));
	tree_set(a, service, "spec.clusterIPs", list);
}

/*
 * A client that knows only clusterIP may set, change or clear it; one that knows the list is
 * expected to keep both in step, and validation says so where it does not.
 */
void service_normalize(struct arena *a, struct cJSON *service, const struct cJSON *old)
{
	struct str ip = tree_str(service, "spec.clusterIP");
	const struct cJSON *list = json_path(service, "spec.clusterIPs");

	if (!old) {
		if (ip.len && !json_count(list))
			set_list(a, service, ip);
		return;
	}
	struct str old_ip = tree_str(old, "spec.clusterIP");
	const struct cJSON *old_list = json_path(old, "spec.clusterIPs");
	bool same_list = json_count(list) == json_count(old_list) &&
			 (!json_count(list) || json_equal(list, old_list));

	if (old_ip.len && !ip.len && same_list)
		tree_drop(service, "spec.clusterIPs");
	else if (!str_eq(ip, old_ip) && ip.len && same_list)
		set_list(a, service, ip);
	else if (ip.len && !json_count(list))
		set_list(a, service, ip);
}

/* ---- updates ---- */

static void keep_node_ports(struct arena *a, struct cJSON *service, const struct cJSON *old)
{
	json_each (port, json_path(service, "spec.ports")) {
		if (tree_int(port, "nodePort", 0))
			continue;
		json_each (was, json_path(old, "spec.ports"))
			if (tree_int(was, "port", 0) == tree_int(port, "port", 0) &&
				str_eq(tree_str(was, "protocol"), tree_str(port, "protocol")) &&
				tree_int(was, "nodePort", 0)) {
				tree_set_int(a, port, "nodePort", tree_int(was, "nodePort", 0));
				break;
			}
	}
}

void service_keep_allocated(struct arena *a, struct cJSON *service, const struct cJSON *old)
{
	bool had_ip = !service_is_type(old, "ExternalName");

	if (had_ip && !service_is_type(service, "ExternalName")) {
		if (!tree_str(service, "spec.clusterIP").len && tree_str(old, "spec.clusterIP").len)
			tree_set_str(a, service, "spec.clusterIP", tree_str(old, "spec.clusterIP"));
		if (!json_count(json_path(service, "spec.clusterIPs")) &&
			str_eq(tree_str(service, "spec.clusterIP"),
				tree_str(old, "spec.clusterIP")) &&
			json_path(old, "spec.clusterIPs"))
			tree_set(a, service, "spec.clusterIPs",
				json_copy(a, json_path(old, "spec.clusterIPs")));
	}
	if (service_needs_node_ports(old) && service_needs_node_ports(service))
		keep_node_ports(a, service, old);
	if (service_needs_health_port(old) && service_needs_health_port(service) &&
		!tree_int(service, "spec.healthCheckNodePort", 0))
		tree_set_int(a, service, "spec.healthCheckNodePort",
			tree_int(old, "spec.healthCheckNodePort", 0));
}

static bool same_at(const struct cJSON *a, const struct cJSON *b, const char *path)
{
	return json_equal(json_path(a, path), json_path(b, path));
}

static void drop_node_ports(struct cJSON *service, const struct cJSON *old)
{
	size_t i = 0;

	json_each (port, json_path(service, "spec.ports")) {
		int64_t was = tree_int(json_at(json_path(old, "spec.ports"), i++), "nodePort", 0);

		if (tree_int(port, "nodePort", 0) == was)
			tree_drop(port, "nodePort");
	}
}

static bool node_ports_same(const struct cJSON *service, const struct cJSON *old)
{
	size_t i = 0;

	json_each (port, json_path(service, "spec.ports")) {
		const struct cJSON *was = json_at(json_path(old, "spec.ports"), i++);

		if (!was || tree_int(port, "nodePort", 0) != tree_int(was, "nodePort", 0))
			return false;
	}
	return true;
}

static bool external(const struct cJSON *service)
{
	return service_is_type(service, "LoadBalancer") || service_is_type(service, "NodePort") ||
	       (service_is_type(service, "ClusterIP") &&
		       json_count(json_path(service, "spec.externalIPs")));
}

static void keep_first(struct cJSON *service, const char *path)
{
	struct cJSON *list = json_path(service, path);

	while (json_count(list) > 1)
		json_remove(list, json_at(list, 1));
}

/* Who goes back to one family says so by the policy alone; the second one goes. */
static void trim_to_single(struct cJSON *service, const struct cJSON *old)
{
	struct str was = tree_str(old, "spec.ipFamilyPolicy");

	if (!str_eq(tree_str(service, "spec.ipFamilyPolicy"), single) ||
		(!str_eq(was, prefer) && !str_eq(was, require)))
		return;
	keep_first(service, "spec.clusterIPs");
	keep_first(service, "spec.ipFamilies");
}

void service_drop_for_type(struct arena *a, struct cJSON *service, const struct cJSON *old)
{
	static const char *const address_fields[] = {"spec.clusterIP", "spec.clusterIPs",
		"spec.ipFamilies", "spec.ipFamilyPolicy", NULL};

	(void)a;
	if (!service_is_type(old, "ExternalName") && service_is_type(service, "ExternalName")) {
		/* addresses that were allocated go; ones the client set are refused later */
		bool same = same_at(service, old, "spec.clusterIP") &&
			    same_at(service, old, "spec.clusterIPs");

		for (size_t i = 0; same && address_fields[i]; i++)
			if (same_at(service, old, address_fields[i]))
				tree_drop(service, address_fields[i]);
		if (!tree_str(service, "spec.clusterIP").len &&
			!json_count(json_path(service, "spec.clusterIPs")))
			for (size_t i = 2; address_fields[i]; i++)
				if (same_at(service, old, address_fields[i]))
					tree_drop(service, address_fields[i]);
	}
	if (service_needs_node_ports(old) && !service_needs_node_ports(service) &&
		node_ports_same(service, old) &&
		(service_is_type(service, "ClusterIP") || service_is_type(service, "ExternalName")))
		drop_node_ports(service, old);
	if (service_needs_health_port(old) && !service_needs_health_port(service) &&
		same_at(service, old, "spec.healthCheckNodePort"))
		tree_drop(service, "spec.healthCheckNodePort");
	if (service_is_type(old, "LoadBalancer") && !service_is_type(service, "LoadBalancer")) {
		if (same_at(service, old, "spec.allocateLoadBalancerNodePorts"))
			tree_drop(service, "spec.allocateLoadBalancerNodePorts");
		if (same_at(service, old, "spec.loadBalancerClass"))
			tree_drop(service, "spec.loadBalancerClass");
	}
	if (external(old) && !external(service) &&
		same_at(service, old, "spec.externalTrafficPolicy"))
		tree_drop(service, "spec.externalTrafficPolicy");
	if (!service_is_type(old, "ExternalName") && service_is_type(service, "ExternalName") &&
		same_at(service, old, "spec.internalTrafficPolicy"))
		tree_drop(service, "spec.internalTrafficPolicy");
	trim_to_single(service, old);
}

/* ---- families ---- */

static bool configured(const struct service_families *f, bool v6)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->v6[i] == v6)
			return true;
	return false;
}

static struct cJSON *families_of(struct arena *a, struct cJSON *service)
{
	struct cJSON *list = json_path(service, "spec.ipFamilies");

	if (!list) {
		tree_set(a, service, "spec.ipFamilies", json_new(a, JSON_ARRAY));
		list = json_path(service, "spec.ipFamilies");
	}
	return list;
}

static void add_family(struct arena *a, struct cJSON *service, bool v6)
{
	json_append(families_of(a, service), json_new_str(a, v6 ? v6_name : v4_name));
}

/* Families that addresses imply, where none is given beside them. */
static void infer_families(struct arena *a, struct cJSON *service,
	const struct service_families *families, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), ips = PATH(&spec, "clusterIPs");
	const struct cJSON *list = json_path(service, "spec.clusterIPs");
	size_t i = 0;

	json_each (item, list) {
		struct path at = PATH_INDEX(&ips, i);
		struct ip ip;

		if (str_eq_text(json_str(item), "None") || !ip_parse(json_str(item), &ip))
			return;
		if (i++ < json_count(json_path(service, "spec.ipFamilies")))
			continue;
		if (!configured(families, ip.len == 16))
			field_invalid(e, &at, list, "%s is not configured on this cluster",
				ip.len == 16 ? "IPv6" : "IPv4");
		else
			add_family(a, service, ip.len == 16);
	}
}

/* Whoever selects the endpoints by hand may name families the cluster itself has not. */
static void choose_for_selectorless(
	struct arena *a, struct cJSON *service, const struct service_families *families)
{
	struct str policy = tree_str(service, "spec.ipFamilyPolicy");

	if (!json_count(json_path(service, "spec.ipFamilies")))
		add_family(a, service, families->v6[0]);
	if (json_count(json_path(service, "spec.ipFamilies")) < 2 && !str_eq(policy, single))
		add_family(a, service, str_eq(tree_str(service, "spec.ipFamilies.0"), v4_name));
	if (!policy.len)
		tree_set_str(a, service, "spec.ipFamilyPolicy", require);
}

static void check_configured(
	struct cJSON *service, const struct service_families *families, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list = PATH(&spec, "ipFamilies");
	struct path policy_at = PATH(&spec, "ipFamilyPolicy");
	size_t i = 0;

	if (str_eq(tree_str(service, "spec.ipFamilyPolicy"), require) && families->count < 2)
		field_invalid_str(e, &policy_at, require,
			"this cluster is not configured for dual-stack services");
	json_each (family, json_path(service, "spec.ipFamilies")) {
		struct path at = PATH_INDEX(&list, i++);

		if (!configured(families, str_eq(json_str(family), v6_name)))
			field_invalid_str(
				e, &at, json_str(family), "not configured on this cluster");
	}
}

static void check_single(struct cJSON *service, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "ipFamilyPolicy");
	struct str policy = tree_str(service, "spec.ipFamilyPolicy");

	if (policy.len && !str_eq(policy, single))
		return;
	if (json_count(json_path(service, "spec.clusterIPs")) == 2)
		field_invalid_str(e, &at, single,
			"must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs "
			"are specified");
	if (json_count(json_path(service, "spec.ipFamilies")) == 2)
		field_invalid_str(e, &at, single,
			"must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
			"are specified");
}

/* A PreferDualStack service is not moved only because the cluster has changed meanwhile. */
static bool prefers_as_before(const struct cJSON *service, const struct cJSON *old)
{
	static const char *const fields[] = {
		"spec.ipFamilyPolicy", "spec.ipFamilies", "spec.clusterIPs", "spec.type", NULL};

	if (!old || !str_eq(tree_str(service, "spec.ipFamilyPolicy"), prefer))
		return false;
	for (size_t i = 0; fields[i]; i++)
		if (!same_at(service, old, fields[i]))
			return false;
	return true;
}

void service_choose_families(struct arena *a, struct cJSON *service, const struct cJSON *old,
	const struct service_families *families, struct field_errors *e)
{
	if (service_is_type(service, "ExternalName") || prefers_as_before(service, old))
		return;
	check_cluster_ips(e, service);
	if (e->count)
		return;
	check_single(service, e);
	infer_families(a, service, families, e);
	if (e->count)
		return;
	if (service_is_headless(service) && !json_count(json_path(service, "spec.selector"))) {
		choose_for_selectorless(a, service, families);
		return;
	}
	check_configured(service, families, e);
	if (e->count)
		return;
	struct str policy = tree_str(service, "spec.ipFamilyPolicy");
	if (!json_count(json_path(service, "spec.ipFamilies")))
		add_family(a, service, families->v6[0]);
	if (policy.len && !str_eq(policy, single) && families->count == 2 &&
		json_count(json_path(service, "spec.ipFamilies")) == 1)
		add_family(a, service, str_eq(tree_str(service, "spec.ipFamilies.0"), v4_name));
	if (!policy.len)
		tree_set_str(a, service, "spec.ipFamilyPolicy", single);
}
