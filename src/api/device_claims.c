/* Claims for devices: requests, constraints between them, configurations. */
#include "device_rules.h"

#define REQUESTS_MAX        32
#define CONSTRAINTS_MAX     32
#define CONFIGS_MAX         32
#define FIRST_AVAILABLE_MAX 8

/* ---- defaults ---- */

static void default_count(struct arena *a, struct cJSON *request)
{
	if (str_eq_text(tree_str(request, "allocationMode"), "ExactCount") &&
		!tree_int(request, "count", 0))
		tree_set_int(a, request, "count", 1);
}

void device_claim_defaults(struct arena *a, struct cJSON *spec)
{
	json_each (request, json_path(spec, "devices.requests")) {
		if (tree_has(request, "exactly"))
			default_count(a, json_get(request, STR("exactly")));
		json_each (sub, json_get(request, STR("firstAvailable")))
			default_count(a, sub);
	}
}

/* ---- references ---- */

static const struct cJSON *named(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(tree_str(item, "name"), name))
			return item;
	return NULL;
}

void check_request_reference(
	struct field_errors *e, const struct path *at, struct str name, const struct cJSON *devices)
{
	static const char what[] =
		"must be the name of a request in the claim or the name of a request and a "
		"subrequest separated by '/'";
	struct str request, sub;
	bool nested = str_cut(name, '/', &request, &sub);
	const struct cJSON *found = named(json_get(devices, STR("requests")), request);

	if (nested && str_find_char(sub, '/') >= 0) {
		field_invalid_str(e, at, name, "%s", what);
		return;
	}
	check_device_name(e, at, request);
	if (nested)
		check_device_name(e, at, sub);
	if (!found || (nested && !named(json_get(found, STR("firstAvailable")), sub)))
		field_invalid_str(e, at, name, "%s", what);
}

static void check_reference(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const void *devices)
{
	check_request_reference(e, p, json_str(item), devices);
}

static void check_references(struct field_errors *e, const struct path *p,
	const struct cJSON *owner, const struct cJSON *devices)
{
	struct path at = PATH(p, "requests");

	check_devices_list(e, &at, json_get(owner, STR("requests")), REQUESTS_MAX, "",
		check_reference, devices);
}

/* ---- requests ---- */

static void check_mode(struct field_errors *e, const struct path *p, const struct cJSON *request)
{
	static const char *const modes[] = {"All", "ExactCount", NULL};
	struct path mode_at = PATH(p, "allocationMode"), count_at = PATH(p, "count");
	struct str mode = tree_str(request, "allocationMode");
	int64_t count = tree_int(request, "count", 0);

	if (str_eq_text(mode, "All")) {
		if (count)
			field_invalid_int(e, &count_at, count,
				"must not be specified when allocationMode is 'All'");
	} else if (!str_eq_text(mode, "ExactCount")) {
		field_not_supported_str(e, &mode_at, mode, modes);
	} else if (count <= 0) {
		field_invalid_int(e, &count_at, count, "must be greater than zero");
	}
}

/* What exact requests and the choices of others have in common. */
static void check_wanted(struct field_errors *e, const struct path *p, const struct cJSON *request)
{
	struct path selectors = PATH(p, "selectors"), tolerations = PATH(p, "tolerations");

	if (rule_text(e, p, request, "deviceClassName"))
		rule_name(e, p, request, "deviceClassName", name_check_dns_subdomain);
	check_device_selectors(e, &selectors, json_get(request, STR("selectors")));
	check_mode(e, p, request);
	check_devices_list(e, &tolerations, json_get(request, STR("tolerations")), -1, NULL,
		check_device_toleration, NULL);
}

static void check_choice(
	struct field_errors *e, const struct path *p, const struct cJSON *choice, const void *ctx)
{
	struct path name = PATH(p, "name");

	(void)ctx;
	check_device_name(e, &name, tree_str(choice, "name"));
	check_wanted(e, p, choice);
}

static void check_request(
	struct field_errors *e, const struct path *p, const struct cJSON *request, const void *ctx)
{
	struct path name = PATH(p, "name"), exactly_at = PATH(p, "exactly");
	struct path choices_at = PATH(p, "firstAvailable");
	const struct cJSON *exactly = json_get(request, STR("exactly"));
	const struct cJSON *choices = json_get(request, STR("firstAvailable"));

	(void)ctx;
	check_device_name(e, &name, tree_str(request, "name"));
	if (exactly && json_count(choices))
		field_invalid(e, p, NULL,
			"exactly one of `exactly` or `firstAvailable` is required, but multiple "
			"fields are set");
	else if (exactly)
		check_wanted(e, &exactly_at, exactly);
	else if (json_count(choices))
		check_devices_list(
			e, &choices_at, choices, FIRST_AVAILABLE_MAX, "name", check_choice, NULL);
	else
		field_required(e, p, "exactly one of `exactly` or `firstAvailable` is required");
}

/* ---- the rest ---- */

static void check_attribute(
	struct field_errors *e, const struct path *p, const struct cJSON *owner, const char *name)
{
	struct path at = PATH(p, name);
	struct str value = tree_str(owner, name);

	check_attribute_name(e, &at, value);
	if (str_find_char(value, '/') < 0)
		field_invalid_str(e, &at, value,
			"a fully qualified name must be a domain and a name separated by a slash");
}

static void check_constraint(struct field_errors *e, const struct path *p,
	const struct cJSON *constraint, const void *devices)
{
	check_references(e, p, constraint, devices);
	if (tree_has(constraint, "matchAttribute"))
		check_attribute(e, p, constraint, "matchAttribute");
	else if (tree_has(constraint, "distinctAttribute"))
		check_attribute(e, p, constraint, "distinctAttribute");
	else
		field_required(e, p,
			"exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, "
			"but multiple fields are set");
}

static void check_config(struct field_errors *e, const struct path *p, const struct cJSON *config,
	const void *devices)
{
	check_references(e, p, config, devices);
	check_device_config(e, p, config);
}

void check_device_claim(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "devices"), requests = PATH(&at, "requests");
	struct path constraints = PATH(&at, "constraints"), configs = PATH(&at, "config");
	const struct cJSON *devices = json_get(spec, STR("devices"));

	check_devices_list(e, &requests, json_get(devices, STR("requests")), REQUESTS_MAX, "name",
		check_request, NULL);
	check_devices_list(e, &constraints, json_get(devices, STR("constraints")), CONSTRAINTS_MAX,
		NULL, check_constraint, devices);
	check_devices_list(e, &configs, json_get(devices, STR("config")), CONFIGS_MAX, NULL,
		check_config, devices);
}
