/*
 * Endpoints as a function of a service and its pods. Addresses are grouped by the ports they
 * have: one subset for each set of addresses that offers the same ports.
 */
#include "endpoints.h"

#include <kube/api_codec.h>
#include <kube/map.h>

#include <stdlib.h>

#define HEADLESS_LABEL   "service.kubernetes.io/headless"
#define MANAGED_BY_LABEL "endpoints.kubernetes.io/managed-by"
#define CAPACITY         "endpoints.kubernetes.io/over-capacity"
#define TRIGGER_TIME     "endpoints.kubernetes.io/last-change-trigger-time"

struct place {
	const struct cJSON *pod;
	struct str text, uid;
	bool ready;
};

/* One port, and which of the addresses offer it. */
struct offer {
	struct cJSON *port; /* NULL: no ports at all, for headless services */
	int64_t number;
	struct str name, protocol;
	uint8_t *by; /* for each address: does it? */
	bool placed;
};

struct building {
	struct arena *a;
	const struct cJSON *service;
	struct place *addresses;
	size_t address_count;
	struct offer *offers;
	size_t offer_count, offer_cap;
};

static int by_ip(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = str_cmp(a->text, b->text);

	return order ? order : str_cmp(a->uid, b->uid);
}

/* ---- addresses ---- */

static struct str address_of_family(const struct cJSON *pod, bool v6)
{
	json_each (entry, json_path(pod, "status.podIPs")) {
		struct str ip = tree_str(entry, "ip");

		if (ip.len && ip_text_is_v6(ip) == v6)
			return ip;
	}
	return STR("");
}

static void find_addresses(struct building *b, const struct trees *pods)
{
	bool publish = tree_true(b->service, "spec.publishNotReadyAddresses");
	bool v6[2];

	service_ip_families(b->service, v6);
	b->addresses = arena_alloc(b->a, (pods->count + 1) * sizeof(*b->addresses));
	for (size_t i = 0; i < pods->count; i++) {
		const struct cJSON *pod = pods->items[i];

		if (!pod_counts_as_endpoint(pod, publish))
			continue;
		struct str ip = address_of_family(pod, v6[0]);
		if (!ip.len)
			continue;
		b->addresses[b->address_count++] = (struct place){.pod = pod,
			.text = ip,
			.uid = tree_str(pod, "metadata.uid"),
			.ready = publish || pod_is_ready(pod)};
	}
	qsort(b->addresses, b->address_count, sizeof(*b->addresses), by_ip);
}

static struct cJSON *address_tree(struct building *b, const struct place *at)
{
	struct arena *a = b->a;
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct str hostname = pod_hostname_for(at->pod, b->service);
	struct str node = tree_str(at->pod, "spec.nodeName");

	json_set(a, tree, STR("ip"), json_new_str(a, at->text));
	if (hostname.len)
		json_set(a, tree, STR("hostname"), json_new_str(a, hostname));
	if (node.len)
		json_set(a, tree, STR("nodeName"), json_new_str(a, node));
	json_set(a, tree, STR("targetRef"), pod_target_ref(a, at->pod));
	return tree;
}

/* ---- ports ---- */

static struct offer *offer_of(struct building *b, const struct cJSON *service_port, int64_t number)
{
	struct str name = tree_str(service_port, "name");
	struct str protocol = tree_str(service_port, "protocol");

	for (size_t i = 0; i < b->offer_count; i++) {
		struct offer *o = &b->offers[i];

		if (o->number == number && str_eq(o->name, name) && str_eq(o->protocol, protocol))
			return o;
	}
	ARENA_ROOM(b->a, b->offers, b->offer_count, b->offer_cap, 8);
	struct offer *o = &b->offers[b->offer_count++];
	*o = (struct offer){.number = number, .name = name, .protocol = protocol};
	o->by = arena_new(b->a, b->address_count + 1);
	if (!service_port)
		return o;
	struct arena *a = b->a;
	struct str app = tree_str(service_port, "appProtocol");
	o->port = json_new(a, JSON_OBJECT);
	if (name.len)
		json_set(a, o->port, STR("name"), json_new_str(a, name));
	json_set(a, o->port, STR("port"), json_new_int(a, number));
	json_set(a, o->port, STR("protocol"), json_new_str(a, protocol));
	if (app.len)
		json_set(a, o->port, STR("appProtocol"), json_new_str(a, app));
	return o;
}

static void find_offers(struct building *b)
{
	const struct cJSON *ports = json_path(b->service, "spec.ports");
	bool headless = str_eq(tree_str(b->service, "spec.clusterIP"), STR("None"));

	for (size_t i = 0; i < b->address_count; i++) {
		if (!json_count(ports) && headless)
			offer_of(b, NULL, 0)->by[i] = 1;
		json_each (port, ports) {
			int64_t number = pod_port_of(b->addresses[i].pod, port);

			if (number)
				offer_of(b, port, number)->by[i] = 1;
		}
	}
}

static int by_port(const void *left, const void *right)
{
	const struct offer *a = left, *b = right;
	int order = str_cmp(a->name, b->name);

	if (order)
		return order;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return str_cmp(a->protocol, b->protocol);
}

/* ---- subsets ---- */

static struct cJSON *subset_of(struct building *b, struct offer *first)
{
	struct arena *a = b->a;
	struct cJSON *subset = json_new(a, JSON_OBJECT);
	struct cJSON *ready = json_new(a, JSON_ARRAY), *unready = json_new(a, JSON_ARRAY);
	struct cJSON *ports = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < b->address_count; i++) {
		if (first->by[i])
			json_append(b->addresses[i].ready ? ready : unready,
				address_tree(b, &b->addresses[i]));
	}
	for (struct offer *o = first; o < b->offers + b->offer_count; o++) {
		if (o->placed || memcmp(o->by, first->by, b->address_count) != 0)
			continue;
		o->placed = true;
		if (o->port)
			json_append(ports, o->port);
	}
	if (json_count(ready))
		json_set(a, subset, STR("addresses"), ready);
	if (json_count(unready))
		json_set(a, subset, STR("notReadyAddresses"), unready);
	if (json_count(ports))
		json_set(a, subset, STR("ports"), ports);
	return subset;
}

static struct cJSON *build_subsets(struct building *b)
{
	struct cJSON *subsets = json_new(b->a, JSON_ARRAY);

	find_offers(b);
	if (b->offer_count)
		qsort(b->offers, b->offer_count, sizeof(*b->offers), by_port);
	for (size_t i = 0; i < b->offer_count; i++) {
		if (!b->offers[i].placed)
			json_append(subsets, subset_of(b, &b->offers[i]));
	}
	return subsets;
}

/* ---- too many ---- */

static size_t count_all(const struct cJSON *subsets, const char *which)
{
	size_t count = 0;

	json_each (subset, subsets)
		count += json_count(json_get(subset, str_from(which)));
	return count;
}

static void keep_first(struct arena *a, struct cJSON *subset, struct str which, size_t keep)
{
	struct cJSON *kept = json_new(a, JSON_ARRAY);

	json_each (address, json_get(subset, which)) {
		if (keep-- == 0)
			break;
		json_append(kept, json_copy(a, address));
	}
	json_set(a, subset, which, kept);
	if (!json_count(kept))
		json_remove(subset, kept);
}

/* Ready ones have precedence; each subset keeps its share. */
static bool truncate_subsets(struct arena *a, struct cJSON *subsets)
{
	size_t ready = count_all(subsets, "addresses");
	size_t unready = count_all(subsets, "notReadyAddresses");
	bool cut_ready = ready > ENDPOINTS_MAX_ADDRESSES;
	size_t room = cut_ready ? ENDPOINTS_MAX_ADDRESSES : ENDPOINTS_MAX_ADDRESSES - ready;
	size_t total = cut_ready ? ready : unready, left = room;
	struct str which = cut_ready ? STR("addresses") : STR("notReadyAddresses");

	if (ready + unready <= ENDPOINTS_MAX_ADDRESSES)
		return false;
	json_each (subset, subsets) {
		size_t share = json_count(json_get(subset, which)) * room / total;

		share = MIN(share, left);
		if (cut_ready)
			json_remove(subset, json_get(subset, STR("notReadyAddresses")));
		keep_first(a, subset, which, share);
		left -= share;
	}
	return true;
}

/* ---- when it changed ---- */

/* Whose address stood where: uid → &was_ready or &was_unready. */
static char was_ready, was_unready;

static void note_targets(struct map *m, const struct cJSON *addresses, char *as)
{
	json_each (address, addresses)
		map_set(m, tree_str(address, "targetRef.uid"), as);
}

/*
 * What caused the change: for new Endpoints the service, otherwise the first of the pods that
 * have come or changed their readiness. Gone pods leave no time.
 */
static struct str trigger_time(const struct building *b, const struct cJSON *current)
{
	int64_t first = INT64_MAX, since;
	struct map before;

	if (!current)
		return tree_str(b->service, "metadata.creationTimestamp");
	map_init_borrowed(&before);
	json_each (subset, json_path(current, "subsets")) {
		note_targets(&before, json_get(subset, STR("addresses")), &was_ready);
		note_targets(&before, json_get(subset, STR("notReadyAddresses")), &was_unready);
	}
	for (size_t i = 0; i < b->address_count; i++) {
		const struct place *at = &b->addresses[i];

		if (map_get(&before, at->uid) == (at->ready ? &was_ready : &was_unready))
			continue;
		if (pod_readiness_since(at->pod, &since))
			first = MIN(first, since);
	}
	map_done(&before);
	return first == INT64_MAX ? STR("") : time_text(b->a, first);
}

/* ---- the object ---- */

static struct cJSON *labels_for(struct arena *a, const struct cJSON *service)
{
	const struct cJSON *own = json_path(service, "metadata.labels");
	struct cJSON *labels = own ? json_copy(a, own) : json_new(a, JSON_OBJECT);

	struct cJSON *headless = json_get(labels, STR(HEADLESS_LABEL));
	if (headless)
		json_remove(labels, headless);
	if (!service_has_address(service))
		json_set(a, labels, STR(HEADLESS_LABEL), json_new_str(a, STR("")));
	json_set(a, labels, STR(MANAGED_BY_LABEL), json_new_str(a, STR("endpoint-controller")));
	return labels;
}

static void set_annotation(
	struct arena *a, struct cJSON *endpoints, struct str name, struct str value)
{
	struct cJSON *all = json_path(endpoints, "metadata.annotations");
	struct cJSON *there = json_get(all, name);

	if (value.len) {
		if (!all) {
			all = json_new(a, JSON_OBJECT);
			tree_set(a, endpoints, "metadata.annotations", all);
		}
		json_set(a, all, name, json_new_str(a, value));
	} else if (there) {
		json_remove(all, there);
	}
}

struct cJSON *endpoints_of_service(struct arena *a, const struct cJSON *service,
	const struct trees *pods, const struct cJSON *current)
{
	struct building b = {.a = a, .service = service};
	struct cJSON *labels = labels_for(a, service);

	find_addresses(&b, pods);
	struct cJSON *subsets = build_subsets(&b);
	bool truncated = truncate_subsets(a, subsets);
	const struct cJSON *now = json_path(current, "subsets");
	if (current && json_count(now) == json_count(subsets) &&
		(!json_count(subsets) || json_equal(now, subsets)) &&
		json_equal(json_path(current, "metadata.labels"), labels))
		return NULL;
	struct cJSON *made = current ? json_copy(a, current) : json_new(a, JSON_OBJECT);
	tree_set_str(a, made, "apiVersion", STR("v1"));
	tree_set_str(a, made, "kind", STR("Endpoints"));
	tree_set_str(a, made, "metadata.name", tree_str(service, "metadata.name"));
	tree_set_str(a, made, "metadata.namespace", tree_str(service, "metadata.namespace"));
	tree_set(a, made, "metadata.labels", labels);
	tree_set(a, made, "subsets", json_count(subsets) ? subsets : NULL);
	set_annotation(a, made, STR(TRIGGER_TIME), trigger_time(&b, current));
	set_annotation(a, made, STR(CAPACITY), truncated ? STR("truncated") : STR(""));
	return made;
}
