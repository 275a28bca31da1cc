/* Services, ingresses, endpoints, addresses. */
#include "cells_own.h"

/* ---- services ---- */

void cell_service_ports(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	json_each (port, json_path(row->object, "spec.ports")) {
		long long number = tree_int(port, "port", 0), node = tree_int(port, "nodePort", 0);
		struct str protocol = tree_str(port, "protocol");

		if (node)
			joined_add(&j, arena_print(row->arena, "%lld:%lld/%.*s", number, node,
					       STRF(protocol)));
		else
			joined_add(
				&j, arena_print(row->arena, "%lld/%.*s", number, STRF(protocol)));
	}
	joined_end(&j, row, "<none>");
}

/* Adds ip, or host name, of every ingress once, in byte order. */
static void add_load_balancer(const struct table_row *row, struct joined *j)
{
	const struct cJSON *list = json_path(row->object, "status.loadBalancer.ingress");
	struct str last = {0};

	for (;;) { /* the smallest that is larger than the last: lists are short */
		struct str best = {0};

		json_each (item, list) {
			struct str ip = tree_str(item, "ip");
			struct str name = ip.len ? ip : tree_str(item, "hostname");

			if (name.len && str_cmp(name, last) > 0 &&
				(!best.len || str_cmp(name, best) < 0))
				best = name;
		}
		if (!best.len)
			return;
		joined_add(j, best);
		last = best;
	}
}

void cell_external_address(struct table_row *row, const char *argument)
{
	struct str type = tree_str(row->object, "spec.type");
	const char *none = "<none>";
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	if (str_eq_text(type, "ExternalName")) {
		joined_add(&j, tree_str(row->object, "spec.externalName"));
	} else if (str_eq_text(type, "LoadBalancer")) {
		add_load_balancer(row, &j);
		none = "<pending>";
	} else if (!str_eq_text(type, "ClusterIP") && !str_eq_text(type, "NodePort")) {
		none = "<unknown>";
	}
	if (!str_eq_text(type, "ExternalName"))
		json_each (address, json_path(row->object, "spec.externalIPs"))
			joined_add(&j, json_str(address));
	joined_end(&j, row, none);
}

/* ---- ingresses ---- */

void cell_ingress_addresses(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	add_load_balancer(row, &j);
	joined_end(&j, row, "");
}

void cell_ingress_hosts(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 3);
	json_each (rule, json_path(row->object, "spec.rules"))
		if (tree_str(rule, "host").len)
			joined_add(&j, tree_str(rule, "host"));
	joined_end(&j, row, "*");
}

void cell_ingress_ports(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add(row, json_count(json_path(row->object, "spec.tls")) ? STR("80, 443") : STR("80"));
}

void cell_class_parameters(struct table_row *row, const char *argument)
{
	const struct cJSON *p = json_path(row->object, "spec.parameters");
	struct str group = tree_str(p, "apiGroup");

	(void)argument;
	if (!p)
		row_add(row, STR("<none>"));
	else
		row_add(row, arena_print(row->arena, "%.*s%s%.*s/%.*s", STRF(tree_str(p, "kind")),
				     group.len ? "." : "", STRF(group), STRF(tree_str(p, "name"))));
}

/* ---- endpoints ---- */

static void add_subset(struct table_row *row, struct joined *j, const struct cJSON *subset)
{
	const struct cJSON *ports = json_get(subset, STR("ports"));

	if (!json_count(ports)) {
		json_each (address, json_get(subset, STR("addresses")))
			joined_add(j, tree_str(address, "ip"));
		return;
	}
	json_each (port, ports)
		json_each (address, json_get(subset, STR("addresses"))) {
			struct str ip = tree_str(address, "ip");
			bool six = str_find_char(ip, ':') >= 0;

			joined_add(j,
				arena_print(row->arena, "%s%.*s%s:%lld", six ? "[" : "", STRF(ip),
					six ? "]" : "", (long long)tree_int(port, "port", 0)));
		}
}

void cell_endpoints(struct table_row *row, const char *argument)
{
	const struct cJSON *subsets = json_get(row->object, STR("subsets"));
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 3);
	json_each (subset, subsets)
		add_subset(row, &j, subset);
	joined_end(&j, row, json_count(subsets) ? "" : "<none>");
}

void cell_slice_ports(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 3);
	json_each (port, json_get(row->object, STR("ports"))) {
		struct str name = tree_str(port, "name");

		if (tree_has(port, "port"))
			joined_add(&j, arena_print(row->arena, "%lld",
					       (long long)tree_int(port, "port", 0)));
		else
			joined_add(&j, name.len ? name : STR("*"));
	}
	joined_end(&j, row, "<unset>");
}

void cell_slice_addresses(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 3);
	json_each (endpoint, json_get(row->object, STR("endpoints")))
		json_each (address, json_get(endpoint, STR("addresses")))
			joined_add(&j, json_str(address));
	joined_end(&j, row, "<unset>");
}

void cell_parent(struct table_row *row, const char *argument)
{
	const struct cJSON *p = json_path(row->object, "spec.parentRef");
	struct str group = tree_str(p, "group"), namespace = tree_str(p, "namespace");
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	(void)argument;
	if (!p) {
		row_add(row, STR("<none>"));
		return;
	}
	buf_add_str(&text, tree_str(p, "resource"));
	if (group.len)
		buf_print(&text, ".%.*s", STRF(group));
	for (size_t i = 0; i < text.len; i++)
		text.at[i] = text_lower(text.at[i]);
	if (namespace.len)
		buf_print(&text, "/%.*s", STRF(namespace));
	buf_print(&text, "/%.*s", STRF(tree_str(p, "name")));
	row_add(row, buf_str(&text));
}
