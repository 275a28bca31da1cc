#include "device_slices.h"

#include "pod_parts.h"

#define DEVICES_MAX         128
#define DEVICES_COMPLEX_MAX 64 /* with taints or counters */
#define TRAITS_MAX          32 /* attributes and capacities of one device */
#define TAINTS_MAX          16
#define TEXT_MAX            64
#define KEY_SHOWN_MAX       (63 + 1 + 32)
#define COUNTER_SETS_MAX    8
#define COUNTERS_MAX        32
#define CONSUMPTIONS_MAX    2

/* ---- attributes ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A part between dots: a number without leading zeros or, if `words`, letters, digits, dashes. */
static bool is_identifier(struct str s, bool words, bool zeros)
{
	bool number = true;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i], lower = (char)(c | 0x20);

		number &= is_digit(c);
		if (!is_digit(c) && !(words && (c == '-' || (lower >= 'a' && lower <= 'z'))))
			return false;
	}
	return s.len && (!number || zeros || s.len == 1 || s.at[0] != '0');
}

static bool are_identifiers(struct str s, bool zeros)
{
	struct str part;

	while (str_next(&s, '.', &part))
		if (!is_identifier(part, true, zeros))
			return false;
	return true;
}

/* major.minor.patch[-prerelease][+build] */
static bool is_semver(struct str s)
{
	struct str numbers, build, release, part;
	bool has_build = str_cut(s, '+', &numbers, &build);
	bool has_release = str_cut(numbers, '-', &numbers, &release);
	int count = 0;

	while (str_next(&numbers, '.', &part)) {
		if (!is_identifier(part, false, false))
			return false;
		count++;
	}
	return count == 3 && (!has_build || (build.len && are_identifiers(build, true))) &&
	       (!has_release || (release.len && are_identifiers(release, false)));
}

static void check_text(struct field_errors *e, const struct path *at, struct str text, bool version)
{
	if (version && !is_semver(text))
		field_invalid_str(
			e, at, text, "must be a string compatible with semver.org spec 2.0.0");
	if (text.len > TEXT_MAX)
		field_too_long(e, at, TEXT_MAX);
}

static const char *const values[][2] = {{"int", "IntValue"}, {"bool", "BoolValue"},
	{"string", "StringValue"}, {"version", "VersionValue"}, {"ints", "IntValues"},
	{"bools", "BoolValues"}, {"strings", "StringValues"}, {"versions", "VersionValues"}};

/* As Go prints the struct. */
static struct str print_attribute(struct arena *a, const struct cJSON *attribute)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const struct cJSON *value = json_get(attribute, str_from(values[i][0]));

		buf_print(&text, "%s\"%s\":", i ? "," : "{", values[i][1]);
		if (value)
			json_print(&text, value, JSON_COMPACT);
		else
			buf_add_text(&text, "null");
	}
	buf_add_char(&text, '}');
	return arena_str(a, buf_str(&text));
}

static void check_attribute(
	struct field_errors *e, const struct path *p, const struct cJSON *attribute)
{
	struct path string = PATH(p, "string"), version = PATH(p, "version");
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		count += tree_has(attribute, values[i][0]);
	if (tree_has(attribute, "string"))
		check_text(e, &string, tree_str(attribute, "string"), false);
	if (tree_has(attribute, "version"))
		check_text(e, &version, tree_str(attribute, "version"), true);
	if (!count)
		field_invalid_str(e, p, STR(""), "exactly one value must be specified");
	else if (count > 1)
		field_invalid_raw(e, p, print_attribute(e->arena, attribute),
			"exactly one value must be specified");
}

/* ---- counters ---- */

/* Long keys of maps are shown without their middle. */
static struct str shown_key(struct arena *a, struct str key, size_t max)
{
	if (key.len <= max)
		return key;
	size_t rest = max - 3;
	return arena_print(a, "%.*s...%.*s", (int)((rest + 1) / 2), key.at, (int)(rest / 2),
		key.at + key.len - rest / 2);
}

static void check_counters(struct field_errors *e, const struct path *p, const struct cJSON *owner)
{
	struct path at = PATH(p, "counters");
	const struct cJSON *map = json_get(owner, STR("counters"));

	if (!json_count(map))
		field_required(e, &at, "%s", "");
	if (json_count(map) > COUNTERS_MAX) {
		field_too_many(e, &at, (int64_t)json_count(map), COUNTERS_MAX);
		return;
	}
	json_each (counter, map) {
		struct path key = PATH_KEY(&at, shown_key(e->arena, json_key(counter), 63));

		check_device_name(e, &key, json_key(counter));
	}
}

static void check_counter_set(
	struct field_errors *e, const struct path *p, const struct cJSON *set, const void *ctx)
{
	(void)ctx;
	if (rule_text(e, p, set, "name"))
		rule_name(e, p, set, "name", name_check_dns_label);
	check_counters(e, p, set);
}

void check_slice_counters(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "sharedCounters");

	check_devices_list(e, &at, json_get(spec, STR("sharedCounters")), COUNTER_SETS_MAX, "name",
		check_counter_set, NULL);
}

static void check_consumption(
	struct field_errors *e, const struct path *p, const struct cJSON *use, const void *ctx)
{
	(void)ctx;
	if (rule_text(e, p, use, "counterSet"))
		rule_name(e, p, use, "counterSet", name_check_dns_label);
	check_counters(e, p, use);
}

/* ---- where a device is ---- */

static void check_own_node(struct field_errors *e, const struct path *p, const struct cJSON *device)
{
	static const char one[] =
		"exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
		"`perDeviceNodeSelection` is set to true in the ResourceSlice spec";
	struct path name_at = PATH(p, "nodeName"), selector_at = PATH(p, "nodeSelector");
	struct path all_at = PATH(p, "allNodes");
	const char *set[3];
	size_t count = 0;

	if (tree_str(device, "nodeName").len) {
		set[count++] = "`nodeName`";
		rule_name(e, p, device, "nodeName", name_check_dns_subdomain);
	} else if (tree_has(device, "nodeName")) {
		field_invalid_str(e, &name_at, STR(""), "must not be empty");
	}
	if (tree_has(device, "nodeSelector")) {
		set[count++] = "`nodeSelector`";
		check_node_selector(e, &selector_at, json_get(device, STR("nodeSelector")));
	}
	if (tree_true(device, "allNodes"))
		set[count++] = "`allNodes`";
	else if (tree_has(device, "allNodes"))
		field_invalid(e, &all_at, json_get(device, STR("allNodes")),
			"must be either unset or set to true");
	if (!count)
		field_required(e, p, "%s", one);
	else if (count > 1)
		field_invalid_str(e, p,
			arena_print(e->arena, "{%s, %s%s%s}", set[0], set[1], count > 2 ? ", " : "",
				count > 2 ? set[2] : ""),
			"%s", one);
}

static void check_node(struct field_errors *e, const struct path *p, const struct cJSON *device,
	const struct cJSON *spec)
{
	if (tree_true(spec, "perDeviceNodeSelection"))
		check_own_node(e, p, device);
	else if (tree_has(device, "nodeName") || tree_has(device, "nodeSelector") ||
		 tree_has(device, "allNodes"))
		field_invalid(e, p, NULL,
			"`nodeName`, `nodeSelector` and `allNodes` can only be set if "
			"`perDeviceNodeSelection` is set to true in the ResourceSlice spec");
}

/* ---- devices ---- */

static void check_traits(struct field_errors *e, const struct path *p, const struct cJSON *device)
{
	struct path attributes = PATH(p, "attributes"), capacities = PATH(p, "capacity");
	size_t count = json_count(json_get(device, STR("attributes"))) +
		       json_count(json_get(device, STR("capacity")));

	if (count > TRAITS_MAX)
		field_invalid_int(e, p, (int64_t)count,
			"the total number of attributes and capacities must not exceed %d",
			TRAITS_MAX);
	json_each (attribute, json_get(device, STR("attributes"))) {
		struct path at = PATH_KEY(
			&attributes, shown_key(e->arena, json_key(attribute), KEY_SHOWN_MAX));

		check_attribute_name(e, &at, json_key(attribute));
		check_attribute(e, &at, attribute);
	}
	json_each (capacity, json_get(device, STR("capacity"))) {
		struct path at = PATH_KEY(
			&capacities, shown_key(e->arena, json_key(capacity), KEY_SHOWN_MAX));

		check_attribute_name(e, &at, json_key(capacity));
		check_device_capacity(
			e, &at, capacity, tree_true(device, "allowMultipleAllocations"));
	}
}

static void check_taint(
	struct field_errors *e, const struct path *p, const struct cJSON *taint, const void *ctx)
{
	(void)ctx;
	check_device_taint(e, p, taint, NULL);
}

/* The slice the devices stand in, now and before. */
struct slices {
	const struct cJSON *spec, *old;
};

static const struct cJSON *old_device(const struct slices *s, struct str name)
{
	json_each (device, json_get(s->old, STR("devices")))
		if (str_eq(tree_str(device, "name"), name))
			return device;
	return NULL;
}

static void check_device(
	struct field_errors *e, const struct path *p, const struct cJSON *device, const void *ctx)
{
	const struct slices *s = ctx;
	struct path name = PATH(p, "name"), taints_at = PATH(p, "taints");
	struct path uses = PATH(p, "consumesCounters");
	const struct cJSON *old = old_device(s, tree_str(device, "name"));
	const struct cJSON *taints = json_get(device, STR("taints"));

	check_device_name(e, &name, tree_str(device, "name"));
	check_traits(e, p, device);
	if (!old || !json_equal(taints, json_get(old, STR("taints"))))
		check_devices_list(e, &taints_at, taints, TAINTS_MAX, NULL, check_taint, NULL);
	check_devices_list(e, &uses, json_get(device, STR("consumesCounters")), CONSUMPTIONS_MAX,
		"counterSet", check_consumption, NULL);
	check_node(e, p, device, s->spec);
	check_binding_conditions(e, p, device);
}

void check_slice_devices(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct cJSON *old)
{
	struct path at = PATH(p, "devices");
	const struct cJSON *list = json_get(spec, STR("devices"));
	struct slices s = {.spec = spec, .old = old};
	int64_t max = DEVICES_MAX;

	json_each (device, list)
		if (json_count(json_get(device, STR("taints"))) ||
			json_count(json_get(device, STR("consumesCounters"))))
			max = DEVICES_COMPLEX_MAX;
	check_devices_list(e, &at, list, max, "name", check_device, &s);
}
