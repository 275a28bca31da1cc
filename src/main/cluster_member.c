/* A part's client and informers, and their end in the order that they need. */
#include "cluster_parts.h"

#include <kube/client_transport.h>
#include <kube/informer.h>

static const struct {
	const char *user, *group, *agent;
} identities[CLUSTER_PARTS] = {
	[PART_ADDONS] = {"kube-server", "system:masters", "kube-server/v1.36.0"},
	[PART_CONTROLLERS] = {"system:kube-controller-manager", "system:masters",
		"kube-controller-manager/v1.36.0"},
	[PART_SCHEDULER] = {"system:kube-scheduler", NULL, "kube-scheduler/v1.36.0"},
	[PART_PROXY] = {"system:kube-proxy", NULL, "kube-proxy/v1.36.0"},
	[PART_DNS] = {"system:kube-dns", "system:masters", "kube-dns/v1.36.0"},
	[PART_KUBELET] = {NULL, "system:nodes", "kubelet/v1.36.0"},
};

static void enter(void *ctx, struct http_exchange *x)
{
	struct cluster_member *m = ctx;

	api_server_handle_local(m->cluster->api, x, &m->who);
}

struct cluster_member *cluster_open_member(struct cluster *c, enum cluster_part part)
{
	struct cluster_member *m = &c->members[part];
	const struct client_options options = {.user_agent = identities[part].agent};

	m->groups[0] = identities[part].group;
	m->who.name = identities[part].user;
	if (!m->who.name)
		m->who.name =
			arena_print(&c->arena, "system:node:%.*s", STRF(c->options->node_name)).at;
	m->who.groups = m->groups;
	m->base.env = c->env;
	m->base.scope = c->root;
	m->base.client =
		client_new(c->env, client_transport_local(c->env, c->root, enter, m), &options);
	m->base.informers = informers_new(m->base.client, c->root);
	return m;
}

enum end_step { END_PART, END_INFORMERS, END_CLIENT, END_DONE };
static const char *const end_steps[] = {"part", "informers", "client", "done"};

static void end_run(struct task *t, struct err *err)
{
	struct cluster_member *m = CONTAINER_OF(t, struct cluster_member, ending);

	(void)err;
	switch ((enum end_step)t->step) {
	case END_PART:
		t->step = END_INFORMERS;
		if (m->part) {
			part_stop(m->part, task_await(t, END_INFORMERS, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_INFORMERS:
		if (!m->base.client)
			return task_finish(t, 0);
		informers_stop(m->base.informers, task_await(t, END_CLIENT, OP_NO_DEADLINE));
		return;
	case END_CLIENT:
		client_stop(m->base.client, task_await(t, END_DONE, OP_NO_DEADLINE));
		return;
	case END_DONE:
		task_finish(t, 0);
		return;
	}
}

void cluster_end_member(struct cluster_member *m, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("end of a part", end_steps, end_run);

	struct err none = {0};

	m->ending = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &m->ending);
	end_run(&m->ending, &none);
}

void cluster_free_member(struct cluster_member *m)
{
	part_free(m->part);
	informers_free(m->base.informers);
	client_free(m->base.client);
}
