/* What belongs to no sandbox goes: after a crash, or when a runtime has lost one. */
#include <kube/mem.h>

#include "cable.h"
#include "network.h"

enum keep_step { KEEP_BEGIN, KEEP_LISTED, KEEP_CUT, KEEP_SENT };
static const char *const steps[] = {"begin", "listed", "cut", "sent"};

struct keeping {
	struct job job;
	struct work work;
	struct rules_wait wait;
	struct arena arena;
	struct map known;  /* what the caller has told */
	struct str *names; /* of links: first all, then those that go */
	size_t name_count;
	struct pod **doomed;
	size_t doomed_count;
	struct ip *ips; /* of those */
	size_t ip_count;
	bool had_ports;
};

static void keep_free(struct job *job)
{
	struct keeping *k = CONTAINER_OF(job, struct keeping, job);

	map_done(&k->known);
	arena_done(&k->arena);
	mem_free(k);
}

static void list_work(struct work *w)
{
	struct keeping *k = CONTAINER_OF(w, struct keeping, work);

	cable_list(&k->arena, &k->names, &k->name_count, &w->err);
}

static void cut_work(struct work *w)
{
	struct keeping *k = CONTAINER_OF(w, struct keeping, work);
	const struct pod_network *n = k->job.network;

	if (cable_cut_names(k->names, k->name_count, &w->err) == 0)
		records_remove(n->env->disk, n->directory, k->ips, k->ip_count, &w->err);
}

static void doom(struct keeping *k, struct pod *pod)
{
	pod->busy = true;
	pod->leaving = true;
	rules_note_ports(k->job.network, pod);
	k->had_ports = k->had_ports || pod->port_count;
	k->doomed[k->doomed_count++] = pod;
	for (size_t i = 0; i < pod->ip_count; i++)
		k->ips[k->ip_count++] = pod->ips[i];
}

/* The pods are judged by what they were when keep was called: later ones are nobody's orphans. */
static void begin(struct keeping *k)
{
	struct pod_network *n = k->job.network;
	size_t count = n->pods.count;

	k->doomed = arena_new(&k->arena, (count + 1) * sizeof(*k->doomed));
	k->ips = arena_new(&k->arena, (2 * count + 1) * sizeof(*k->ips));
	map_each (it, &n->pods) {
		struct pod *pod = it.value;

		if (!pod->busy && !map_has(&k->known, str_from(pod->id)))
			doom(k, pod);
	}
	work_start(&k->work, task_await(&k->job.task, KEEP_LISTED, OP_NO_DEADLINE), WORK_NETLINK,
		list_work);
}

static bool is_doomed(const struct keeping *k, const struct pod *pod)
{
	for (size_t i = 0; i < k->doomed_count; i++)
		if (k->doomed[i] == pod)
			return true;
	return false;
}

static void was_cut(struct keeping *k, struct err *err)
{
	for (size_t i = 0; i < k->doomed_count; i++) {
		if (err->code)
			k->doomed[i]->busy = false;
		else
			pod_forget(k->job.network, k->doomed[i]);
	}
	if (err->code || !k->had_ports)
		job_end(&k->job, err);
	else
		rules_send(k->job.network, task_await(&k->job.task, KEEP_SENT, OP_NO_DEADLINE),
			&k->wait);
}

/* Pods that came while links were being listed have theirs, perhaps half made. */
static void listed(struct keeping *k, struct err *err)
{
	struct pod_network *n = k->job.network;
	struct map names;
	size_t count = 0;

	if (err->code) {
		was_cut(k, err);
		return;
	}
	map_init(&names);
	map_each (it, &n->pods) {
		const struct pod *pod = it.value;
		char name[ROUTE_NAME_MAX];

		cable_name(str_from(pod->id), name);
		if (!is_doomed(k, pod))
			map_set(&names, str_from(name), NULL);
	}
	for (size_t i = 0; i < k->name_count; i++)
		if (!map_has(&names, k->names[i]))
			k->names[count++] = k->names[i];
	k->name_count = count;
	map_done(&names);
	work_start(&k->work, task_await(&k->job.task, KEEP_CUT, OP_NO_DEADLINE), WORK_NETLINK,
		cut_work);
}

static void keep_run(struct task *t, struct err *err)
{
	struct keeping *k = CONTAINER_OF(t, struct keeping, job.task);

	switch ((enum keep_step)t->step) {
	case KEEP_BEGIN:
		begin(k);
		break;
	case KEEP_LISTED:
		listed(k, err);
		break;
	case KEEP_CUT:
		was_cut(k, err);
		break;
	case KEEP_SENT:
		job_end(&k->job, err);
		break;
	}
}

void pod_network_keep(
	struct pod_network *n, struct op *op, const struct str *sandboxes, size_t count)
{
	static const struct task_kind kind = TASK_KIND("keep pods", steps, keep_run);
	struct keeping *k = mem_new(sizeof(*k));

	arena_init(&k->arena);
	map_init(&k->known);
	for (size_t i = 0; i < count; i++)
		map_set(&k->known, sandboxes[i], NULL);
	job_start(&k->job, n, op, &kind, keep_free);
}
