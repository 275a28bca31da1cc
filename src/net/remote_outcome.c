/* How a command ended, as each version of the protocol says it; and sizes of terminals. */
#include <kube/json.h>
#include <kube/remote_command.h>
#include <kube/task.h>

#define OUTCOME_MAX (1 * MIB)

static void print_message(struct buf *out, const struct remote_outcome *o)
{
	if (o->failure.len)
		buf_print(out, "Internal error occurred: %.*s", STRF(o->failure));
	else
		buf_print(out,
			"command terminated with non-zero exit code: error executing command "
			"[%.*s], exit code %d",
			STRF(o->command), (int)o->exit_code);
}

static struct cJSON *cause(struct arena *a, struct str reason, struct str message)
{
	struct cJSON *details = json_new(a, JSON_OBJECT), *causes = json_new(a, JSON_ARRAY),
		     *one = json_new(a, JSON_OBJECT);

	if (reason.len)
		json_add(a, one, STR("reason"), json_new_str(a, reason));
	json_add(a, one, STR("message"), json_new_str(a, message));
	json_append(causes, one);
	json_add(a, details, STR("causes"), causes);
	return details;
}

static void add_failure(struct arena *a, struct cJSON *status, const struct remote_outcome *o)
{
	_cleanup_(buf_done) struct buf message = BUF_INIT(OUTCOME_MAX);
	bool failed = o->failure.len;

	print_message(&message, o);
	json_add(a, status, STR("message"), json_new_str(a, buf_str(&message)));
	json_add(a, status, STR("reason"),
		json_new_str(a, failed ? STR("InternalError") : STR("NonZeroExitCode")));
	json_add(a, status, STR("details"),
		failed ? cause(a, STR(""), o->failure)
		       : cause(a, STR("ExitCode"), arena_print(a, "%d", (int)o->exit_code)));
	if (failed)
		json_add(a, status, STR("code"), json_new_int(a, 500));
}

void remote_outcome_print(struct buf *out, int version, const struct remote_outcome *o)
{
	bool success = !o->failure.len && o->exit_code == 0;
	struct arena a;

	if (version < 4) {
		if (!success)
			print_message(out, o);
		return;
	}
	arena_init(&a);
	struct cJSON *status = json_new(&a, JSON_OBJECT);
	json_add(&a, status, STR("metadata"), json_new(&a, JSON_OBJECT));
	json_add(&a, status, STR("status"),
		json_new_str(&a, success ? STR("Success") : STR("Failure")));
	if (!success)
		add_failure(&a, status, o);
	json_print(out, status, JSON_COMPACT);
	arena_done(&a);
}

int remote_take_size(struct buf *in, uint16_t *width, uint16_t *height, struct err *err)
{
	ssize_t end = str_find_char(buf_str(in), '}');
	struct arena a;
	struct cJSON *root;
	int64_t w = 0, h = 0;

	if (end < 0)
		return in->len < REMOTE_SIZE_MAX
			       ? 0
			       : err_set(err, ERR_SYNTAX, "resize: no end of a size");
	arena_init(&a);
	int code = json_parse(&a, str_sub(buf_str(in), 0, (size_t)end + 1), NULL, &root, err);
	if (!code) {
		json_int(json_get(root, STR("Width")), &w);
		json_int(json_get(root, STR("Height")), &h);
		*width = (uint16_t)MIN(MAX(w, 0), UINT16_MAX);
		*height = (uint16_t)MIN(MAX(h, 0), UINT16_MAX);
		buf_drop_front(in, (size_t)end + 1);
	}
	arena_done(&a);
	return code ? ERR_SYNTAX : 1;
}

/* ---- saying it ---- */

enum end_step { END_STDOUT, END_STDERR, END_OUTCOME, END_ERROR, END_DONE };
static const char *const end_steps[] = {"stdout", "stderr", "outcome", "error", "done"};

struct remote_ending {
	struct task task;
	struct remote_session *session;
	struct str text;
};

static void end_run(struct task *t, struct err *err)
{
	struct remote_ending *e = CONTAINER_OF(t, struct remote_ending, task);
	struct stream **streams = e->session->streams;

	if (err->code) {
		task_fail(t, err);
		return;
	}
	if (t->step == END_STDOUT && !streams[REMOTE_STDOUT])
		t->step = END_STDERR;
	if (t->step == END_STDERR && !streams[REMOTE_STDERR])
		t->step = END_OUTCOME;
	if (t->step == END_OUTCOME && !e->text.len)
		t->step = END_ERROR;
	struct op *wait = t->step == END_DONE ? NULL : task_await(t, t->step + 1, OP_NO_DEADLINE);
	switch ((enum end_step)(t->step - (wait ? 1 : 0))) {
	case END_STDOUT:
		stream_finish(streams[REMOTE_STDOUT], wait);
		return;
	case END_STDERR:
		stream_finish(streams[REMOTE_STDERR], wait);
		return;
	case END_OUTCOME:
		stream_write(streams[REMOTE_ERROR], wait, &e->text, 1);
		return;
	case END_ERROR:
		e->session->told = true;
		stream_finish(streams[REMOTE_ERROR], wait);
		return;
	case END_DONE:
		task_finish(t, 0);
		return;
	}
}

void remote_end(struct remote_session *s, struct op *op, const struct remote_outcome *outcome)
{
	static const struct task_kind kind = TASK_KIND("remote end", end_steps, end_run);
	struct remote_ending *e = arena_new(s->arena, sizeof(*e));
	_cleanup_(buf_done) struct buf text = BUF_INIT(OUTCOME_MAX);

	remote_outcome_print(&text, s->version, outcome);
	e->session = s;
	e->text = arena_str(s->arena, buf_str(&text));
	task_start(&e->task, &kind, op);
}
