/* NetworkPolicy */
#include "ip_rules.h"
#include "kinds.h"

/* ---- ports ---- */

static void check_number(struct field_errors *e, const struct path *p, int64_t number)
{
	struct name_faults f = {0};

	name_check_port(number, &f);
	for (size_t i = 0; i < f.count; i++)
		field_invalid_int(e, p, number, "%s", f.items[i]);
}

static void check_end_port(struct field_errors *e, const struct path *p, const struct cJSON *port)
{
	struct path at = PATH(p, "endPort");
	const struct cJSON *start = json_get(port, STR("port"));
	int64_t number, end = tree_int(port, "endPort", 0);

	if (!start) {
		field_invalid_int(e, &at, end, "may not be specified when `port` is not specified");
		return;
	}
	if (!json_int(start, &number)) {
		field_invalid_int(e, &at, end, "may not be specified when `port` is non-numeric");
		return;
	}
	if (end < number)
		field_invalid_int(e, &at, number, "must be greater than or equal to `port`");
	check_number(e, &at, end);
}

static void check_port(struct field_errors *e, const struct path *p, const struct cJSON *port)
{
	static const char *const protocols[] = {"TCP", "UDP", "SCTP", NULL};
	struct path protocol_at = PATH(p, "protocol"), port_at = PATH(p, "port");
	struct str protocol = tree_str(port, "protocol");
	const struct cJSON *value = json_get(port, STR("port"));
	int64_t number;

	if (tree_has(port, "protocol") && !str_eq_text(protocol, "TCP") &&
		!str_eq_text(protocol, "UDP") && !str_eq_text(protocol, "SCTP"))
		field_not_supported_str(e, &protocol_at, protocol, protocols);
	if (json_int(value, &number))
		check_number(e, &port_at, number);
	else if (value)
		field_check_name(e, &port_at, json_str(value), name_check_port_name);
	if (tree_has(port, "endPort"))
		check_end_port(e, p, port);
}

static void check_ports(struct field_errors *e, const struct path *rule, const struct cJSON *list)
{
	struct path ports = PATH(rule, "ports");
	size_t i = 0;

	json_each (port, list) {
		struct path at = PATH_INDEX(&ports, i++);

		check_port(e, &at, port);
	}
}

/* ---- peers ---- */

static bool is_strict_subset(const struct cidr *inner, const struct cidr *outer)
{
	return inner->ip.len == outer->ip.len && cidr_has(outer, &inner->ip) &&
	       inner->bits > outer->bits;
}

static void check_block(struct field_errors *e, const struct path *p, const struct cJSON *block)
{
	struct path cidr_at = PATH(p, "cidr"), except = PATH(p, "except");
	struct cidr cidr, inner;
	size_t i = 0;

	if (!tree_str(block, "cidr").len) {
		field_required(e, &cidr_at, "%s", "");
		return;
	}
	if (!check_cidr(e, &cidr_at, tree_str(block, "cidr"), &cidr) &&
		!cidr_parse(tree_str(block, "cidr"), &cidr))
		return;
	json_each (item, json_get(block, STR("except"))) {
		struct path at = PATH_INDEX(&except, i++);

		if (!check_cidr(e, &at, json_str(item), &inner) &&
			!cidr_parse(json_str(item), &inner))
			return;
		if (!is_strict_subset(&inner, &cidr))
			field_invalid_str(
				e, &at, json_str(item), "must be a strict subset of `cidr`");
	}
}

static void check_peer(struct field_errors *e, const struct path *p, const struct cJSON *peer)
{
	struct path pods = PATH(p, "podSelector"), namespaces = PATH(p, "namespaceSelector");
	struct path block = PATH(p, "ipBlock");
	struct label_selector_rules rules = {0};
	int peers = 0;

	if (tree_has(peer, "podSelector")) {
		peers++;
		check_label_selector(e, &pods, json_get(peer, STR("podSelector")), rules);
	}
	if (tree_has(peer, "namespaceSelector")) {
		peers++;
		check_label_selector(
			e, &namespaces, json_get(peer, STR("namespaceSelector")), rules);
	}
	if (tree_has(peer, "ipBlock")) {
		peers++;
		check_block(e, &block, json_get(peer, STR("ipBlock")));
	}
	if (peers == 0)
		field_required(e, p, "must specify a peer");
	else if (peers > 1 && tree_has(peer, "ipBlock"))
		field_forbidden(e, p, "may not specify both ipBlock and another peer");
}

static void check_rules(struct field_errors *e, const struct path *list_at,
	const struct cJSON *list, const char *peers_name)
{
	size_t i = 0;

	json_each (rule, list) {
		struct path at = PATH_INDEX(list_at, i++);
		struct path peers = PATH(&at, peers_name);
		size_t j = 0;

		check_ports(e, &at, json_get(rule, STR("ports")));
		json_each (peer, json_get(rule, str_from(peers_name))) {
			struct path peer_at = PATH_INDEX(&peers, j++);

			check_peer(e, &peer_at, peer);
		}
	}
}

/* ---- the strategy ---- */

static void check_types(struct field_errors *e, const struct path *p, const struct cJSON *types)
{
	static const char *const known[] = {"Ingress", "Egress", NULL};
	size_t i = 0;

	if (json_count(types) > 2) {
		field_invalid(e, p, types, "may not specify more than two policyTypes");
		return;
	}
	json_each (type, types) {
		struct path at = PATH_INDEX(p, i++);

		if (!str_eq_text(json_str(type), "Ingress") &&
			!str_eq_text(json_str(type), "Egress"))
			field_not_supported_str(e, &at, json_str(type), known);
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	struct path root = PATH(NULL, "spec"), selector = PATH(&root, "podSelector");
	struct path ingress = PATH(&root, "ingress"), egress = PATH(&root, "egress");
	struct path types = PATH(&root, "policyTypes");
	struct label_selector_rules rules = {0};

	check_label_selector(e, &selector, json_get(spec, STR("podSelector")), rules);
	check_rules(e, &ingress, json_get(spec, STR("ingress")), "from");
	check_rules(e, &egress, json_get(spec, STR("egress")), "to");
	check_types(e, &types, json_get(spec, STR("policyTypes")));
}

static void set_protocols(struct change *c, const char *rules)
{
	json_each (rule, json_path(c->object, rules))
		json_each (port, json_get(rule, STR("ports")))
			if (!tree_has(port, "protocol"))
				tree_set_str(c->arena, port, "protocol", STR("TCP"));
}

static void defaults(struct change *c)
{
	set_protocols(c, "spec.ingress");
	set_protocols(c, "spec.egress");
	if (json_count(json_path(c->object, "spec.policyTypes")))
		return;
	struct cJSON *types = json_new(c->arena, JSON_ARRAY);
	json_append(types, json_new_str(c->arena, STR("Ingress")));
	if (json_count(json_path(c->object, "spec.egress")))
		json_append(types, json_new_str(c->arena, STR("Egress")));
	tree_set(c->arena, c->object, "spec.policyTypes", types);
}

const struct strategy strategy_networkpolicies = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
};
