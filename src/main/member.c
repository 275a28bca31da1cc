#include "member.h"

#include <kube/client_transport.h>
#include <kube/leader.h>

void member_open(struct member *m, struct env *env, struct scope *scope,
	struct client_transport *transport, const struct client_options *options)
{
	m->base.env = env;
	m->base.scope = scope;
	m->base.client = client_new(env, transport, options);
	m->base.informers = informers_new(m->base.client, scope);
}

void member_identify(struct member *m, const struct client_options *options,
	identities_transport_fn *transport, void *ctx, struct client_transport *below)
{
	const struct identities_options identities = {
		.client = *options, .transport = transport, .ctx = ctx, .below = below};

	m->base.identities = identities_new(m->base.env, &identities);
}

enum end_step { END_PART, END_LEADER, END_IDENTITIES, END_INFORMERS, END_CLIENT, END_DONE };
static const char *const end_steps[] = {
	"part", "leader", "identities", "informers", "client", "done"};

static void end_run(struct task *t, struct err *err)
{
	struct member *m = CONTAINER_OF(t, struct member, ending);

	(void)err;
	switch ((enum end_step)t->step) {
	case END_PART:
		if (m->part) {
			part_stop(m->part, task_await(t, END_LEADER, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_LEADER:
		/* Whoever leads next must find all of our writing over. */
		if (m->leader) {
			leader_stop(m->leader, task_await(t, END_IDENTITIES, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case END_IDENTITIES:
		if (m->base.identities) {
			identities_stop(
				m->base.identities, task_await(t, END_INFORMERS, OP_NO_DEADLINE));
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

void member_end(struct member *m, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("end of a part", end_steps, end_run);
	struct err none = {0};

	m->ending = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &m->ending);
	end_run(&m->ending, &none);
}

void member_free(struct member *m)
{
	part_free(m->part);
	leader_free(m->leader);
	informers_free(m->base.informers);
	identities_free(m->base.identities);
	client_free(m->base.client);
}
