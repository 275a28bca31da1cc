#include "resource_names.h"

static const char *const of_containers[] = {"cpu", "memory", "ephemeral-storage", NULL};

static const char *const standard[] = {"cpu", "memory", "ephemeral-storage", "requests.cpu",
	"requests.memory", "requests.ephemeral-storage", "limits.cpu", "limits.memory",
	"limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
	"secrets", "persistentvolumeclaims", "configmaps", "requests.storage", "services.nodeports",
	"services.loadbalancers", "storage", NULL};

static const char *const counted[] = {"pods", "resourcequotas", "services",
	"replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
	"services.nodeports", "services.loadbalancers", NULL};

static bool is_huge(struct str name)
{
	return str_starts(name, STR("hugepages-"));
}

bool resource_name_is_native(struct str name)
{
	return str_find_char(name, '/') < 0 || str_find(name, STR("kubernetes.io/")) >= 0;
}

bool resource_name_is_extended(struct str name)
{
	struct name_faults f = {0};
	char text[320] = "requests.";

	if (resource_name_is_native(name) || str_starts(name, STR("requests.")) ||
		name.len > sizeof(text) - 10)
		return false;
	memcpy(text + 9, name.at, name.len);
	name_check_qualified(str_make(text, name.len + 9), &f);
	return !f.count;
}

bool resource_name_is_integer(struct str name)
{
	return rule_is_one_of(name, counted) || resource_name_is_extended(name);
}

bool resource_name_overcommits(struct str name)
{
	return resource_name_is_native(name) && !is_huge(name);
}

void check_resource_name(struct field_errors *e, const struct path *at, struct str name)
{
	struct name_faults f = {0};

	name_check_qualified(name, &f);
	field_check_name(e, at, name, name_check_qualified);
	if (!f.count && str_find_char(name, '/') < 0 && !rule_is_one_of(name, standard) &&
		!is_huge(name) && !str_starts(name, STR("requests.hugepages-")))
		field_invalid_str(
			e, at, name, "must be a standard resource type or fully qualified");
}

void check_container_resource_name(struct field_errors *e, const struct path *at, struct str name)
{
	check_resource_name(e, at, name);
	if (str_find_char(name, '/') < 0) {
		if (!rule_is_one_of(name, of_containers) && !is_huge(name))
			field_invalid_str(
				e, at, name, "must be a standard resource for containers");
	} else if (!resource_name_is_native(name) && !resource_name_is_extended(name)) {
		field_invalid_str(e, at, name, "doesn't follow extended resource name standard");
	}
}
