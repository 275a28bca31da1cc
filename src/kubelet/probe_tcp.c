#include "probe.h"

#include <kube/api_codec.h>

enum tcp_step { TCP_RESOLVE, TCP_CONNECT, TCP_OVER };
static const char *const tcp_steps[] = {"resolve", "connect", "over"};

static void refused(struct probe *p, const struct err *err)
{
	probe_answer(p, PROBE_BAD, "dial tcp %.*s: %.*s",
		STRF(probe_place(&p->arena, p->first_host, p->port)),
		STRF(probe_reason(&p->arena, err)));
}

static void resolve(struct probe *p)
{
	_cleanup_(err_done) struct err why = {0};

	p->first_host = tree_str(p->handler, "tcpSocket.host");
	if (!p->first_host.len)
		p->first_host = p->ip;
	if (probe_port(json_path(p->handler, "tcpSocket.port"), p->container, &p->port, &why))
		probe_answer(p, PROBE_ERROR, "%s", err_text(&why));
	else
		net_resolve(kubelet_env(p->k), task_await(&p->task, TCP_CONNECT, p->until),
			p->first_host, &p->found);
}

static void tcp_run(struct task *t, struct err *err)
{
	struct probe *p = CONTAINER_OF(t, struct probe, task);
	struct address at;

	if (err->code == ERR_CANCELLED)
		return task_fail(t, err);
	if (err->code)
		return refused(p, err);
	switch ((enum tcp_step)t->step) {
	case TCP_RESOLVE:
		resolve(p);
		return;
	case TCP_CONNECT:
		at = address_of(p->found.items[0], p->port);
		net_connect(kubelet_env(p->k), task_await(t, TCP_OVER, p->until), &p->k->scope, &at,
			&p->stream);
		return;
	case TCP_OVER:
		stream_close(TAKE(p->stream));
		probe_answer(p, PROBE_GOOD, "%s", "");
	}
}

static const struct task_kind tcp_kind = TASK_KIND("tcp probe", tcp_steps, tcp_run);

void probe_tcp(struct probe *p, struct op *op)
{
	task_start(&p->task, &tcp_kind, op);
}
