#include "node_status.h"

#include <kube/api_codec.h>
#include <kube/machine.h>
#include <kube/quantity.h>
#include <kube/time.h>

#include <stdlib.h>

#define IMAGE_NAMES_MOST 5

static struct str time_text(struct arena *a, int64_t ns)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, ns);
	return arena_str(a, buf_str(&text));
}

/* ---- quantities ---- */

static void set_amount(
	struct arena *a, struct cJSON *list, const char *name, int64_t value, const char *unit)
{
	struct str text = arena_print(a, "%lld%s", (long long)value, unit);

	/* As the API will print it: or it would differ for ever. */
	quantity_canonical(a, text, &text, NULL);
	json_set(a, list, arena_str(a, str_from(name)), json_new_str(a, text));
}

static void set_hugepages(struct arena *a, struct cJSON *list, const struct machine *m)
{
	for (size_t i = 0; i < m->hugepage_count; i++) {
		const struct machine_hugepages *h = &m->hugepages[i];
		bool large = h->size >= 1 << 30;
		struct str name = arena_print(a, "hugepages-%lld%s",
			(long long)(h->size >> (large ? 30 : 20)), large ? "Gi" : "Mi");
		int64_t all = h->size * h->total;

		set_amount(a, list, name.at, all % (int64_t)MIB ? all : all / (int64_t)MIB,
			all % (int64_t)MIB || !all ? "" : "Mi");
	}
}

static int64_t pods_most(const struct node_input *in)
{
	int64_t most = in->options->max_pods, each = in->configuration->pods_per_core;

	return each ? MIN(each * in->machine->cpus, most) : most;
}

struct cJSON *node_capacity(struct arena *a, const struct node_input *in)
{
	const struct machine *m = in->machine;
	struct cJSON *list = json_new(a, JSON_OBJECT);

	set_amount(a, list, "cpu", m->cpus, "");
	set_amount(a, list, "ephemeral-storage", m->disk / KIB, "Ki");
	set_hugepages(a, list, m);
	set_amount(a, list, "memory", m->memory / KIB, "Ki");
	set_amount(a, list, "pods", pods_most(in), "");
	return list;
}

static struct quantity amount(const struct cJSON *list, struct str name)
{
	struct quantity q = {0};

	if (quantity_parse(json_str(json_get(list, name)), &q, NULL))
		q = (struct quantity){0};
	return q;
}

/* What the node must keep of it, or pods would have to go. */
static int64_t kept(const struct node_input *in, struct str name)
{
	const struct kubelet_configuration *c = in->configuration;
	bool memory = str_eq(name, STR("memory"));

	for (size_t i = 0; i < c->threshold_count; i++) {
		const struct eviction_threshold *t = &c->thresholds[i];

		if (t->grace || t->signal != (memory ? SIGNAL_MEMORY : SIGNAL_NODEFS))
			continue;
		return eviction_quantity(
			&t->amount, memory ? in->machine->memory : in->machine->disk);
	}
	return 0;
}

static int64_t hugepages(const struct machine *m)
{
	int64_t all = 0;

	for (size_t i = 0; i < m->hugepage_count; i++)
		all += m->hugepages[i].size * m->hugepages[i].total;
	return all;
}

/* What is left for pods: neither reserved nor kept. */
struct cJSON *node_allocatable(struct arena *a, const struct node_input *in)
{
	static const char *const names[] = {"cpu", "ephemeral-storage", "memory"};
	const struct kubelet_configuration *c = in->configuration;
	struct cJSON *list = node_capacity(a, in);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str name = str_from(names[i]);
		struct quantity left = amount(list, name), none = left;
		int64_t least = i ? kept(in, name) : 0;

		if (str_eq(name, STR("memory")))
			least += hugepages(in->machine);
		left = quantity_sub(left, amount(c->system_reserved, name));
		left = quantity_sub(left, amount(c->kube_reserved, name));
		left = quantity_sub(left, quantity_from_int(least, left.format));
		none.nano = 0;
		json_set(a, list, name,
			json_new_str(a, quantity_print(a, quantity_sign(left) < 0 ? none : left)));
	}
	return list;
}

/* ---- conditions ---- */

struct condition {
	const char *type;
	bool status;
	const char *reason, *message;
};

static const struct cJSON *old_condition(const struct node_input *in, const char *type)
{
	json_each (condition, json_path(in->old, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

static void add_condition(
	struct arena *a, const struct node_input *in, struct cJSON *list, const struct condition *c)
{
	struct cJSON *entry = json_new(a, JSON_OBJECT);
	const struct cJSON *old = old_condition(in, c->type);
	struct str status = c->status ? STR("True") : STR("False");
	struct str since = tree_str(old, "lastTransitionTime");

	tree_set_str(a, entry, "type", str_from(c->type));
	tree_set_str(a, entry, "status", status);
	tree_set_str(a, entry, "lastHeartbeatTime", time_text(a, in->now));
	tree_set_str(a, entry, "lastTransitionTime",
		since.len && str_eq(tree_str(old, "status"), status) ? since
								     : time_text(a, in->now));
	tree_set_str(a, entry, "reason", str_from(c->reason));
	tree_set_str(a, entry, "message", str_from(c->message));
	json_append(list, entry);
}

static struct cJSON *conditions(struct arena *a, const struct node_input *in)
{
	bool memory = in->pressure[PRESSURE_MEMORY], disk = in->pressure[PRESSURE_DISK];
	bool processes = in->pressure[PRESSURE_PIDS];
	const struct condition all[] = {
		{"MemoryPressure", memory,
			memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
			memory ? "kubelet has insufficient memory available"
			       : "kubelet has sufficient memory available"},
		{"DiskPressure", disk, disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
			disk ? "kubelet has disk pressure" : "kubelet has no disk pressure"},
		{"PIDPressure", processes,
			processes ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
			processes ? "kubelet has insufficient PID available"
				  : "kubelet has sufficient PID available"},
		{"Ready", !in->not_ready.len,
			in->not_ready.len ? "KubeletNotReady" : "KubeletReady",
			in->not_ready.len ? arena_str(a, in->not_ready).at
					  : "kubelet is posting ready status"},
	};
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		add_condition(a, in, list, &all[i]);
	return list;
}

/* ---- the rest ---- */

static void add_address(struct arena *a, struct cJSON *list, const char *type, struct str address)
{
	struct cJSON *entry = json_new(a, JSON_OBJECT);

	tree_set_str(a, entry, "type", str_from(type));
	tree_set_str(a, entry, "address", address);
	json_append(list, entry);
}

static struct cJSON *addresses(struct arena *a, const struct node_input *in)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < in->options->node_ip_count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);

		ip_print(&text, &in->options->node_ips[i]);
		add_address(a, list, "InternalIP", buf_str(&text));
	}
	add_address(a, list, "Hostname", in->options->hostname);
	return list;
}

static struct cJSON *node_info(struct arena *a, const struct node_input *in)
{
	const struct machine *m = in->machine;
	struct cJSON *info = json_new(a, JSON_OBJECT);

	tree_set_str(a, info, "machineID", m->machine_id);
	tree_set_str(a, info, "systemUUID", m->system_uuid);
	tree_set_str(a, info, "bootID", m->boot_id);
	tree_set_str(a, info, "kernelVersion", m->kernel);
	tree_set_str(a, info, "osImage", m->os_image);
	tree_set_str(a, info, "containerRuntimeVersion",
		arena_print(a, "%s://%s", in->runtime->name, in->runtime->version));
	tree_set_str(a, info, "kubeletVersion", in->options->version);
	tree_set_str(a, info, "kubeProxyVersion", STR(""));
	tree_set_str(a, info, "operatingSystem", STR("linux"));
	tree_set_str(a, info, "architecture", m->architecture);
	if (m->swap)
		tree_set_int(a, info, "swap.capacity", m->swap);
	return info;
}

static int by_size(const void *a, const void *b)
{
	const struct image *x = *(const struct image *const *)a;
	const struct image *y = *(const struct image *const *)b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return str_cmp(x->id, y->id);
}

static void add_names(struct arena *a, struct cJSON *list, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count && json_count(list) < IMAGE_NAMES_MOST; i++)
		json_append(list, json_new_str(a, names[i]));
}

/* The largest ones: these matter to a scheduler. */
static struct cJSON *images(struct arena *a, const struct node_input *in)
{
	const struct image **sorted = arena_copy(a, in->image_count ? (const void *)in->images : "",
		in->image_count * sizeof(*sorted));
	struct cJSON *list = json_new(a, JSON_ARRAY);
	int64_t most = in->configuration->images_told;

	qsort(sorted, in->image_count, sizeof(*sorted), by_size);
	for (size_t i = 0; i < in->image_count && (most < 0 || (int64_t)i < most); i++) {
		struct cJSON *entry = json_new(a, JSON_OBJECT), *names = json_new(a, JSON_ARRAY);

		add_names(a, names, sorted[i]->digests, sorted[i]->digest_count);
		add_names(a, names, sorted[i]->tags, sorted[i]->tag_count);
		tree_set(a, entry, "names", names);
		tree_set_int(a, entry, "sizeBytes", sorted[i]->size);
		json_append(list, entry);
	}
	return list;
}

static struct cJSON *handlers(struct arena *a)
{
	struct cJSON *list = json_new(a, JSON_ARRAY), *entry = json_new(a, JSON_OBJECT);

	tree_set_str(a, entry, "name", STR(""));
	tree_set(a, entry, "features.recursiveReadOnlyMounts", json_new_bool(a, true));
	tree_set(a, entry, "features.userNamespaces", json_new_bool(a, true));
	json_append(list, entry);
	return list;
}

/* What of a running pod may be changed, by the names that the API asks for. */
static struct cJSON *declared(struct arena *a)
{
	static const char *const names[] = {"GuaranteedQoSPodCPUResize",
		"InPlacePodLevelResourcesVerticalScaling",
		"InPlacePodVerticalScalingInitContainers", "RestartAllContainersOnContainerExits"};
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_append(list, json_new_str(a, str_from(names[i])));
	return list;
}

/* What others have put into the capacity is for pods as it is, and goes with it. */
static void add_foreign(struct arena *a, const struct node_input *in, struct cJSON *allocatable)
{
	const struct cJSON *told = json_path(in->old, "status.capacity");

	json_each (value, told)
		if (!json_get(allocatable, json_key(value)))
			json_set(a, allocatable, json_key(value), json_copy(a, value));
	json_each (value, json_path(in->old, "status.allocatable"))
		if (!json_get(allocatable, json_key(value)))
			json_set(a, allocatable, json_key(value), json_new(a, JSON_NULL));
}

static struct cJSON *status(struct arena *a, const struct node_input *in)
{
	struct cJSON *s = json_new(a, JSON_OBJECT), *allocatable = node_allocatable(a, in);

	add_foreign(a, in, allocatable);
	tree_set(a, s, "capacity", node_capacity(a, in));
	tree_set(a, s, "allocatable", allocatable);
	tree_set(a, s, "conditions", conditions(a, in));
	tree_set(a, s, "addresses", addresses(a, in));
	if (in->options->port)
		tree_set_int(a, s, "daemonEndpoints.kubeletEndpoint.Port", in->options->port);
	tree_set(a, s, "nodeInfo", node_info(a, in));
	tree_set(a, s, "images", images(a, in));
	tree_set(a, s, "runtimeHandlers", handlers(a));
	tree_set(a, s, "features.supplementalGroupsPolicy", json_new_bool(a, true));
	tree_set(a, s, "declaredFeatures", declared(a));
	return s;
}

/* ---- the object ---- */

static struct cJSON *labels(struct arena *a, const struct node_input *in)
{
	struct cJSON *list = json_new(a, JSON_OBJECT);
	const struct kubelet_options *o = in->options;
	const struct {
		const char *name;
		struct str value;
	} own[] = {{"beta.kubernetes.io/arch", in->machine->architecture},
		{"beta.kubernetes.io/os", STR("linux")},
		{"kubernetes.io/arch", in->machine->architecture},
		{"kubernetes.io/hostname", o->hostname}, {"kubernetes.io/os", STR("linux")}};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		json_set(a, list, str_from(own[i].name), json_new_str(a, own[i].value));
	for (size_t i = 0; i < o->node_label_count; i++) {
		struct str key, value = STR("");

		str_cut(o->node_labels[i], '=', &key, &value);
		json_set(a, list, key, json_new_str(a, value));
	}
	return list;
}

/* "key=value:Effect", "key:Effect" */
static struct cJSON *taints(struct arena *a, const struct node_input *in)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < in->options->node_taint_count; i++) {
		struct cJSON *taint = json_new(a, JSON_OBJECT);
		struct str rest, effect, key, value = STR("");

		if (!str_cut(in->options->node_taints[i], ':', &rest, &effect))
			continue;
		bool has_value = str_cut(rest, '=', &key, &value);
		tree_set_str(a, taint, "key", has_value ? key : rest);
		if (has_value && value.len)
			tree_set_str(a, taint, "value", value);
		tree_set_str(a, taint, "effect", effect);
		json_append(list, taint);
	}
	return list;
}

struct cJSON *node_object(struct arena *a, const struct node_input *in)
{
	struct cJSON *node = json_new(a, JSON_OBJECT), *notes = json_new(a, JSON_OBJECT);

	tree_set_str(a, node, "metadata.name", in->options->node_name);
	tree_set(a, node, "metadata.labels", labels(a, in));
	json_set(a, notes, STR("volumes.kubernetes.io/controller-managed-attach-detach"),
		json_new_str(a, STR("true")));
	tree_set(a, node, "metadata.annotations", notes);
	tree_set(a, node, "spec", json_new(a, JSON_OBJECT));
	if (in->options->node_taint_count)
		tree_set(a, node, "spec.taints", taints(a, in));
	if (in->configuration->provider_id.len)
		tree_set_str(a, node, "spec.providerID", in->configuration->provider_id);
	tree_set(a, node, "status", status(a, in));
	return node;
}

/* ---- patches ---- */

/* Times aside, is that told already? */
static bool same_condition(const struct cJSON *old, const struct cJSON *fresh)
{
	static const char *const members[] = {"status", "reason", "message"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (!str_eq(tree_str(old, members[i]), tree_str(fresh, members[i])))
			return false;
	return true;
}

static bool heartbeat_is_due(const struct node_input *in, int64_t frequency)
{
	int64_t last = 0;

	time_parse(tree_str(old_condition(in, "Ready"), "lastHeartbeatTime"), &last, NULL);
	return in->now - last >= frequency;
}

/* Are all members of `fresh` in `old`? Others put amounts of their own beside ours. */
static bool includes(const struct cJSON *old, const struct cJSON *fresh)
{
	json_each (value, fresh)
		if (!json_equal(json_get(old, json_key(value)), value))
			return false;
	return true;
}

static bool conditions_hold(const struct node_input *in, const struct cJSON *fresh)
{
	json_each (condition, fresh) {
		struct str type = tree_str(condition, "type");

		if (!same_condition(old_condition(in, type.at), condition))
			return false;
	}
	return true;
}

struct cJSON *node_status_patch(struct arena *a, const struct node_input *in, int64_t frequency)
{
	static const char *const amounts[] = {"capacity", "allocatable"};
	struct cJSON *fresh = status(a, in), *patch = json_new(a, JSON_OBJECT);
	struct cJSON *changes = json_new(a, JSON_OBJECT);
	const struct cJSON *old = json_get(in->old, STR("status"));

	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		struct str name = str_from(amounts[i]);

		if (!includes(json_get(old, name), json_get(fresh, name)))
			json_set(a, changes, name, json_copy(a, json_get(fresh, name)));
	}
	json_each (value, fresh) {
		struct str key = json_key(value);

		if (str_eq(key, STR("conditions")) || json_get(changes, key) ||
			json_equal(json_get(old, key), value) ||
			includes(json_get(old, key), value))
			continue;
		struct cJSON *copy = json_copy(a, value);
		if (str_eq(key, STR("addresses"))) {
			/* Merged by type otherwise, and there are several of one type. */
			struct cJSON *directive = json_new(a, JSON_OBJECT);

			tree_set_str(a, directive, "$patch", STR("replace"));
			json_insert(copy, 0, directive);
		}
		json_set(a, changes, key, copy);
	}
	if (!json_count(changes) && conditions_hold(in, json_get(fresh, STR("conditions"))) &&
		!heartbeat_is_due(in, frequency))
		return NULL;
	json_set(a, changes, STR("conditions"), json_copy(a, json_get(fresh, STR("conditions"))));
	tree_set(a, patch, "status", changes);
	return patch;
}

struct cJSON *node_labels_patch(struct arena *a, const struct node_input *in)
{
	struct cJSON *fresh = labels(a, in), *patch = json_new(a, JSON_OBJECT);

	if (includes(json_path(in->old, "metadata.labels"), fresh))
		return NULL;
	tree_set(a, patch, "metadata.labels", fresh);
	return patch;
}
