/* /run: one command in a container, without streams; its output is the answer. */
#include "node_request.h"

#include <kube/mem.h>

#define OUTPUT_MAX (16 * MIB)
#define WORDS_MAX  1024

struct run {
	struct node_request *r;
	struct runtime_exec exec;
	struct buf out;
	struct str text;
};

static void ended(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct run *run = r->x->handler;

	if (err->code) {
		node_answer_text(r, 500, "%s", err_text(err));
	} else if (buf_over(&run->out)) {
		node_answer_text(r, 500, "the command's output is larger than %zu bytes",
			(size_t)OUTPUT_MAX);
	} else {
		run->text = arena_str(r->arena, buf_str(&run->out));
		if (run->exec.exit_code)
			run->text = arena_print(r->arena, "command '%.*s' exited with %d: %.*s",
				STRF(run->exec.command_count ? run->exec.command[0] : STR("")),
				(int)run->exec.exit_code, STRF(run->text));
		node_answer(
			r, run->exec.exit_code ? 500 : 200, "text/plain; charset=utf-8", run->text);
	}
	buf_done(&run->out);
}

static void read_command(struct run *run)
{
	struct node_request *r = run->r;
	struct str text = query_get(&r->query, "cmd"), word;
	struct str *words = arena_alloc(r->arena, WORDS_MAX * sizeof(*words));

	while (str_next(&text, ' ', &word) && run->exec.command_count < WORDS_MAX)
		if (word.len)
			words[run->exec.command_count++] = word;
	run->exec.command = words;
}

void node_run(struct node_request *r)
{
	bool with_uid = r->part_count == 5;
	struct str name = r->parts[with_uid ? 4 : 3];
	struct run *run = arena_new(r->arena, sizeof(*run));
	struct runtime *runtime = r->server->options.runtime;
	const struct cJSON *pod =
		node_find_pod(r, r->parts[1], r->parts[2], with_uid ? r->parts[3] : STR(""));

	if (!pod) {
		node_answer_text(r, 404, "pod does not exist");
		return;
	}
	const struct container *c = node_find_container(r, pod, name);
	if (!c) {
		node_answer_text(r, 500, "container not found (\"%.*s\")", STRF(name));
		return;
	}
	run->r = r;
	r->x->handler = run;
	read_command(run);
	buf_init(&run->out, OUTPUT_MAX);
	run->exec.container = arena_str(r->arena, c->id);
	run->exec.out = run->exec.err = &run->out;
	runtime->ops->exec(runtime, node_request_op(r, ended), &run->exec);
}
