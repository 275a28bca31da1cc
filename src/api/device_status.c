/* What became of a claim: allocated devices, who uses them, how they are. */
#include "condition_rules.h"
#include "device_rules.h"
#include "ip_rules.h"
#include "pod_parts.h"

#define RESERVED_MAX   256
#define RESULTS_MAX    32
#define CONFIGS_MAX    64 /* of the claim and of its classes */
#define CONDITIONS_MAX 8
#define DATA_MAX       (10 * 1024)
#define INTERFACE_MAX  256
#define HARDWARE_MAX   128
#define ADDRESSES_MAX  16

static void check_consumer(
	struct field_errors *e, const struct path *p, const struct cJSON *ref, const void *ctx)
{
	(void)ctx;
	rule_text(e, p, ref, "resource");
	rule_text(e, p, ref, "name");
	rule_text(e, p, ref, "uid");
}

/* ---- allocation ---- */

static void check_share(struct field_errors *e, const struct path *p, const struct cJSON *device)
{
	struct path at = PATH(p, "shareID");

	if (tree_has(device, "shareID"))
		check_uuid(e, &at, tree_str(device, "shareID"));
}

static void check_identity(struct field_errors *e, const struct path *p, const struct cJSON *device)
{
	struct path driver = PATH(p, "driver"), pool = PATH(p, "pool"), name = PATH(p, "device");

	check_driver_name(e, &driver, tree_str(device, "driver"));
	check_pool_name(e, &pool, tree_str(device, "pool"));
	check_device_name(e, &name, tree_str(device, "device"));
}

static void check_result(
	struct field_errors *e, const struct path *p, const struct cJSON *result, const void *claim)
{
	struct path request = PATH(p, "request");

	check_request_reference(e, &request, tree_str(result, "request"), claim);
	check_identity(e, p, result);
	check_binding_conditions(e, p, result);
	check_share(e, p, result);
}

static void check_reference(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const void *claim)
{
	check_request_reference(e, p, json_str(item), claim);
}

static void check_config(
	struct field_errors *e, const struct path *p, const struct cJSON *config, const void *claim)
{
	static const char *const sources[] = {"FromClaim", "FromClass", NULL};
	struct path requests = PATH(p, "requests");

	rule_choice_required(e, p, config, "source", sources);
	check_devices_list(e, &requests, json_get(config, STR("requests")), RESULTS_MAX, "",
		check_reference, claim);
	check_device_config(e, p, config);
}

static void check_allocation(struct field_errors *e, const struct path *p,
	const struct cJSON *allocation, const struct cJSON *claim)
{
	struct path devices = PATH(p, "devices"), results = PATH(&devices, "results");
	struct path configs = PATH(&devices, "config"), selector = PATH(p, "nodeSelector");

	check_devices_list(e, &results, json_path(allocation, "devices.results"), RESULTS_MAX, NULL,
		check_result, claim);
	check_devices_list(e, &configs, json_path(allocation, "devices.config"), CONFIGS_MAX, NULL,
		check_config, claim);
	if (tree_has(allocation, "nodeSelector"))
		check_node_selector(e, &selector, json_get(allocation, STR("nodeSelector")));
}

/* ---- devices ---- */

static bool same_device(const struct cJSON *a, const struct cJSON *b)
{
	static const char *const parts[] = {"driver", "pool", "device", "shareID", NULL};

	for (size_t i = 0; parts[i]; i++)
		if (!str_eq(tree_str(a, parts[i]), tree_str(b, parts[i])))
			return false;
	return true;
}

static bool has_device(const struct cJSON *list, const struct cJSON *device)
{
	json_each (item, list)
		if (same_device(item, device))
			return true;
	return false;
}

/* Driver, pool and device as Go prints its internal identity of them. */
static struct str identity_text(struct arena *a, const struct cJSON *device)
{
	struct str share = tree_str(device, "shareID");

	return arena_print(a, "\"%.*s/%.*s/%.*s%s%.*s\"", STRF(tree_str(device, "driver")),
		STRF(tree_str(device, "pool")), STRF(tree_str(device, "device")),
		share.len ? "/" : "", STRF(share));
}

static void check_address(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const void *ctx)
{
	struct str address, bits, text = json_str(item);
	uint64_t length;
	struct ip ip;

	(void)ctx;
	if (!str_cut(text, '/', &address, &bits) || !ip_parse(address, &ip) ||
		!str_to_u64(bits, &length) ||
		length > (str_find_char(address, ':') >= 0 ? 128 : 32))
		field_invalid_str(e, p, text,
			"must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or "
			"2001:db8::1/64)");
}

static void check_network(struct field_errors *e, const struct path *p, const struct cJSON *data)
{
	struct path interface = PATH(p, "interfaceName"), hardware = PATH(p, "hardwareAddress");
	struct path ips = PATH(p, "ips");

	if (tree_str(data, "interfaceName").len > INTERFACE_MAX)
		field_too_long(e, &interface, INTERFACE_MAX);
	if (tree_str(data, "hardwareAddress").len > HARDWARE_MAX)
		field_too_long(e, &hardware, HARDWARE_MAX);
	check_devices_list(
		e, &ips, json_get(data, STR("ips")), ADDRESSES_MAX, "", check_address, NULL);
}

static void check_device(
	struct field_errors *e, const struct path *p, const struct cJSON *device, const void *ctx)
{
	struct path conditions = PATH(p, "conditions"), data = PATH(p, "data");
	struct path network = PATH(p, "networkData");
	const struct cJSON *list = json_get(device, STR("conditions"));

	check_identity(e, p, device);
	check_share(e, p, device);
	if (!has_device(ctx, device))
		field_invalid_raw(e, p, identity_text(e->arena, device),
			"must be an allocated device in the claim");
	if (json_count(list) > CONDITIONS_MAX)
		field_too_many(e, &conditions, (int64_t)json_count(list), CONDITIONS_MAX);
	check_conditions(e, &conditions, list);
	if (tree_has(device, "data"))
		check_raw_object(e, &data, json_get(device, STR("data")), DATA_MAX);
	check_network(e, &network, json_get(device, STR("networkData")));
}

static void check_devices(struct field_errors *e, const struct path *p, const struct cJSON *status)
{
	struct path list_at = PATH(p, "devices");
	const struct cJSON *list = json_get(status, STR("devices"));
	size_t i = 0;

	check_devices_list(e, &list_at, list, -1, NULL, check_device,
		json_path(status, "allocation.devices.results"));
	json_each (device, list) {
		struct path at = PATH_INDEX(&list_at, i++);

		json_each (earlier, list) {
			if (earlier == device)
				break;
			if (same_device(earlier, device)) {
				field_add(e, FIELD_DUPLICATE, &at, identity_text(e->arena, device));
				break;
			}
		}
	}
}

/* ---- the status ---- */

static bool reserves_more(const struct cJSON *now, const struct cJSON *old)
{
	json_each (ref, now) {
		bool known = false;

		json_each (before, old)
			known |= json_equal(ref, before);
		if (!known)
			return true;
	}
	return false;
}

static void check_reserved(
	struct change *c, struct field_errors *e, const struct path *p, const struct cJSON *status)
{
	struct path at = PATH(p, "reservedFor");
	const struct cJSON *list = json_get(status, STR("reservedFor"));

	if (!json_count(list))
		return;
	if (!tree_has(status, "allocation"))
		field_forbidden(e, &at, "may not be specified when `allocated` is not set");
	else if (tree_has(c->object, "metadata.deletionTimestamp") &&
		 reserves_more(list, json_path(c->old, "status.reservedFor")))
		field_forbidden(e, &at,
			"new entries may not be added while `deallocationRequested` or "
			"`deletionTimestamp` are set");
}

void check_device_claim_status(struct change *c, struct field_errors *e)
{
	struct path p = PATH(NULL, "status"), reserved = PATH(&p, "reservedFor");
	struct path allocation_at = PATH(&p, "allocation");
	const struct cJSON *status = json_get(c->object, STR("status"));
	const struct cJSON *allocation = json_get(status, STR("allocation"));
	const struct cJSON *old = json_path(c->old, "status.allocation");

	check_devices_list(e, &reserved, json_get(status, STR("reservedFor")), RESERVED_MAX, "uid",
		check_consumer, NULL);
	check_devices(e, &p, status);
	check_reserved(c, e, &p, status);
	if (allocation && old)
		check_device_fixed(
			e, &allocation_at, SCHEMA(resource_v1, AllocationResult), allocation, old);
	else if (allocation)
		check_allocation(
			e, &allocation_at, allocation, json_path(c->object, "spec.devices"));
}
