/* Service */
#include "ip_rules.h"
#include "rules.h"
#include "service_rules.h"

static const struct str lb = STR_INIT("LoadBalancer");
#define ONLY_LB "may only be used when `type` is 'LoadBalancer'"

/* ---- defaults ---- */

static bool external(const struct cJSON *service)
{
	return service_is_type(service, "LoadBalancer") || service_is_type(service, "NodePort") ||
	       (service_is_type(service, "ClusterIP") &&
		       json_count(json_path(service, "spec.externalIPs")));
}

static void default_ports(struct change *c)
{
	json_each (port, json_path(c->object, "spec.ports")) {
		const struct cJSON *target = json_get(port, STR("targetPort"));
		int64_t number;

		if (!target || (json_int(target, &number) && number == 0) ||
			(json_is(target, JSON_STRING) && !json_str(target).len))
			tree_set_int(c->arena, port, "targetPort", tree_int(port, "port", 0));
	}
}

static void default_balancer(struct change *c)
{
	if (!service_is_type(c->object, "LoadBalancer"))
		return;
	if (!tree_has(c->object, "spec.allocateLoadBalancerNodePorts"))
		tree_set(c->arena, c->object, "spec.allocateLoadBalancerNodePorts",
			json_new_bool(c->arena, true));
	json_each (item, json_path(c->object, "status.loadBalancer.ingress"))
		if (tree_str(item, "ip").len && !tree_has(item, "ipMode"))
			tree_set_str(c->arena, item, "ipMode", STR("VIP"));
}

static void defaults(struct change *c)
{
	struct cJSON *service = c->object;

	if (str_eq_text(tree_str(service, "spec.sessionAffinity"), "None"))
		tree_drop(service, "spec.sessionAffinityConfig");
	else if (str_eq_text(tree_str(service, "spec.sessionAffinity"), "ClientIP") &&
		 !tree_has(service, "spec.sessionAffinityConfig.clientIP.timeoutSeconds"))
		tree_set_int(c->arena, service,
			"spec.sessionAffinityConfig.clientIP.timeoutSeconds", 10800);
	default_ports(c);
	if (external(service) && !tree_str(service, "spec.externalTrafficPolicy").len)
		tree_set_str(c->arena, service, "spec.externalTrafficPolicy", STR("Cluster"));
	if (!tree_has(service, "spec.internalTrafficPolicy") &&
		(service_is_type(service, "NodePort") || service_is_type(service, "ClusterIP") ||
			service_is_type(service, "LoadBalancer")))
		tree_set_str(c->arena, service, "spec.internalTrafficPolicy", STR("Cluster"));
	default_balancer(c);
}

/* ---- by type ---- */

static void check_external_name(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	struct path ips = PATH(spec, "clusterIPs"), families = PATH(spec, "ipFamilies");
	struct path policy = PATH(spec, "ipFamilyPolicy"), name_at = PATH(spec, "externalName");
	struct str name = tree_str(service, "spec.externalName");

	if (json_count(json_path(service, "spec.clusterIPs")))
		field_forbidden(e, &ips, "may not be set for ExternalName services");
	if (json_count(json_path(service, "spec.ipFamilies")))
		field_forbidden(e, &families, "may not be set for ExternalName services");
	if (tree_has(service, "spec.ipFamilyPolicy"))
		field_forbidden(e, &policy, "may not be set for ExternalName services");
	if (str_ends(name, STR(".")))
		name.len--;
	if (name.len)
		field_check_name(e, &name_at, name, name_check_dns_subdomain);
	else
		field_required(e, &name_at, "%s", "");
}

static void check_type_rules(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	struct path ips = PATH(spec, "clusterIPs"), first = PATH_INDEX(&ips, 0);
	struct path ports = PATH(spec, "ports");
	size_t i = 0;

	if (service_is_type(service, "ExternalName")) {
		check_external_name(e, spec, service);
		return;
	}
	if (service_is_type(service, "LoadBalancer"))
		json_each (port, json_path(service, "spec.ports")) {
			struct path at = PATH_INDEX(&ports, i++);

			if (tree_int(port, "port", 0) == 10250)
				field_invalid_int(e, &at, 10250,
					"may not expose port 10250 externally since it is used by "
					"kubelet");
		}
	if ((service_is_type(service, "LoadBalancer") || service_is_type(service, "NodePort")) &&
		service_is_headless(service))
		field_invalid_str(e, &first, STR("None"),
			"may not be set to 'None' for %.*s services",
			STRF(tree_str(service, "spec.type")));
}

/* ---- affinity, addresses, policies ---- */

static void check_affinity(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	static const char *const known[] = {"ClientIP", "None", NULL};
	struct path here = PATH(spec, "sessionAffinity");
	struct path config = PATH(spec, "sessionAffinityConfig"),
		    client = PATH(&config, "clientIP");
	struct path timeout = PATH(&client, "timeoutSeconds");
	struct str affinity = tree_str(service, "spec.sessionAffinity");
	int64_t seconds =
		tree_int(service, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 0);

	if (!affinity.len)
		field_required(e, &here, "%s", "");
	else if (!rule_is_one_of(affinity, known))
		field_not_supported_str(e, &here, affinity, known);
	if (str_eq_text(affinity, "ClientIP") && (seconds <= 0 || seconds > 86400))
		field_invalid_int(
			e, &timeout, seconds, "must be greater than 0 and less than 86400");
	if (str_eq_text(affinity, "None") && tree_has(service, "spec.sessionAffinityConfig"))
		field_forbidden(e, &config, "must not be set when session affinity is None");
}

static void check_external_ips(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	struct path list = PATH(spec, "externalIPs");
	size_t i = 0;

	json_each (item, json_path(service, "spec.externalIPs")) {
		struct path at = PATH_INDEX(&list, i++);
		struct ip ip;

		if (check_ip(e, &at, json_str(item), &ip))
			check_ip_ordinary(e, &at, json_str(item), &ip);
	}
}

/* How the ranges were said before they had a member. */
static void check_range_annotation(struct field_errors *e, const struct cJSON *service, bool is_lb)
{
	static const struct str key =
		STR_INIT("service.beta.kubernetes.io/load-balancer-source-ranges");
	struct path meta = PATH(NULL, "metadata"), list = PATH(&meta, "annotations");
	struct path at = PATH_KEY(&list, key);
	const struct cJSON *value = json_get(json_path(service, "metadata.annotations"), key);
	struct str rest = str_trim(json_str(value)), one;
	struct cidr cidr;

	if (!value)
		return;
	if (!is_lb)
		field_forbidden(e, &at, ONLY_LB);
	while (rest.len && str_next(&rest, ',', &one))
		check_cidr(e, &at, str_trim(one), &cidr);
}

static void check_balancer(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	struct path ranges = PATH(spec, "LoadBalancerSourceRanges");
	struct path allocate = PATH(spec, "allocateLoadBalancerNodePorts");
	struct path class = PATH(spec, "loadBalancerClass");
	bool is_lb = str_eq(tree_str(service, "spec.type"), lb);
	const struct cJSON *list = json_path(service, "spec.loadBalancerSourceRanges");
	size_t i = 0;

	if (json_count(list) && !is_lb)
		field_forbidden(e, &ranges, ONLY_LB);
	json_each (item, list) {
		struct path at = PATH_INDEX(&ranges, i++);
		struct cidr cidr;

		check_cidr(e, &at, str_trim(json_str(item)), &cidr);
	}
	if (!json_count(list))
		check_range_annotation(e, service, is_lb);
	if (tree_has(service, "spec.allocateLoadBalancerNodePorts") && !is_lb)
		field_forbidden(e, &allocate, ONLY_LB);
	if (is_lb && !tree_has(service, "spec.allocateLoadBalancerNodePorts"))
		field_required(e, &allocate, "%s", "");
	if (!tree_has(service, "spec.loadBalancerClass"))
		return;
	if (!is_lb)
		field_forbidden(e, &class, ONLY_LB);
	else
		field_check_name(e, &class, tree_str(service, "spec.loadBalancerClass"),
			name_check_qualified);
}

static void check_policies(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	static const char *const known[] = {"Cluster", "Local", NULL};
	static const char *const spread[] = {
		"PreferClose", "PreferSameZone", "PreferSameNode", NULL};
	struct path out_at = PATH(spec, "externalTrafficPolicy");
	struct path in_at = PATH(spec, "internalTrafficPolicy");
	struct path health_at = PATH(spec, "healthCheckNodePort");
	struct path spread_at = PATH(spec, "trafficDistribution");
	struct str out = tree_str(service, "spec.externalTrafficPolicy");
	struct str in = tree_str(service, "spec.internalTrafficPolicy");
	int64_t health = tree_int(service, "spec.healthCheckNodePort", 0);

	if (!external(service)) {
		if (out.len)
			field_invalid_str(e, &out_at, out,
				"may only be set for externally-accessible services");
	} else if (!out.len) {
		field_required(e, &out_at, "%s", "");
	} else if (!rule_is_one_of(out, known)) {
		field_not_supported_str(e, &out_at, out, known);
	}
	if (!service_needs_health_port(service)) {
		if (health)
			field_invalid_int(e, &health_at, health,
				"may only be set when `type` is 'LoadBalancer' and "
				"`externalTrafficPolicy` is 'Local'");
	} else if (!health) {
		field_required(e, &health_at, "%s", "");
	} else {
		rule_port_number(e, &health_at, health);
	}
	if (!tree_has(service, "spec.internalTrafficPolicy")) {
		if (external(service) || service_is_type(service, "ClusterIP"))
			field_required(e, &in_at, "%s", "");
	} else if (!rule_is_one_of(in, known)) {
		field_not_supported_str(e, &in_at, in, known);
	}
	if (tree_has(service, "spec.trafficDistribution") &&
		!rule_is_one_of(tree_str(service, "spec.trafficDistribution"), spread))
		field_not_supported_str(
			e, &spread_at, tree_str(service, "spec.trafficDistribution"), spread);
}

/* ---- validation ---- */

static void check_type(struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	static const char *const known[] = {
		"ClusterIP", "ExternalName", "LoadBalancer", "NodePort", NULL};
	struct path type_at = PATH(spec, "type"), ports = PATH(spec, "ports");
	struct str type = tree_str(service, "spec.type");
	size_t i = 0;

	if (!type.len)
		field_required(e, &type_at, "%s", "");
	else if (!rule_is_one_of(type, known))
		field_not_supported_str(e, &type_at, type, known);
	if (!service_is_type(service, "ClusterIP"))
		return;
	json_each (port, json_path(service, "spec.ports")) {
		struct path at = PATH_INDEX(&ports, i++), node = PATH(&at, "nodePort");

		if (tree_int(port, "nodePort", 0))
			field_forbidden(e, &node, "may not be used when `type` is 'ClusterIP'");
	}
}

static void check(struct change *c, struct field_errors *e)
{
	const struct cJSON *service = c->object;
	struct path spec = PATH(NULL, "spec"), ports = PATH(&spec, "ports");
	struct path selector = PATH(&spec, "selector");
	const struct cJSON *list = json_path(service, "spec.ports");

	if (!json_count(list) && !service_is_headless(service) &&
		!service_is_type(service, "ExternalName"))
		field_required(e, &ports, "%s", "");
	check_type_rules(e, &spec, service);
	check_service_ports(e, &spec, service);
	if (tree_has(service, "spec.selector"))
		check_labels(e, &selector, json_path(service, "spec.selector"));
	check_affinity(e, &spec, service);
	check_cluster_ips(e, service);
	check_external_ips(e, &spec, service);
	check_type(e, &spec, service);
	check_service_port_pairs(e, &ports, list, "nodePort");
	check_service_port_pairs(e, &ports, list, "port");
	check_balancer(e, &spec, service);
	check_policies(e, &spec, service);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), health = PATH(&spec, "healthCheckNodePort");
	struct path class_at = PATH(&spec, "loadBalancerClass");
	const struct cJSON *class = json_path(c->object, "spec.loadBalancerClass");

	check_cluster_ips_kept(e, c->object, c->old);
	if (service_needs_health_port(c->old) && service_needs_health_port(c->object) &&
		tree_int(c->old, "spec.healthCheckNodePort", 0) !=
			tree_int(c->object, "spec.healthCheckNodePort", 0))
		field_forbidden(e, &health, "field is immutable");
	if (service_is_type(c->old, "LoadBalancer") && service_is_type(c->object, "LoadBalancer") &&
		!json_equal(class, json_path(c->old, "spec.loadBalancerClass")))
		field_invalid(e, &class_at, class, "may not change once set");
	check(c, e);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const modes[] = {"Proxy", "VIP", NULL};
	struct path status = PATH(NULL, "status"), balancer = PATH(&status, "loadBalancer");
	struct path list = PATH(&balancer, "ingress");
	const struct cJSON *ingress = json_path(c->object, "status.loadBalancer.ingress");
	size_t i = 0;

	if (!service_is_type(c->object, "LoadBalancer") && json_count(ingress)) {
		field_forbidden(e, &list, "may only be used when `spec.type` is 'LoadBalancer'");
		return;
	}
	json_each (item, ingress) {
		struct path here = PATH_INDEX(&list, i++);
		struct path ip_at = PATH(&here, "ip"), mode_at = PATH(&here, "ipMode");
		struct path host_at = PATH(&here, "hostname");
		struct str mode = tree_str(item, "ipMode"), host = tree_str(item, "hostname");
		struct ip ip;

		if (tree_str(item, "ip").len)
			check_ip(e, &ip_at, tree_str(item, "ip"), &ip);
		if (tree_str(item, "ip").len && !tree_has(item, "ipMode"))
			field_required(e, &mode_at, "must be specified when `ip` is set");
		else if (!tree_str(item, "ip").len && tree_has(item, "ipMode"))
			field_forbidden(e, &mode_at, "may not be specified when `ip` is not set");
		else if (mode.len && !rule_is_one_of(mode, modes))
			field_not_supported_str(e, &mode_at, mode, modes);
		if (!host.len)
			continue;
		field_check_name(e, &host_at, host, name_check_dns_subdomain);
		if (ip_parse(host, &ip))
			field_invalid_str(
				e, &host_at, host, "must be a DNS name, not an IP address");
	}
}

/* ---- the strategy ---- */

static void prepare_update(struct change *c)
{
	service_drop_for_type(c->arena, c->object, c->old);
}

static const char *const labels[] = {"spec.clusterIP", "spec.type", NULL};

const struct strategy strategy_services = {
	.name_rule = name_check_dns_label,
	.put_creates = true,
	.unconditional = true,
	.drops_status = true,
	.delete_answers_object = true,
	.defaults = defaults,
	.prepare_update = prepare_update,
	.warn = warn_service,
	.validate = check,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.field_labels = labels,
};
