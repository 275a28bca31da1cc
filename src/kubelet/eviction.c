#include "eviction.h"
#include "pod_view.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>
#include <kube/time.h>

#include <stdlib.h>

#define SYSTEM_PRIORITY 2000000000 /* of system-cluster-critical */
#define GRACE_HARD      1          /* seconds */

static const struct {
	enum node_pressure pressure;
	const char *resource;
	bool bytes;
} signals[SIGNALS] = {
	[SIGNAL_MEMORY] = {PRESSURE_MEMORY, "memory", true},
	[SIGNAL_NODEFS] = {PRESSURE_DISK, "ephemeral-storage", true},
	[SIGNAL_NODEFS_INODES] = {PRESSURE_DISK, "inodes", false},
	[SIGNAL_IMAGEFS] = {PRESSURE_DISK, "ephemeral-storage", true},
	[SIGNAL_IMAGEFS_INODES] = {PRESSURE_DISK, "inodes", false},
	[SIGNAL_PIDS] = {PRESSURE_PIDS, "pids", false},
};

const char *node_pressure_name(enum node_pressure pressure)
{
	static const char *const names[PRESSURES] = {
		"MemoryPressure", "DiskPressure", "PIDPressure"};

	return names[pressure];
}

const char *eviction_resource(enum eviction_signal signal)
{
	return signals[signal].resource;
}

bool eviction_is_about_disk(enum eviction_signal signal)
{
	return signals[signal].pressure == PRESSURE_DISK;
}

/* ---- is the node short of something ---- */

static bool is_met(const struct eviction_threshold *t, const struct signal_level *level, bool more)
{
	int64_t least = eviction_quantity(&t->amount, level->capacity);

	if (more)
		least += eviction_quantity(&t->reclaim, level->capacity);
	return level->known && least > level->available;
}

static void note(struct eviction_memory *m, size_t i, const struct eviction_threshold *t,
	const struct signal_level *level, int64_t now)
{
	bool met = is_met(t, level, m->thresholds[i].acting);
	enum node_pressure pressure = signals[t->signal].pressure;

	if (met && !m->thresholds[i].met)
		m->thresholds[i].since = now;
	m->thresholds[i].met = met;
	m->thresholds[i].acting = met && now - m->thresholds[i].since >= t->grace;
	if (met) {
		m->pressures[pressure].seen = true;
		m->pressures[pressure].last = now;
	}
}

const struct eviction_threshold *eviction_look(struct eviction_memory *m,
	const struct kubelet_configuration *c, const struct signal_level levels[SIGNALS],
	int64_t now)
{
	const struct eviction_threshold *found = NULL;

	for (size_t i = 0; i < c->threshold_count; i++) {
		const struct eviction_threshold *t = &c->thresholds[i];

		note(m, i, t, &levels[t->signal], now);
		/* Memory first: there is no living without it. */
		if (m->thresholds[i].acting &&
			(!found || (t->signal == SIGNAL_MEMORY && found->signal != SIGNAL_MEMORY)))
			found = t;
	}
	for (int p = 0; p < PRESSURES; p++)
		m->pressure[p] =
			m->pressures[p].seen && now - m->pressures[p].last < c->pressure_transition;
	return found;
}

bool eviction_is_resolved(
	const struct kubelet_configuration *c, const struct signal_level levels[SIGNALS])
{
	for (size_t i = 0; i < c->threshold_count; i++)
		if (is_met(&c->thresholds[i], &levels[c->thresholds[i].signal], true))
			return false;
	return true;
}

/* ---- who goes ---- */

bool pod_is_critical(const struct cJSON *pod)
{
	const struct cJSON *notes = json_path(pod, "metadata.annotations");

	return pod_is_static(pod) || json_get(notes, STR("kubernetes.io/config.mirror")) ||
	       tree_int(pod, "spec.priority", 0) >= SYSTEM_PRIORITY;
}

static int64_t requested(const struct cJSON *pod, const char *resource)
{
	struct quantity q = {0};
	struct arena a;

	arena_init(&a);
	const struct cJSON *sum = pod_sum(&a, json_get(pod, STR("spec")), "resources.requests");
	if (quantity_parse(json_str(json_get(sum, str_from(resource))), &q, NULL))
		q = (struct quantity){0};
	arena_done(&a);
	return quantity_value(q);
}

struct rank {
	struct pod_level level;
	bool exceeds; /* what it asks for */
	int64_t priority, beyond;
};

static int first_goes_first(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;

	if (!a->level.known || !b->level.known) {
		if (a->level.known != b->level.known)
			return a->level.known ? 1 : -1;
	} else if (a->exceeds != b->exceeds) {
		return a->exceeds ? -1 : 1;
	}
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->beyond != b->beyond)
		return a->beyond > b->beyond ? -1 : 1;
	return str_cmp(
		tree_str(a->level.pod, "metadata.uid"), tree_str(b->level.pod, "metadata.uid"));
}

static void weigh(struct rank *r, enum eviction_signal signal)
{
	const struct pod_level *p = &r->level;
	const char *resource = signals[signal].resource;
	int64_t used = p->memory, asked;

	r->priority = tree_int(p->pod, "spec.priority", 0);
	if (signal == SIGNAL_PIDS) {
		r->beyond = p->processes;
		return;
	}
	if (eviction_is_about_disk(signal)) {
		used = signals[signal].bytes ? p->disk : p->inodes;
		resource = signals[signal].bytes ? resource : "";
	}
	asked = *resource ? requested(p->pod, resource) : 0;
	r->exceeds = used > asked;
	r->beyond = used - asked;
}

void eviction_rank(struct pod_level *pods, size_t count, enum eviction_signal signal)
{
	struct arena a;

	arena_init(&a);
	struct rank *ranks = arena_new(&a, (count + 1) * sizeof(*ranks));
	for (size_t i = 0; i < count; i++) {
		ranks[i].level = pods[i];
		weigh(&ranks[i], signal);
	}
	qsort(ranks, count, sizeof(*ranks), first_goes_first);
	for (size_t i = 0; i < count; i++)
		pods[i] = ranks[i].level;
	arena_done(&a);
}

/* ---- in which words ---- */

static struct str print(struct arena *a, int64_t value, bool binary)
{
	return quantity_print(
		a, quantity_from_int(value, binary ? QUANTITY_BINARY_SI : QUANTITY_DECIMAL_SI));
}

static const struct cJSON *find_container(const struct cJSON *pod, struct str name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (str_eq(tree_str(container, "name"), name))
				return container;
	return NULL;
}

static void add_container(struct arena *a, struct buf *text, enum eviction_signal signal,
	const struct pod_level *pod, const struct container_level *c)
{
	const struct cJSON *spec = find_container(pod->pod, c->name);
	const char *resource = signals[signal].resource;
	int64_t used = signal == SIGNAL_MEMORY ? c->memory : c->disk;
	struct quantity asked = {0};

	if (!spec || !signals[signal].bytes)
		return;
	struct str said =
		json_str(json_get(json_path(spec, "resources.requests"), str_from(resource)));
	if (said.len && quantity_parse(said, &asked, NULL))
		asked = (struct quantity){0};
	if (quantity_cmp(quantity_from_int(used, QUANTITY_BINARY_SI), asked) <= 0)
		return;
	buf_print(text,
		"Container %.*s was using %.*s, request is %.*s, has larger consumption of %s. ",
		STRF(c->name), STRF(print(a, used, true)), STRF(quantity_print(a, asked)),
		resource);
}

struct str eviction_message(struct arena *a, const struct eviction_threshold *threshold,
	const struct signal_level levels[SIGNALS], const struct pod_level *pod)
{
	const struct signal_level *level = &levels[threshold->signal];
	int64_t least = eviction_quantity(&threshold->amount, level->capacity);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	buf_print(&text,
		"The node was low on resource: %s. Threshold quantity: %.*s, available: %.*s. ",
		signals[threshold->signal].resource,
		STRF(print(a, least, threshold->amount.binary)),
		STRF(print(a, level->available, signals[threshold->signal].bytes)));
	for (size_t i = 0; pod->known && i < pod->container_count; i++)
		add_container(a, &text, threshold->signal, pod, &pod->containers[i]);
	return arena_str(a, buf_str(&text));
}

int64_t eviction_grace(const struct kubelet_configuration *c,
	const struct eviction_threshold *threshold, const struct cJSON *pod)
{
	if (!threshold->grace)
		return GRACE_HARD;
	return MIN(c->eviction_max_grace,
		tree_int(pod, "spec.terminationGracePeriodSeconds", c->eviction_max_grace));
}

/* ---- limits of the pod's own ---- */

static bool read_limit(const struct cJSON *list, struct str name, struct quantity *q)
{
	struct str text = json_str(json_get(list, name));

	return text.len && !quantity_parse(text, q, NULL) && quantity_sign(*q) > 0;
}

static bool is_beyond(int64_t used, struct quantity limit)
{
	return quantity_cmp(quantity_from_int(used, QUANTITY_BINARY_SI), limit) > 0;
}

static struct str volume_excess(struct arena *a, const struct pod_level *pod)
{
	struct quantity limit;

	json_each (volume, json_path(pod->pod, "spec.volumes"))
		for (size_t i = 0; i < pod->volume_count; i++)
			if (str_eq(tree_str(volume, "name"), pod->volumes[i].name) &&
				read_limit(json_get(volume, STR("emptyDir")), STR("sizeLimit"),
					&limit) &&
				is_beyond(pod->volumes[i].bytes, limit))
				return arena_print(a,
					"Usage of EmptyDir volume \"%.*s\" exceeds the limit "
					"\"%.*s\". ",
					STRF(pod->volumes[i].name), STRF(quantity_print(a, limit)));
	return STR("");
}

static struct str pod_excess(struct arena *a, const struct pod_level *pod)
{
	const struct cJSON *limits =
		pod_sum(a, json_get(pod->pod, STR("spec")), "resources.limits");
	struct quantity limit;

	if (!read_limit(limits, STR("ephemeral-storage"), &limit) || !is_beyond(pod->disk, limit))
		return STR("");
	return arena_print(a,
		"Pod ephemeral local storage usage exceeds the total limit of containers %.*s. ",
		STRF(quantity_print(a, limit)));
}

static struct str container_excess(struct arena *a, const struct pod_level *pod)
{
	struct quantity limit;

	for (size_t i = 0; i < pod->container_count; i++) {
		const struct container_level *c = &pod->containers[i];

		json_each (spec, json_path(pod->pod, "spec.containers"))
			if (str_eq(tree_str(spec, "name"), c->name) &&
				read_limit(json_path(spec, "resources.limits"),
					STR("ephemeral-storage"), &limit) &&
				is_beyond(c->disk, limit))
				return arena_print(a,
					"Container %.*s exceeded its local ephemeral storage limit "
					"\"%.*s\". ",
					STRF(c->name), STRF(quantity_print(a, limit)));
	}
	return STR("");
}

struct str eviction_excess(struct arena *a, const struct pod_level *pod)
{
	struct str why = STR("");

	if (!pod->known || pod_is_critical(pod->pod))
		return why;
	why = volume_excess(a, pod);
	why = why.len ? why : pod_excess(a, pod);
	return why.len ? why : container_excess(a, pod);
}

bool pod_has_disk_limits(struct arena *a, const struct cJSON *pod)
{
	const struct cJSON *limits = pod_sum(a, json_get(pod, STR("spec")), "resources.limits");

	json_each (volume, json_path(pod, "spec.volumes"))
		if (tree_has(volume, "emptyDir.sizeLimit"))
			return true;
	return json_get(limits, STR("ephemeral-storage")) != NULL;
}

/* ---- who may come ---- */

static bool tolerates(const struct cJSON *pod, struct str key)
{
	json_each (t, json_path(pod, "spec.tolerations")) {
		struct str op = tree_str(t, "operator"), effect = tree_str(t, "effect");
		struct str name = tree_str(t, "key");
		bool exists = str_eq(op, STR("Exists"));

		if (effect.len && !str_eq(effect, STR("NoSchedule")))
			continue;
		if (name.len ? str_eq(name, key) && (exists || !tree_str(t, "value").len) : exists)
			return true;
	}
	return false;
}

bool eviction_admits(struct arena *a, const bool pressure[PRESSURES], const struct cJSON *pod,
	struct str *message)
{
	_cleanup_(buf_done) struct buf names = BUF_INIT(KIB);
	bool best_effort = strcmp(pod_qos(json_get(pod, STR("spec"))), "BestEffort") == 0;

	for (int p = 0; p < PRESSURES; p++)
		if (pressure[p])
			buf_print(&names, "%s%s", names.len ? " " : "",
				node_pressure_name((enum node_pressure)p));
	if (!names.len || pod_is_critical(pod))
		return true;
	if (!pressure[PRESSURE_DISK] && !pressure[PRESSURE_PIDS] &&
		(!best_effort || tolerates(pod, STR("node.kubernetes.io/memory-pressure"))))
		return true;
	*message = arena_print(a, "The node had condition: [%s]. ", buf_text(&names));
	return false;
}
