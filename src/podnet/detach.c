/*
 * A pod is disconnected: its host ports are closed, the cable is cut, then its addresses are free,
 * on disk and here. Whatever of it is missing is fine.
 */
#include <kube/mem.h>

#include "network.h"

enum detach_step { DETACH_BEGIN, DETACH_CLOSED, DETACH_CUT };
static const char *const steps[] = {"begin", "closed", "cut"};

struct detach {
	struct job job;
	struct rules_wait wait;
	struct cut_wait cut;
	struct pod *pod; /* NULL: one we do not know */
	char *id;
	struct ip ips[2];
	size_t ip_count;
};

static void detach_free(struct job *job)
{
	struct detach *d = CONTAINER_OF(job, struct detach, job);

	mem_free(d->id);
	mem_free(d);
}

static void cut(struct detach *d)
{
	d->cut = (struct cut_wait){
		.sandbox = str_from(d->id), .ips = d->ips, .ip_count = d->ip_count};
	cutter_cut(d->job.network, task_await(&d->job.task, DETACH_CUT, OP_NO_DEADLINE), &d->cut);
}

static void begin(struct detach *d)
{
	struct pod_network *n = d->job.network;
	struct err err = {0};

	d->pod = pod_find(n, str_from(d->id));
	if (d->pod && d->pod->busy) {
		err_set(&err, ERR_CONFLICT, "sandbox %s is being connected or disconnected", d->id);
		job_end(&d->job, &err);
		return;
	}
	if (!d->pod) {
		cut(d);
		return;
	}
	d->pod->busy = true;
	d->pod->leaving = true;
	memcpy(d->ips, d->pod->ips, sizeof(d->ips));
	d->ip_count = d->pod->ip_count;
	if (!d->pod->port_count) {
		cut(d);
		return;
	}
	rules_note_ports(n, d->pod);
	rules_send(n, task_await(&d->job.task, DETACH_CLOSED, OP_NO_DEADLINE), &d->wait);
}

/* Rules that could not be sent will be, with those of the next change; the pod goes all the same.
 */
static void closed(struct detach *d, struct err *err)
{
	if (err->code != ERR_CANCELLED) {
		cut(d);
		return;
	}
	d->pod->busy = false;
	job_end(&d->job, err);
}

static void was_cut(struct detach *d, struct err *err)
{
	if (d->pod && err->code)
		d->pod->busy = false;
	else if (d->pod)
		pod_forget(d->job.network, d->pod);
	job_end(&d->job, err);
}

static void detach_run(struct task *t, struct err *err)
{
	struct detach *d = CONTAINER_OF(t, struct detach, job.task);

	switch ((enum detach_step)t->step) {
	case DETACH_BEGIN:
		begin(d);
		break;
	case DETACH_CLOSED:
		closed(d, err);
		break;
	case DETACH_CUT:
		was_cut(d, err);
		break;
	}
}

void network_detach(struct runtime_network *r, struct op *op, const struct sandbox *sandbox)
{
	static const struct task_kind kind = TASK_KIND("detach", steps, detach_run);
	struct detach *d = mem_new(sizeof(*d));

	d->id = str_dup(sandbox->id);
	job_start(&d->job, CONTAINER_OF(r, struct pod_network, runtime), op, &kind, detach_free);
}
