#include "environment.h"
#include "probe.h"

#include <kube/api_codec.h>
#include <kube/time.h>

enum exec_step { EXEC_RUN, EXEC_OVER };
static const char *const exec_steps[] = {"run", "over"};

/* Of variables only those that are plainly written in the spec are known here. */
static void set_command(struct probe *p)
{
	const struct cJSON *command = json_path(p->handler, "exec.command");
	struct str *words = arena_alloc(&p->arena, (json_count(command) + 1) * sizeof(*words));
	struct environment env = {.arena = &p->arena};

	json_each (entry, json_get(p->container, STR("env")))
		if (!tree_has(entry, "valueFrom"))
			environment_set(&env, tree_str(entry, "name"), tree_str(entry, "value"));
	p->exec = (struct runtime_exec){
		.container = p->id, .command = words, .out = &p->body, .err = &p->body};
	json_each (word, command)
		words[p->exec.command_count++] = expand(&p->arena, json_str(word), &env);
}

static struct str joined(struct probe *p)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	for (size_t i = 0; i < p->exec.command_count; i++)
		buf_print(&text, "%s%.*s", i ? " " : "", STRF(p->exec.command[i]));
	return arena_str(&p->arena, buf_str(&text));
}

static void exec_run(struct task *t, struct err *err)
{
	struct probe *p = CONTAINER_OF(t, struct probe, task);
	struct runtime *r = p->k->runtime;
	_cleanup_(buf_done) struct buf took = BUF_INIT(64);

	if (t->step == EXEC_RUN) {
		set_command(p);
		r->ops->exec(r, task_await(t, EXEC_OVER, p->until), &p->exec);
	} else if (err->code == ERR_CANCELLED) {
		task_fail(t, err);
	} else if (err->code == ERR_TIMEOUT) {
		duration_print(&took, p->timeout);
		probe_answer(p, PROBE_BAD, "command \"%.*s\" timed out after %s", STRF(joined(p)),
			buf_text(&took));
	} else if (err->code) {
		probe_answer(p, PROBE_ERROR, "rpc error: code = Unknown desc = %s", err_text(err));
	} else {
		probe_answer(p, p->exec.exit_code ? PROBE_BAD : PROBE_GOOD, "%.*s",
			STRF(buf_str(&p->body)));
	}
}

static const struct task_kind exec_kind = TASK_KIND("exec probe", exec_steps, exec_run);

void probe_exec(struct probe *p, struct op *op)
{
	task_start(&p->task, &exec_kind, op);
}
