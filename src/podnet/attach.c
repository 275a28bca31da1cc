/*
 * A pod is connected: addresses of its own, on disk; the cable; its host ports. What was begun for
 * a new pod is undone when it fails, and for one that was found running it stays.
 */
#include <kube/mem.h>

#include "cable.h"
#include "network.h"

enum attach_step { ATTACH_BEGIN, ATTACH_WIRED, ATTACH_OPENED, ATTACH_UNDONE };
static const char *const steps[] = {"begin", "wired", "opened", "undone"};

struct attach {
	struct job job;
	struct work work;
	struct rules_wait wait;
	const struct sandbox *sandbox; /* until the first await */
	struct pod *pod;
	bool is_new;
	char *netns;
	struct ip *ips; /* the caller's */
	size_t *ip_count;
	/* for the worker, which sees nothing of the loop's */
	struct record record;
	struct ip own[2];
	size_t own_count;
	uint32_t mtu;
	struct runtime_bandwidth bandwidth;
	struct err first; /* why it is being undone */
};

static void attach_free(struct job *job)
{
	struct attach *a = CONTAINER_OF(job, struct attach, job);

	err_done(&a->first);
	mem_free(a->netns);
	mem_free(a);
}

/* ---- on a worker ---- */

static int record_addresses(struct attach *a, struct err *err)
{
	const struct pod_network *n = a->job.network;
	int code = 0;

	for (size_t i = 0; !code && i < a->own_count; i++) {
		a->record.ip = a->own[i];
		code = records_add(n->env->disk, n->directory, &a->record, err);
	}
	if (!code)
		records_note_last(n->env->disk, n->directory, a->own, a->own_count);
	return code;
}

static void undo(struct attach *a, struct err *err)
{
	const struct pod_network *n = a->job.network;

	if (cable_cut(&a->record.sandbox, 1, err) == 0)
		records_remove(n->env->disk, n->directory, a->own, a->own_count, err);
}

static void wire_work(struct work *w)
{
	struct attach *a = CONTAINER_OF(w, struct attach, work);
	const struct cable cable = {.sandbox = a->record.sandbox.at,
		.netns = a->netns,
		.ips = a->own,
		.ip_count = a->own_count,
		.mtu = a->mtu,
		.bandwidth = a->bandwidth};
	int code = a->is_new ? record_addresses(a, &w->err) : 0;

	if (!code)
		code = cable_connect(&cable, &w->err);
	if (code && a->is_new)
		undo(a, NULL);
}

static void undo_work(struct work *w)
{
	undo(CONTAINER_OF(w, struct attach, work), &w->err);
}

/* ---- on the loop ---- */

static int check_known(const struct pod *pod, const struct ip *ips, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		bool has = false;

		for (size_t k = 0; k < pod->ip_count; k++)
			has = has || ip_eq(&pod->ips[k], &ips[i]);
		if (!has)
			return err_set(err, ERR_CONFLICT,
				"sandbox %s has other addresses than it had", pod->id);
	}
	return 0;
}

static int take_pod(struct attach *a, struct err *err)
{
	const struct sandbox *sandbox = a->sandbox;
	struct pod_network *n = a->job.network;
	int code;

	if (!sandbox->netns || !sandbox->id.len || sandbox->id.len > RECORD_ID_MAX ||
		sandbox->ports.count > RECORD_PORTS_MAX)
		return err_set(err, ERR_INVALID, "sandbox %.*s cannot be connected",
			STRF(str_sub(sandbox->id, 0, RECORD_ID_MAX)));
	a->pod = pod_find(n, sandbox->id);
	if (a->pod && a->pod->busy)
		return err_set(err, ERR_CONFLICT, "sandbox %s is being connected or disconnected",
			a->pod->id);
	if (a->pod)
		return check_known(a->pod, a->ips, *a->ip_count, err);
	/* One that runs is not given up because the node is not ready for more. */
	if (!pod_network_ready(n, err))
		return ERR_UNAVAILABLE;
	code = pod_new(n, sandbox->id, a->ips, *a->ip_count, &a->pod, err);
	if (code)
		return code;
	a->is_new = true;
	pod_set_ports(a->pod, &sandbox->ports);
	/* Nobody is told of its ports before it is there. */
	a->pod->leaving = true;
	return 0;
}

static void begin(struct attach *a)
{
	struct pod_network *n = a->job.network;
	struct err err = {0};

	if (take_pod(a, &err)) {
		job_end(&a->job, &err);
		return;
	}
	a->pod->busy = true;
	a->netns = mem_copy_text(a->sandbox->netns);
	a->mtu = n->mtu;
	a->bandwidth = a->sandbox->bandwidth;
	a->record = (struct record){.sandbox = str_from(a->pod->id),
		.ports = {.items = a->pod->ports, .count = a->pod->port_count}};
	pod_ips(n, a->pod, a->own, &a->own_count);
	work_start(&a->work, task_await(&a->job.task, ATTACH_WIRED, OP_NO_DEADLINE), WORK_NETLINK,
		wire_work);
}

static void wired(struct attach *a, struct err *err)
{
	struct pod_network *n = a->job.network;

	if (err->code) {
		if (a->is_new)
			pod_forget(n, a->pod);
		else
			a->pod->busy = false;
		job_end(&a->job, err);
		return;
	}
	a->pod->recorded = true;
	a->pod->leaving = false;
	if (!a->pod->port_count) {
		a->pod->busy = false;
		pod_ips(n, a->pod, a->ips, a->ip_count);
		job_end(&a->job, err);
		return;
	}
	rules_note_ports(n, a->pod);
	rules_send(n, task_await(&a->job.task, ATTACH_OPENED, OP_NO_DEADLINE), &a->wait);
}

/* Rules for a pod that was found running are sent again soon: it goes on meanwhile. */
static void opened(struct attach *a, struct err *err)
{
	struct pod_network *n = a->job.network;

	if (!a->is_new && err->code != ERR_CANCELLED)
		err_done(err);
	if (!err->code || !a->is_new) {
		a->pod->busy = false;
		if (!err->code)
			pod_ips(n, a->pod, a->ips, a->ip_count);
		job_end(&a->job, err);
		return;
	}
	err_move(&a->first, err);
	a->pod->leaving = true;
	rules_note_ports(n, a->pod);
	rules_touch(n);
	work_start(&a->work, task_await(&a->job.task, ATTACH_UNDONE, OP_NO_DEADLINE), WORK_NETLINK,
		undo_work);
}

/* What could not be undone is there for detach, or for the next start to find. */
static void undone(struct attach *a, const struct err *err)
{
	if (err->code)
		a->pod->busy = false;
	else
		pod_forget(a->job.network, a->pod);
	struct err first = TAKE(a->first);
	job_end(&a->job, &first);
}

static void attach_run(struct task *t, struct err *err)
{
	struct attach *a = CONTAINER_OF(t, struct attach, job.task);

	switch ((enum attach_step)t->step) {
	case ATTACH_BEGIN:
		begin(a);
		break;
	case ATTACH_WIRED:
		wired(a, err);
		break;
	case ATTACH_OPENED:
		opened(a, err);
		break;
	case ATTACH_UNDONE:
		undone(a, err);
		break;
	}
}

void network_attach(struct runtime_network *r, struct op *op, const struct sandbox *sandbox,
	struct ip ips[2], size_t *ip_count)
{
	static const struct task_kind kind = TASK_KIND("attach", steps, attach_run);
	struct attach *a = mem_new(sizeof(*a));

	a->sandbox = sandbox;
	a->ips = ips;
	a->ip_count = ip_count;
	job_start(&a->job, CONTAINER_OF(r, struct pod_network, runtime), op, &kind, attach_free);
}
