/* Endpoints */
#include "ip_rules.h"
#include "rules.h"

static void check_address(struct field_errors *e, const struct path *p, const struct cJSON *address)
{
	struct path ip_at = PATH(p, "ip");
	struct str text = tree_str(address, "ip");
	struct ip ip;

	check_ip(e, &ip_at, text, &ip);
	rule_name(e, p, address, "hostname", name_check_dns_label);
	rule_name(e, p, address, "nodeName", name_check_dns_subdomain);
	if (ip_parse_loosely(text, &ip))
		check_ip_ordinary(e, &ip_at, text, &ip);
	else
		field_invalid_str(e, &ip_at, text, "must be a valid IP address");
}

static void check_port(
	struct field_errors *e, const struct path *p, const struct cJSON *port, bool several)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct path name = PATH(p, "name"), number = PATH(p, "port");

	if (several)
		rule_text(e, p, port, "name");
	if (tree_str(port, "name").len)
		field_check_name(e, &name, tree_str(port, "name"), name_check_dns_label);
	rule_port_number(e, &number, tree_int(port, "port", 0));
	rule_choice_required(e, p, port, "protocol", protocols);
	rule_name(e, p, port, "appProtocol", name_check_qualified);
}

static void check_addresses(
	struct field_errors *e, const struct path *p, const struct cJSON *subset, const char *name)
{
	struct path list = PATH(p, name);
	size_t i = 0;

	json_each (address, json_get(subset, str_from(name))) {
		struct path at = PATH_INDEX(&list, i++);

		check_address(e, &at, address);
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path subsets = PATH(NULL, "subsets");
	size_t i = 0;

	json_each (subset, json_get(c->object, STR("subsets"))) {
		struct path at = PATH_INDEX(&subsets, i++), ports_at = PATH(&at, "ports");
		const struct cJSON *ports = json_get(subset, STR("ports"));
		size_t j = 0;

		if (!json_count(json_get(subset, STR("addresses"))) &&
			!json_count(json_get(subset, STR("notReadyAddresses"))))
			field_required(e, &at, "must specify `addresses` or `notReadyAddresses`");
		check_addresses(e, &at, subset, "addresses");
		check_addresses(e, &at, subset, "notReadyAddresses");
		json_each (port, ports) {
			struct path port_at = PATH_INDEX(&ports_at, j++);

			check_port(e, &port_at, port, json_count(ports) > 1);
		}
	}
}

const struct strategy strategy_endpoints = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate,
};
