/* Ports of Services: each by itself, and no two alike. */
#include "rules.h"
#include "service_rules.h"

static void check_port_name(struct field_errors *e, const struct path *p, const struct cJSON *list,
	const struct cJSON *port, size_t index)
{
	struct path at = PATH(p, "name");
	struct str name = tree_str(port, "name");

	if (!name.len) {
		if (json_count(list) > 1)
			field_required(e, &at, "%s", "");
		return;
	}
	field_check_name(e, &at, name, name_check_dns_label);
	if (rule_came_before(list, index, "name", name))
		field_duplicate_str(e, &at, name);
}

static void check_port(struct field_errors *e, const struct path *p, const struct cJSON *list,
	const struct cJSON *port, size_t index)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct path port_at = PATH(p, "port"), protocol_at = PATH(p, "protocol");
	struct path target_at = PATH(p, "targetPort"), app_at = PATH(p, "appProtocol");
	struct str protocol = tree_str(port, "protocol");

	check_port_name(e, p, list, port, index);
	rule_port_number(e, &port_at, tree_int(port, "port", 0));
	if (!protocol.len)
		field_required(e, &protocol_at, "%s", "");
	else if (!rule_is_one_of(protocol, protocols))
		field_not_supported_str(e, &protocol_at, protocol, protocols);
	rule_port(e, &target_at, json_get(port, STR("targetPort")));
	if (tree_has(port, "appProtocol"))
		field_check_name(e, &app_at, tree_str(port, "appProtocol"), name_check_qualified);
}

static bool same_number(const struct cJSON *a, const struct cJSON *b, const char *member)
{
	return tree_int(a, member, 0) == tree_int(b, member, 0) &&
	       str_eq(tree_str(a, "protocol"), tree_str(b, "protocol"));
}

/* The pair as Go prints the key it compares by. */
static void duplicate_port(struct field_errors *e, const struct path *p, const struct cJSON *port)
{
	struct str text = arena_print(e->arena,
		"{\"Name\":\"\",\"Protocol\":\"%.*s\",\"AppProtocol\":null,\"Port\":%lld,"
		"\"TargetPort\":0,\"NodePort\":0}",
		STRF(tree_str(port, "protocol")), (long long)tree_int(port, "port", 0));

	field_add(e, FIELD_DUPLICATE, p, text);
}

void check_service_port_pairs(struct field_errors *e, const struct path *ports,
	const struct cJSON *list, const char *member)
{
	bool nodes = str_eq_text(str_from(member), "nodePort");
	size_t i = 0;

	json_each (port, list) {
		struct path at = PATH_INDEX(ports, i), node_at = PATH(&at, "nodePort");

		for (size_t j = 0; j < i; j++) {
			if ((nodes && !tree_int(port, member, 0)) ||
				!same_number(port, json_at(list, j), member))
				continue;
			if (nodes)
				field_duplicate(e, &node_at, json_get(port, STR("nodePort")));
			else
				duplicate_port(e, &at, port);
			break;
		}
		i++;
	}
}

void check_service_ports(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	struct path ports = PATH(spec, "ports");
	const struct cJSON *list = json_path(service, "spec.ports");
	size_t i = 0;

	json_each (port, list) {
		struct path at = PATH_INDEX(&ports, i);

		check_port(e, &at, list, port, i++);
	}
}
