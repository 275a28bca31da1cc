/* The tree of cgroups that pods stand in, by the class of their quality of service. */
#include "container_config.h"
#include "pod_prepare.h"

#include <kube/api_codec.h>
#include <kube/cgroup.h>
#include <kube/log.h>
#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/quantity.h>

static bool has_cgroups(const struct kubelet *k)
{
	return k->cgroups != NULL;
}

static char *path_of(const struct kubelet *k, const char *path)
{
	return mem_print("%.*s%s", STRF(k->options.cgroup_root), path);
}

/* memory 0: no limit. */
static void make_group(struct kubelet *k, const char *name, int64_t shares, int64_t memory)
{
	struct cgroup_limits limits = {.cpu_shares = shares, .memory = memory};
	_cleanup_(err_done) struct err err = {0};
	char *path = path_of(k, name);

	if (cgroup_make(k->cgroups, path, &err) || cgroup_limit(k->cgroups, path, &limits, &err))
		log_warning(&err, "a cgroup cannot be made", LOG_STR("path", str_from(path)));
	mem_free(path);
}

static int64_t memory_in(const struct cJSON *list)
{
	struct quantity q;

	return quantity_parse(tree_str(list, "memory"), &q, NULL) ? 0 : quantity_value(q);
}

/* Of all pods together, when some of the node's is reserved for others. */
static int64_t pods_memory(const struct kubelet *k)
{
	int64_t reserved = memory_in(k->configuration.system_reserved) +
			   memory_in(k->configuration.kube_reserved);

	return reserved ? MAX(memory_in(k->facts.capacity) - reserved, (int64_t)MIB) : 0;
}

void pod_cgroups_open(struct kubelet *k)
{
	_cleanup_(err_done) struct err err = {0};
	struct quantity cpus = {0};

	if (str_eq(k->options.cgroup_root, STR("-")))
		return;
	k->cgroups = mem_new(sizeof(*k->cgroups));
	if (cgroup_load(k->cgroups, &err)) {
		log_warning(&err, "pods go without cgroups");
		cgroup_done(k->cgroups);
		mem_free(TAKE(k->cgroups));
		return;
	}
	quantity_parse(tree_str(k->facts.capacity, "cpu"), &cpus, NULL);
	make_group(k, "/kubepods", MAX(quantity_value(cpus), 1) * 1024, pods_memory(k));
	make_group(k, "/kubepods/burstable", 2, 0);
	/* What asks for nothing gets what nobody else wants. */
	make_group(k, "/kubepods/besteffort", 2, 0);
}

void pod_cgroups_close(struct kubelet *k)
{
	if (!has_cgroups(k))
		return;
	cgroup_done(k->cgroups);
	mem_free(TAKE(k->cgroups));
}

/* ---- one pod's ---- */

/* Those that ask for something get as much beside those that are guaranteed theirs. */
static int64_t burstable_shares(const struct kubelet *k)
{
	int64_t milli = 0;

	map_each (it, &k->workers) {
		const struct pod_worker *w = it.value;
		const struct cJSON *spec = json_get(w->state->pod, STR("spec"));
		struct quantity cpu = {0};
		struct arena a;

		if (w->life >= LIFE_LEAVING || strcmp(pod_qos(spec), "Burstable") != 0)
			continue;
		arena_init(&a);
		if (!quantity_parse(
			    tree_str(pod_sum(&a, spec, "resources.requests"), "cpu"), &cpu, NULL))
			milli += quantity_milli(cpu);
		arena_done(&a);
	}
	return MIN(MAX(milli * 1024 / 1000, 2), 262144);
}

static void share(struct pod_cgroup_work *c)
{
	const struct cgroup_limits limits = {.cpu_shares = c->shares};
	_cleanup_(err_done) struct err err = {0};

	if (cgroup_limit(c->k->cgroups, c->burstable, &limits, &err))
		log_warning(&err, "shares of pods cannot be set");
}

static void make_on_worker(struct work *w)
{
	struct pod_cgroup_work *c = CONTAINER_OF(w, struct pod_cgroup_work, work);
	const struct cgroup_limits limits = {.cpu_period = c->limits.cpu_period,
		.cpu_quota = c->limits.cpu_quota,
		.cpu_shares = c->limits.cpu_shares,
		.memory = c->limits.memory,
		.pids = c->limits.pids};

	share(c);
	if (!cgroup_make(c->k->cgroups, c->path, &w->err))
		cgroup_limit(c->k->cgroups, c->path, &limits, &w->err);
}

/* ERR_CONFLICT: something of it still runs, and has been killed now. */
static void remove_on_worker(struct work *w)
{
	struct pod_cgroup_work *c = CONTAINER_OF(w, struct pod_cgroup_work, work);

	share(c);
	if (cgroup_remove(c->k->cgroups, c->path, &w->err) == ERR_CONFLICT)
		cgroup_kill(c->k->cgroups, c->path);
}

static void prepare(struct kubelet *k, struct pod_cgroup_work *c, const struct cJSON *pod)
{
	struct arena a;

	pod_cgroup_done(c);
	arena_init(&a);
	c->k = k;
	c->path = path_of(k, pod_cgroup(&a, pod).at);
	c->burstable = path_of(k, "/kubepods/burstable");
	c->shares = burstable_shares(k);
	pod_limits(&k->configuration, pod, &c->limits);
	c->limits.pids = MAX(k->configuration.pod_pids_limit, 0);
	arena_done(&a);
}

static void run(struct kubelet *k, struct pod_cgroup_work *c, struct op *op, work_fn *what)
{
	if (has_cgroups(k))
		work_start(&c->work, op, WORK_DISK, what);
	else
		op_yield(op);
}

void pod_cgroup_make(
	struct kubelet *k, struct pod_cgroup_work *c, struct op *op, const struct cJSON *pod)
{
	prepare(k, c, pod);
	run(k, c, op, make_on_worker);
}

static int64_t wider(int64_t old, int64_t fresh)
{
	/* 0: no limit is said of one, so none is in the way. */
	return old && fresh ? MAX(old, fresh) : 0;
}

void pod_cgroup_widen(struct kubelet *k, struct pod_cgroup_work *c, struct op *op,
	const struct cJSON *had, const struct cJSON *pod)
{
	struct container_limits old = {0};

	if (had)
		pod_limits(&k->configuration, had, &old);
	prepare(k, c, pod);
	if (!had) {
		/* A group below one that is narrower is refused: until it is fitted it has no
		 * limit. */
		c->limits.memory = c->limits.cpu_quota = -1;
		run(k, c, op, make_on_worker);
		return;
	}
	c->limits.memory = wider(old.memory, c->limits.memory);
	c->limits.cpu_quota = wider(old.cpu_quota, c->limits.cpu_quota);
	c->limits.cpu_shares = MAX(old.cpu_shares, c->limits.cpu_shares);
	run(k, c, op, make_on_worker);
}

void pod_cgroup_remove(
	struct kubelet *k, struct pod_cgroup_work *c, struct op *op, const struct cJSON *pod)
{
	prepare(k, c, pod);
	run(k, c, op, remove_on_worker);
}

void pod_cgroup_done(struct pod_cgroup_work *c)
{
	mem_free(TAKE(c->path));
	mem_free(TAKE(c->burstable));
}
