#include <kube/identities.h>

#include <kube/client_transport.h>
#include <kube/mem.h>
#include <kube/task.h>

struct identity {
	struct link in_all;
	const char *account;
	struct client *client;
};

struct identities {
	struct env *env;
	struct identities_options options;
	struct arena arena;
	struct list items;
	struct task stopping;
	struct link *next; /* the one to be stopped */
};

struct identities *identities_new(struct env *env, const struct identities_options *options)
{
	struct identities *all = mem_new(sizeof(*all));

	all->env = env;
	all->options = *options;
	arena_init(&all->arena);
	list_init(&all->items);
	return all;
}

struct client *identities_client(struct identities *all, const char *account)
{
	struct client_options options = all->options.client;

	list_each (k, &all->items) {
		struct identity *i = LIST_ENTRY(k, struct identity, in_all);

		if (strcmp(i->account, account) == 0)
			return i->client;
	}
	struct identity *i = arena_new(&all->arena, sizeof(*i));
	i->account = arena_text(&all->arena, account);
	options.user_agent = arena_print(&all->arena, "%s/%s", options.user_agent, account).at;
	i->client = client_new(
		all->env, all->options.transport(all->options.ctx, i->account), &options);
	list_push(&all->items, &i->in_all);
	return i->client;
}

/* ---- the end ---- */

enum stop_step { STOP_NEXT, STOP_DONE };
static const char *const stop_steps[] = {"client", "done"};

static void stop_run(struct task *t, struct err *err)
{
	struct identities *all = CONTAINER_OF(t, struct identities, stopping);
	struct client_transport *below = all->options.below;

	(void)err;
	if (t->step == STOP_DONE || (!all->next && !below)) {
		task_finish(t, 0);
		return;
	}
	if (!all->next) {
		below->ops->stop(below, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	}
	struct identity *i = LIST_ENTRY(all->next, struct identity, in_all);
	all->next = list_next(&all->items, all->next);
	client_stop(i->client, task_await(t, STOP_NEXT, OP_NO_DEADLINE));
}

void identities_stop(struct identities *all, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("identities stop", stop_steps, stop_run);
	struct err none = {0};

	all->next = list_first(&all->items);
	all->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &all->stopping);
	stop_run(&all->stopping, &none);
}

void identities_free(struct identities *all)
{
	if (!all)
		return;
	list_each (k, &all->items)
		client_free(LIST_ENTRY(k, struct identity, in_all)->client);
	if (all->options.below)
		all->options.below->ops->free(all->options.below);
	arena_done(&all->arena);
	mem_free(all);
}
