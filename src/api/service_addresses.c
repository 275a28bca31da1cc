/* clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy: what fits together. */
#include "ip_rules.h"
#include "service_rules.h"

static const struct cJSON *at(const struct cJSON *service, const char *path)
{
	return json_path(service, path);
}

static void check_families(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	static const char *const known[] = {"IPv4", "IPv6", NULL};
	struct path families = PATH(spec, "ipFamilies");
	const struct cJSON *list = at(service, "spec.ipFamilies");
	size_t i = 0;

	if (json_count(list) > 2)
		field_invalid(e, &families, list, "may only hold up to 2 values");
	json_each (family, list) {
		struct path here = PATH_INDEX(&families, i);
		struct str name = json_str(family);

		if (!str_eq_text(name, "IPv4") && !str_eq_text(name, "IPv6"))
			field_not_supported_str(e, &here, name, known);
		for (size_t j = 0; j < i; j++)
			if (str_eq(json_str(json_at(list, j)), name)) {
				field_duplicate_str(e, &here, name);
				break;
			}
		i++;
	}
}

static void check_policy(
	struct field_errors *e, const struct path *spec, const struct cJSON *service)
{
	static const char *const known[] = {
		"PreferDualStack", "RequireDualStack", "SingleStack", NULL};
	struct path here = PATH(spec, "ipFamilyPolicy");
	struct str policy = tree_str(service, "spec.ipFamilyPolicy");

	if (!tree_has(service, "spec.ipFamilyPolicy"))
		return;
	for (size_t i = 0; known[i]; i++)
		if (str_eq_text(policy, known[i]))
			return;
	field_not_supported_str(e, &here, policy, known);
}

static void check_addresses(
	struct field_errors *e, const struct path *list_at, const struct cJSON *service)
{
	const struct cJSON *list = at(service, "spec.clusterIPs");
	const struct cJSON *families = at(service, "spec.ipFamilies");
	size_t i = 0;

	json_each (item, list) {
		struct path here = PATH_INDEX(list_at, i);
		struct str family = json_str(json_at(families, i++));
		struct str text = json_str(item);
		struct ip ip;

		if (i == 1 && str_eq_text(text, "None")) {
			if (json_count(list) > 1)
				field_invalid(e, list_at, list,
					"'None' must be the first and only value");
			return;
		}
		if (!check_ip(e, &here, text, &ip) || !family.len)
			continue;
		if ((ip.len == 16) != str_eq_text(family, "IPv6"))
			field_invalid_str(e, &here, text,
				"expected an %.*s value as indicated by `ipFamilies[%zu]`",
				STRF(family), i - 1);
	}
	if (json_count(list) == 2) {
		struct ip first, second;

		if (ip_parse(json_str(json_at(list, 0)), &first) &&
			ip_parse(json_str(json_at(list, 1)), &second) && first.len == second.len)
			field_invalid(e, list_at, list,
				"may specify no more than one IP for each IP family");
	}
}

/* What was allocated first stays; a second one may come and go. */
void check_cluster_ips_kept(
	struct field_errors *e, const struct cJSON *service, const struct cJSON *old)
{
	struct path spec = PATH(NULL, "spec");
	struct path ips = PATH(&spec, "clusterIPs"), families = PATH(&spec, "ipFamilies");
	const struct cJSON *list = at(service, "spec.clusterIPs");
	struct str was = tree_str(old, "spec.clusterIPs.0"), now = json_str(json_at(list, 0));
	struct str old_family = tree_str(old, "spec.ipFamilies.0");

	if (service_is_type(service, "ExternalName"))
		return;
	if (!service_is_type(old, "ExternalName") && was.len && json_count(list) &&
		!str_eq(was, now)) {
		struct path first = PATH_INDEX(&ips, 0);

		field_invalid(e, &first, list, "may not change once set");
	}
	if (old_family.len && json_count(at(service, "spec.ipFamilies")) &&
		!service_is_type(old, "ExternalName") &&
		!str_eq(old_family, tree_str(service, "spec.ipFamilies.0"))) {
		struct path first = PATH_INDEX(&families, 0);

		field_invalid(e, &first, at(service, "spec.ipFamilies"), "may not change once set");
	}
}

void check_cluster_ips(struct field_errors *e, const struct cJSON *service)
{
	struct path spec = PATH(NULL, "spec"), ips = PATH(&spec, "clusterIPs");
	const struct cJSON *list = at(service, "spec.clusterIPs");
	struct str ip = tree_str(service, "spec.clusterIP");

	if (service_is_type(service, "ExternalName"))
		return;
	check_families(e, &spec, service);
	check_policy(e, &spec, service);
	if (ip.len && !json_count(list)) {
		field_required(e, &ips, "%s", "");
	} else if (json_count(list) && !ip.len) {
		field_invalid(e, &ips, list, "must be empty when `clusterIP` is not specified");
	} else if (json_count(list) && !str_eq(json_str(json_at(list, 0)), ip)) {
		field_invalid(e, &ips, list, "first value must match `clusterIP`");
	}
	if (json_count(list) > 2)
		field_invalid(e, &ips, list, "may only hold up to 2 values");
	check_addresses(e, &ips, service);
}
