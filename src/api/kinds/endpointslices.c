/* EndpointSlice */
#include "ip_rules.h"
#include "kinds.h"

#define ENDPOINTS_MAX 1000
#define ADDRESSES_MAX 100
#define PORTS_MAX     20000
#define HINTS_MAX     8

/* ---- endpoints ---- */

static void check_domain(struct field_errors *e, const struct path *p, struct str name)
{
	struct name_faults f = {0};

	name_check_dns_subdomain(name, &f);
	for (size_t i = 0; i < f.count; i++)
		field_invalid_str(e, p, name, "%s", f.items[i]);
	if (!f.count && str_find_char(name, '.') < 0)
		field_invalid_str(e, p, name,
			"should be a domain with at least two segments separated by dots");
}

/* A wrong family is told of the list, not of the address: so upstream. */
static void check_address(struct field_errors *e, const struct path *list, size_t index,
	struct str address, struct str type)
{
	struct path at = PATH_INDEX(list, index);
	struct ip ip;

	if (str_eq_text(type, "FQDN")) {
		check_domain(e, &at, address);
		return;
	}
	bool v4 = str_eq_text(type, "IPv4");
	if ((!v4 && !str_eq_text(type, "IPv6")) || !check_ip(e, &at, address, &ip))
		return;
	if ((ip.len == 4) != v4)
		field_invalid_str(e, list, address, "must be an IPv%c address", v4 ? '4' : '6');
	check_ip_ordinary(e, &at, address, &ip);
}

static void check_hints(struct field_errors *e, const struct path *p, const struct cJSON *hints,
	const char *member, name_check_fn *rule)
{
	struct path list = PATH(p, member);
	const struct cJSON *items = json_get(hints, str_from(member));
	size_t i = 0;

	if (json_count(items) > HINTS_MAX) {
		field_too_many(e, &list, (int64_t)json_count(items), HINTS_MAX);
		return;
	}
	json_each (item, items) {
		struct path at = PATH_INDEX(&list, i), name = PATH(&at, "name");
		struct str value = tree_str(item, "name");
		bool twice = false;

		for (size_t j = 0; j < i; j++)
			twice |= str_eq(tree_str(json_at(items, j), "name"), value);
		if (twice)
			field_duplicate_str(e, &name, value);
		else
			field_check_name(e, &name, value, rule);
		i++;
	}
}

static void check_endpoint(
	struct field_errors *e, const struct path *p, const struct cJSON *endpoint, struct str type)
{
	struct path addresses = PATH(p, "addresses"), node = PATH(p, "nodeName");
	struct path host = PATH(p, "hostname"), hints = PATH(p, "hints");
	const struct cJSON *list = json_get(endpoint, STR("addresses"));
	size_t i = 0;

	if (!json_count(list))
		field_required(e, &addresses, "must contain at least 1 address");
	else if (json_count(list) > ADDRESSES_MAX)
		field_too_many(e, &addresses, (int64_t)json_count(list), ADDRESSES_MAX);
	json_each (address, list)
		check_address(e, &addresses, i++, json_str(address), type);
	if (tree_has(endpoint, "nodeName"))
		field_check_name(
			e, &node, tree_str(endpoint, "nodeName"), name_check_dns_subdomain);
	if (tree_has(endpoint, "hostname"))
		field_check_name(e, &host, tree_str(endpoint, "hostname"), name_check_dns_label);
	if (tree_has(endpoint, "hints")) {
		const struct cJSON *hinted = json_get(endpoint, STR("hints"));

		check_hints(e, &hints, hinted, "forZones", name_check_label_value);
		check_hints(e, &hints, hinted, "forNodes", name_check_dns_subdomain);
	}
}

/* ---- ports ---- */

static void check_port(struct field_errors *e, const struct path *p, const struct cJSON *list,
	const struct cJSON *port, size_t index)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct path name_at = PATH(p, "name"), protocol_at = PATH(p, "protocol");
	struct path app = PATH(p, "appProtocol");
	struct str name = tree_str(port, "name"), protocol = tree_str(port, "protocol");
	bool twice = false;

	for (size_t j = 0; j < index; j++)
		twice |= str_eq(tree_str(json_at(list, j), "name"), name);
	if (twice)
		field_duplicate_str(e, &name_at, name);
	if (name.len)
		field_check_name(e, &name_at, name, name_check_dns_label);
	if (!tree_has(port, "protocol"))
		field_required(e, &protocol_at, "%s", "");
	else if (!str_eq_text(protocol, "TCP") && !str_eq_text(protocol, "UDP") &&
		 !str_eq_text(protocol, "SCTP"))
		field_not_supported_str(e, &protocol_at, protocol, protocols);
	if (tree_has(port, "appProtocol"))
		field_check_name(e, &app, tree_str(port, "appProtocol"), name_check_qualified);
}

static void check_ports(struct field_errors *e, const struct cJSON *list)
{
	struct path ports = PATH(NULL, "ports");
	size_t i = 0;

	if (json_count(list) > PORTS_MAX) {
		field_too_many(e, &ports, (int64_t)json_count(list), PORTS_MAX);
		return;
	}
	json_each (port, list) {
		struct path at = PATH_INDEX(&ports, i);

		check_port(e, &at, list, port, i++);
	}
}

/* ---- the strategy ---- */

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
	struct path type_at = PATH(NULL, "addressType"), endpoints = PATH(NULL, "endpoints");
	struct str type = tree_str(c->object, "addressType");
	const struct cJSON *list = json_get(c->object, STR("endpoints"));
	size_t i = 0;

	if (!type.len)
		field_required(e, &type_at, "%s", "");
	else if (!str_eq_text(type, "FQDN") && !str_eq_text(type, "IPv4") &&
		 !str_eq_text(type, "IPv6"))
		field_not_supported_str(e, &type_at, type, types);
	if (json_count(list) > ENDPOINTS_MAX)
		field_too_many(e, &endpoints, (int64_t)json_count(list), ENDPOINTS_MAX);
	else
		json_each (endpoint, list) {
			struct path at = PATH_INDEX(&endpoints, i++);

			check_endpoint(e, &at, endpoint, type);
		}
	check_ports(e, json_get(c->object, STR("ports")));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path type_at = PATH(NULL, "addressType");
	struct str type = tree_str(c->object, "addressType");

	if (!str_eq(type, tree_str(c->old, "addressType")))
		field_invalid_str(e, &type_at, type, "field is immutable");
	else
		validate(c, e);
}

/* Everything but metadata counts, and of that the labels. */
static bool changed(const struct cJSON *object, const struct cJSON *old)
{
	static const char *const parts[] = {
		"endpoints", "ports", "addressType", "metadata.labels", NULL};

	for (size_t i = 0; parts[i]; i++)
		if (!json_equal(json_path(object, parts[i]), json_path(old, parts[i])))
			return true;
	return false;
}

static void defaults(struct change *c)
{
	json_each (port, json_get(c->object, STR("ports"))) {
		if (!tree_has(port, "name"))
			tree_set_str(c->arena, port, "name", STR(""));
		if (!tree_has(port, "protocol"))
			tree_set_str(c->arena, port, "protocol", STR("TCP"));
	}
}

/* v1 shows where endpoints are by members of their own; only the beta writes the map. */
static void drop_topology(struct change *c)
{
	if (c->requested && !str_eq_text(c->requested->version, "v1"))
		return;
	if (json_equal(json_get(c->object, STR("endpoints")), json_get(c->old, STR("endpoints"))))
		return;
	json_each (endpoint, json_get(c->object, STR("endpoints"))) {
		struct str host = json_str(json_get(json_get(endpoint, STR("deprecatedTopology")),
			STR("kubernetes.io/hostname")));
		bool known = false;

		json_each (old, json_get(c->old, STR("endpoints")))
			known |= host.len &&
				 str_eq(host,
					 json_str(json_get(json_get(old, STR("deprecatedTopology")),
						 STR("kubernetes.io/hostname"))));
		if (known && !tree_has(endpoint, "nodeName"))
			tree_set_str(c->arena, endpoint, "nodeName", host);
		tree_drop(endpoint, "deprecatedTopology");
	}
}

static void warn(struct change *c)
{
	if (str_eq_text(tree_str(c->object, "addressType"), "FQDN"))
		change_warn(c, "spec.addressType: FQDN endpoints are deprecated");
}

const struct strategy strategy_endpointslices = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.update_checks_metadata_once = true,
	.generation = GENERATION_SPEC,
	.changed = changed,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.prepare_create = drop_topology,
	.prepare_update = drop_topology,
	.warn = warn,
};
