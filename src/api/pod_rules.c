/* The rules of pod specs and templates, part by part in upstream's order. */
#include "ip_rules.h"
#include "pod_parts.h"
#include "resource_names.h"

#define NAMESERVERS_MAX 3
#define SEARCHES_MAX    32
#define SEARCH_TEXT_MAX 2048
#define HOSTNAME_MAX    64

/* ---- numbers ---- */

void check_not_negative(struct field_errors *e, const struct path *parent, const char *name,
	const struct cJSON *object)
{
	struct path at = PATH(parent, name);
	int64_t value = tree_int(object, name, 0);

	if (value < 0)
		field_invalid_int(e, &at, value, "must be greater than or equal to 0");
}

/* ---- names ---- */

static void check_dns(struct pod_check *c, const struct path *parent)
{
	struct path p = PATH(parent, "dnsConfig"), servers = PATH(&p, "nameservers");
	struct path searches = PATH(&p, "searches"), options = PATH(&p, "options");
	const struct cJSON *config = json_get(c->spec, STR("dnsConfig"));
	const struct cJSON *list = json_get(config, STR("nameservers"));
	size_t i = 0, length = 0;

	if (str_eq_text(tree_str(c->spec, "dnsPolicy"), "None")) {
		if (!config)
			field_required(
				c->e, &p, "must provide `dnsConfig` when `dnsPolicy` is None");
		else if (!json_count(list))
			field_required(c->e, &servers,
				"must provide at least one DNS nameserver when `dnsPolicy` is "
				"None");
	}
	if (json_count(list) > NAMESERVERS_MAX)
		field_invalid(c->e, &servers, list, "must not have more than %d nameservers",
			NAMESERVERS_MAX);
	json_each (server, list) {
		struct path at = PATH_INDEX(&servers, i++);
		struct ip ip;

		check_ip(c->e, &at, json_str(server), &ip);
	}
	list = json_get(config, STR("searches"));
	if (json_count(list) > SEARCHES_MAX)
		field_invalid(c->e, &searches, list, "must not have more than %d search paths",
			SEARCHES_MAX);
	i = 0;
	json_each (search, list)
		length += json_str(search).len + 1;
	if (length > SEARCH_TEXT_MAX + 1)
		field_invalid(c->e, &searches, list,
			"must not have more than %d characters (including spaces) in the search "
			"list",
			SEARCH_TEXT_MAX);
	json_each (search, list) {
		struct path at = PATH_INDEX(&searches, i++);
		struct str name = json_str(search);

		if (name.len > 1 && name.at[name.len - 1] == '.')
			name.len--;
		if (!str_eq_text(name, "."))
			field_check_name(c->e, &at, name, name_check_search_domain);
	}
	i = 0;
	json_each (option, json_get(config, STR("options"))) {
		struct path at = PATH_INDEX(&options, i++);

		if (!tree_str(option, "name").len)
			field_required(c->e, &at, "must not be empty");
	}
}

static void check_aliases(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "hostAliases");
	size_t i = 0;

	json_each (alias, json_get(c->spec, STR("hostAliases"))) {
		struct path at = PATH_INDEX(&list_at, i++), ip_at = PATH(&at, "ip");
		struct path names = PATH(&at, "hostnames");
		struct ip ip;
		size_t j = 0;

		check_ip(c->e, &ip_at, tree_str(alias, "ip"), &ip);
		json_each (name, json_get(alias, STR("hostnames"))) {
			struct path name_at = PATH_INDEX(&names, j++);

			field_check_name(c->e, &name_at, json_str(name), name_check_dns_subdomain);
		}
	}
}

static void check_host_names(struct pod_check *c, const struct path *p)
{
	struct path at = PATH(p, "hostnameOverride");
	struct str own = tree_str(c->spec, "hostnameOverride");

	rule_name(c->e, p, c->spec, "hostname", name_check_dns_label);
	rule_name(c->e, p, c->spec, "subdomain", name_check_dns_label);
	if (!own.len)
		return;
	if (own.len > HOSTNAME_MAX)
		field_too_long(c->e, &at, HOSTNAME_MAX);
	field_check_name(c->e, &at, own, name_check_dns_subdomain);
	if (tree_true(c->spec, "setHostnameAsFQDN"))
		field_forbidden(c->e, &at, "may not be specified when setHostnameAsFQDN is true");
}

/* ---- gates ---- */

static void check_gates(struct pod_check *c, const struct path *p)
{
	struct path ready = PATH(p, "readinessGates"), schedule = PATH(p, "schedulingGates");
	const struct cJSON *list = json_get(c->spec, STR("schedulingGates"));
	_cleanup_(rule_index_done) struct rule_index names;
	size_t i = 0;

	rule_index_init(&names, list, "name");
	json_each (gate, json_get(c->spec, STR("readinessGates"))) {
		struct path at = PATH_INDEX(&ready, i++), type = PATH(&at, "conditionType");

		field_check_name(
			c->e, &type, tree_str(gate, "conditionType"), name_check_qualified);
	}
	i = 0;
	json_each (gate, list) {
		struct path at = PATH_INDEX(&schedule, i);

		field_check_name(c->e, &at, tree_str(gate, "name"), name_check_qualified);
		if (rule_index_before(&names, i++, tree_str(gate, "name")))
			field_duplicate_str(c->e, &at, tree_str(gate, "name"));
	}
}

/* ---- the spec ---- */

static void check_policies(struct pod_check *c, const struct path *p)
{
	static const char *const restarts[] = {"Always", "OnFailure", "Never", NULL};
	static const char *const dns[] = {
		"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None", NULL};
	struct path selector = PATH(p, "nodeSelector");

	rule_choice_required(c->e, p, c->spec, "restartPolicy", restarts);
	rule_choice_required(c->e, p, c->spec, "dnsPolicy", dns);
	check_labels(c->e, &selector, json_get(c->spec, STR("nodeSelector")));
}

static void check_overhead(struct pod_check *c, const struct path *p)
{
	struct path overhead = PATH(p, "overhead");

	json_each (amount, json_get(c->spec, STR("overhead"))) {
		struct path at = PATH_KEY(&overhead, json_key(amount));

		check_container_resource_name(c->e, &at, json_key(amount));
		pod_check_amount(c->e, &at, json_key(amount), amount);
	}
}

static void check_rest(struct pod_check *c, const struct path *p)
{
	static const char *const preemptions[] = {"Never", "PreemptLowerPriority", NULL};

	rule_name(c->e, p, c->spec, "serviceAccountName", name_check_dns_subdomain);
	rule_name(c->e, p, c->spec, "nodeName", name_check_dns_subdomain);
	rule_between(c->e, p, c->spec, "activeDeadlineSeconds", 1, INT32_MAX);
	check_host_names(c, p);
	pod_check_tolerations(c, p);
	check_aliases(c, p);
	rule_name(c->e, p, c->spec, "priorityClassName", name_check_dns_subdomain);
	rule_name(c->e, p, c->spec, "runtimeClassName", name_check_dns_subdomain);
	rule_choice(c->e, p, c->spec, "preemptionPolicy", preemptions);
	check_overhead(c, p);
	pod_check_os(c, p);
}

void check_pod_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct pod_check c = {.e = e,
		.spec = spec,
		.has_grace = tree_has(spec, "terminationGracePeriodSeconds"),
		.grace = tree_int(spec, "terminationGracePeriodSeconds", 30)};

	rule_index_init(&c.volumes, json_get(spec, STR("volumes")), "name");
	pod_check_volumes(&c, p);
	pod_check_resource_claims(&c, p);
	pod_check_containers(&c, p);
	pod_check_own_resources(&c, p);
	check_policies(&c, p);
	pod_check_security(&c, p);
	pod_check_affinity(&c, p);
	check_dns(&c, p);
	check_gates(&c, p);
	pod_check_spread(&c, p);
	check_rest(&c, p);
	rule_index_done(&c.volumes);
}

/* ---- templates ---- */

void check_template(struct field_errors *e, const struct path *p, const struct cJSON *tmpl)
{
	struct path labels = PATH(p, "labels"), annotations = PATH(p, "annotations");
	struct path spec = PATH(p, "spec");

	check_labels(e, &labels, json_path(tmpl, "metadata.labels"));
	check_annotations(e, &annotations, json_path(tmpl, "metadata.annotations"));
	pod_check_annotations(e, &annotations, json_path(tmpl, "metadata.annotations"),
		json_get(tmpl, STR("spec")));
	check_pod_spec(e, &spec, json_get(tmpl, STR("spec")));
	if (json_count(json_path(tmpl, "spec.ephemeralContainers")))
		field_forbidden(e, &PATH(&spec, "ephemeralContainers"),
			"ephemeral containers not allowed in pod template");
}
