/* The node's CIDRs: what they say about addresses, and what they make of the node. */
#include <kube/mem.h>

#include "cable.h"
#include "network.h"

/* ---- addresses ---- */

static int fits(
	const struct address_range *ranges, size_t count, const struct pod *pod, struct err *err)
{
	for (size_t i = 0; i < pod->ip_count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(256);
		bool has = false;

		for (size_t k = 0; k < count; k++)
			has = has || address_range_has(&ranges[k], &pod->ips[i]);
		if (has)
			continue;
		for (size_t k = 0; k < count; k++) {
			buf_add_text(&text, k ? ", " : "");
			cidr_print(&text, &ranges[k].cidr);
		}
		buf_add_text(&text, ", but a pod here has ");
		ip_print(&text, &pod->ips[i]);
		return err_set(err, ERR_CONFLICT,
			"the node's pod CIDRs have changed to %s: delete the pods of this node "
			"first",
			buf_text(&text));
	}
	return 0;
}

int cidrs_take(struct pod_network *n, const struct cidr *cidrs, size_t count, struct err *err)
{
	struct address_range ranges[2];
	int code = 0;

	if (count < 1 || count > ARRAY_LEN(ranges) ||
		(count == 2 && cidrs[0].ip.len == cidrs[1].ip.len))
		return err_set(
			err, ERR_INVALID, "a node has one pod CIDR, or one of each address family");
	for (size_t i = 0; !code && i < count; i++)
		code = address_range_init(&ranges[i], &cidrs[i], err);
	if (code)
		return code;
	map_each (it, &n->pods) {
		code = fits(ranges, count, it.value, err);
		if (code)
			return code;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < n->last_count; k++)
			address_range_pass(&ranges[i], &n->last[k]);
	memcpy(n->ranges, ranges, sizeof(ranges));
	n->range_count = count;
	return 0;
}

/* ---- the node ---- */

enum set_step { SET_BEGIN, SET_PREPARED, SET_SENT };
static const char *const steps[] = {"begin", "prepared", "sent"};

struct setting {
	struct job job;
	struct work work;
	struct rules_wait wait;
	struct cidr cidrs[2];
	size_t count;
	bool before; /* those of before: nobody is told when they do not work */
};

static void set_free(struct job *job)
{
	mem_free(CONTAINER_OF(job, struct setting, job));
}

static void prepare_work(struct work *w)
{
	struct setting *s = CONTAINER_OF(w, struct setting, work);
	const struct pod_network *n = s->job.network;
	int code = 0;

	if (!s->before)
		code = records_set_cidrs(n->env->disk, n->directory, s->cidrs, s->count, &w->err);
	if (!code)
		cable_prepare_node(s->cidrs, s->count, &w->err);
}

static bool are_now(const struct pod_network *n, const struct setting *s)
{
	if (n->range_count != s->count)
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (!ip_eq(&n->ranges[i].cidr.ip, &s->cidrs[i].ip) ||
			n->ranges[i].cidr.bits != s->cidrs[i].bits)
			return false;
	return true;
}

static void end(struct setting *s, struct err *err)
{
	struct pod_network *n = s->job.network;

	n->prepared = !err->code;
	err_done(&n->failed);
	if (err->code)
		err_copy(&n->failed, err);
	if (s->before)
		err_done(err);
	job_end(&s->job, err);
}

static void begin(struct setting *s)
{
	struct pod_network *n = s->job.network;
	struct err err = {0};

	rules_watch(n);
	if (s->before && !n->range_count) {
		job_end(&s->job, &err);
		return;
	}
	if (n->prepared && are_now(n, s)) {
		end(s, &err);
		return;
	}
	/* What is ready stays so when it is not these. */
	if (!s->before && cidrs_take(n, s->cidrs, s->count, &err)) {
		job_end(&s->job, &err);
		return;
	}
	/* As they are, without bits of hosts. */
	s->count = n->range_count;
	for (size_t i = 0; i < s->count; i++)
		s->cidrs[i] = n->ranges[i].cidr;
	n->prepared = false;
	work_start(&s->work, task_await(&s->job.task, SET_PREPARED, OP_NO_DEADLINE), WORK_NETLINK,
		prepare_work);
}

static void set_run(struct task *t, struct err *err)
{
	struct setting *s = CONTAINER_OF(t, struct setting, job.task);

	switch ((enum set_step)t->step) {
	case SET_BEGIN:
		begin(s);
		break;
	case SET_PREPARED:
		if (err->code)
			end(s, err);
		else
			rules_send(
				s->job.network, task_await(t, SET_SENT, OP_NO_DEADLINE), &s->wait);
		break;
	case SET_SENT:
		end(s, err);
		break;
	}
}

static const struct task_kind set_kind = TASK_KIND("set pod CIDRs", steps, set_run);

void pod_network_start(struct pod_network *n, struct op *op)
{
	struct setting *s = mem_new(sizeof(*s));

	s->before = true;
	job_start(&s->job, n, op, &set_kind, set_free);
}

void pod_network_set_cidrs(
	struct pod_network *n, struct op *op, const struct cidr *cidrs, size_t count)
{
	struct setting *s = mem_new(sizeof(*s));

	/* One too many is refused like many. */
	s->count = MIN(count, ARRAY_LEN(s->cidrs) + 1);
	memcpy(s->cidrs, cidrs, MIN(count, ARRAY_LEN(s->cidrs)) * sizeof(*cidrs));
	job_start(&s->job, n, op, &set_kind, set_free);
}
