/* Connections of the runtime: lines in, lines out. */
#include "shim.h"

#include <kube/block.h>
#include <kube/mem.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static void read_more(struct shim_link *link);

/* ---- the end ---- */

static void link_closed(struct op *op, struct err *err)
{
	struct shim_link *link = CONTAINER_OF(op, struct shim_link, closed);

	(void)err;
	buf_done(&link->in);
	mem_free(link);
}

static void link_end(struct shim_link *link)
{
	if (link->closing)
		return;
	link->closing = true;
	link_remove(&link->in_shim);
	shim_sessions_leave(link->shim, link);
	outbox_free(link->out);
	stream_close(link->stream);
	op_init(&link->closed, link->shim->scope, link_closed, OP_NO_DEADLINE);
	scope_close(&link->scope, &link->closed);
}

/* ---- out ---- */

static void send_line(struct shim_link *link, struct buf *line)
{
	buf_add_char(line, '\n');
	struct block *block = block_from(buf_str(line));
	/* One that does not listen is cut off by its own read, not in the middle of our work. */
	if (buf_over(line) || outbox_add(link->out, block))
		shutdown(stream_fd(link->stream), SHUT_RDWR);
	block_unref(block);
}

struct shim_link *shim_link_living(struct shim *shim, const struct shim_link *link)
{
	list_each (k, &shim->links) {
		if (LIST_ENTRY(k, struct shim_link, in_shim) == link)
			return LIST_ENTRY(k, struct shim_link, in_shim);
	}
	return NULL;
}

void shim_answer(struct shim_link *link, int64_t id, const char *format, ...)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(SHIM_LINE_MAX);
	va_list args;

	if (!link)
		return;
	buf_print(&line, "{\"id\":%lld,", (long long)id);
	va_start(args, format);
	buf_vprint(&line, format, args);
	va_end(args);
	buf_add_char(&line, '}');
	send_line(link, &line);
}

void shim_refuse(struct shim_link *link, int64_t id, const struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(SHIM_LINE_MAX);

	json_print_str(&text, str_from(err_text(err)));
	shim_answer(link, id, "\"error\":%s,\"code\":\"%s\"", buf_text(&text),
		err_code_name(err->code));
}

void shim_tell_all(struct shim *shim, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(SHIM_LINE_MAX);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	list_each (k, &shim->links) {
		_cleanup_(buf_done) struct buf line = BUF_INIT(SHIM_LINE_MAX);
		buf_add_str(&line, buf_str(&text));
		send_line(LIST_ENTRY(k, struct shim_link, in_shim), &line);
	}
}

/* ---- in ---- */

static int64_t int_of(const struct cJSON *request, const char *name)
{
	int64_t n = 0;
	json_int(json_get(request, str_from(name)), &n);
	return n;
}

static void do_signal(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	struct str name = json_str(json_get(request, STR("container")));
	struct shim_container *c = shim_container_find(shim, name);
	_cleanup_(err_done) struct err err = {0};
	int code = c ? shim_container_signal(c, (int)int_of(request, "signal"), &err)
		     : err_set(&err, ERR_NOT_FOUND, "container %.*s is not here", STRF(name));

	if (code)
		shim_refuse(link, id, &err);
	else
		shim_answer(link, id, "\"done\":1");
}

static void do_reopen(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	struct str name = json_str(json_get(request, STR("container")));
	struct shim_container *c = shim_container_find(shim, name);
	_cleanup_(err_done) struct err err = {0};
	int code = c ? shim_log_open(c, &err)
		     : err_set(&err, ERR_NOT_FOUND, "container %.*s is not here", STRF(name));

	if (code)
		shim_refuse(link, id, &err);
	else
		shim_answer(link, id, "\"done\":1");
}

static void do_forget(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	_cleanup_(err_done) struct err err = {0};

	if (shim_container_forget(shim, json_str(json_get(request, STR("container"))), &err))
		shim_refuse(link, id, &err);
	else
		shim_answer(link, id, "\"done\":1");
}

static void do_taken(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	shim_session_taken(shim, link, int_of(request, "session"));
	shim_answer(link, id, "\"done\":1");
}

static void do_kill(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	shim_session_kill(shim, link, int_of(request, "session"));
	shim_answer(link, id, "\"done\":1");
}

/* The pod is over. Whatever runs is killed by who asked; we are the last of it. */
static void do_leave(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	(void)link;
	(void)id;
	(void)request;
	list_each (k, &shim->children) {
		kill(LIST_ENTRY(k, struct shim_child, in_shim)->pid, SIGKILL);
	}
	_exit(0);
}

static const struct {
	const char *name;
	void (*run)(struct shim *, struct shim_link *, int64_t, const struct cJSON *);
} verbs[] = {
	{"start", shim_container_start},
	{"signal", do_signal},
	{"reopen", do_reopen},
	{"forget", do_forget},
	{"exec", shim_exec},
	{"attach", shim_attach},
	{"connect", shim_connect},
	{"taken", do_taken},
	{"kill", do_kill},
	{"leave", do_leave},
};

static void handle_line(struct shim_link *link, struct str line)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct json_options options = {.limits = {.max_bytes = SHIM_LINE_MAX}};
	struct cJSON *request;

	arena_init(&a);
	if (json_parse(&a, line, &options, &request, &err)) {
		shim_refuse(link, 0, &err);
		return;
	}
	int64_t id = int_of(request, "id");
	struct str verb = json_str(json_get(request, STR("do")));
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_text(verb, verbs[i].name)) {
			verbs[i].run(link->shim, link, id, request);
			return;
		}
	err_set(&err, ERR_UNSUPPORTED, "this helper cannot \"%.*s\"", STRF(verb));
	shim_refuse(link, id, &err);
}

static void have_read(struct op *op, struct err *err)
{
	struct shim_link *link = CONTAINER_OF(op, struct shim_link, reading);
	const char *end;

	if (err->code || op->n == 0) {
		link_end(link);
		return;
	}
	while ((end = memchr(link->in.at, '\n', link->in.len))) {
		size_t len = (size_t)(end - link->in.at);
		handle_line(link, str_make(link->in.at, len));
		buf_drop_front(&link->in, len + 1);
	}
	if (link->in.len == 0)
		buf_done(&link->in);
	read_more(link);
}

static void read_more(struct shim_link *link)
{
	op_init(&link->reading, &link->scope, have_read, OP_NO_DEADLINE);
	stream_read(link->stream, &link->reading, &link->in, 64 * KIB);
}

/* The shim's scope never ends but with the process, so links end by their readers alone. */
void shim_link_new(struct shim *shim, struct stream *stream)
{
	struct shim_link *link = mem_new(sizeof(*link));

	*link = (struct shim_link){.shim = shim, .stream = stream};
	scope_init(&link->scope, shim->scope, "link", NULL);
	buf_init(&link->in, SHIM_LINE_MAX);
	link->out = outbox_new(stream, &link->scope, 64 * KIB, 256 * KIB, SHIM_QUEUE_MAX);
	list_push(&shim->links, &link->in_shim);
	shim_containers_tell(shim, link);
	read_more(link);
}
