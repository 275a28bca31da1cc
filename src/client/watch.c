/* A watch: lines of JSON, each an event. */
#include "send.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#define READ_SIZE (64 * KIB)

struct client_watching {
	struct client_watch *w;
	struct sending *sending;
	struct op *op; /* of the caller: of start or of next */
	struct op wait;
	size_t from;    /* of the text: where the present line begins */
	size_t line;    /* its length with its end; 0: there is none yet */
	size_t scanned; /* no line ends between `from` and here */
	struct arena arena;
};

/* ---- beginning ---- */

static void waiting_cancel(struct op *op)
{
	struct client_watching *g = op->ctx;

	op_cancel(&g->wait);
}

static void started(struct op *op, struct err *err)
{
	struct client_watching *g = CONTAINER_OF(op, struct client_watching, wait);

	g->w->status = g->sending->status;
	buf_clear(&g->sending->text);
	if (err->code)
		op_fail(g->op, err);
	else
		op_finish(g->op, 0);
}

static struct str make_target(const struct client_watch *w, struct arena *a)
{
	struct target t;

	target_begin(&t, w->resource, w->namespace, STR(""), STR(""));
	target_flag(&t, "watch", true);
	target_query(&t, "labelSelector", w->labels);
	target_query(&t, "fieldSelector", w->fields);
	target_query(&t, "resourceVersion", w->resource_version);
	target_flag(&t, "allowWatchBookmarks", w->bookmarks);
	target_flag(&t, "sendInitialEvents", w->send_initial);
	target_query(&t, "resourceVersionMatch", w->send_initial ? STR("NotOlderThan") : STR(""));
	if (w->timeout_seconds)
		target_query(&t, "timeoutSeconds",
			arena_print(a, "%lld", (long long)w->timeout_seconds));
	return target_end(&t, a);
}

void client_watch_start(struct client *c, struct op *op, struct client_watch *w)
{
	static const struct op_kind kind = {.name = "client watch", .cancel = waiting_cancel};
	struct client_watching *g = mem_new(sizeof(*g));
	struct sending *s = sending_new(c);

	*g = (struct client_watching){.w = w, .sending = s, .op = op};
	arena_init(&w->arena);
	arena_init(&g->arena);
	w->watching = g;
	w->status = NULL;
	w->event = (struct client_event){0};
	s->resource = w->resource;
	s->stream = true;
	buf_init(&s->text, ITEM_MAX);
	s->call.method = STR("GET");
	s->call.target = make_target(w, &s->arena);
	if (!op_begin(op, &kind, g))
		return;
	op_init(&g->wait, op->scope, started, OP_NO_DEADLINE);
	sending_start(s, &g->wait);
}

/* ---- events ---- */

static void event_over(struct client_watching *g)
{
	object_unref(g->w->event.object);
	g->w->event = (struct client_event){0};
	arena_reset(&g->arena);
	if (!g->line)
		return;
	g->from += g->line;
	g->line = 0;
	g->scanned = g->from;
}

/* The next whole line; empty ones are skipped by the caller. */
static bool find_line(struct client_watching *g, struct str *line)
{
	struct str text = buf_str(&g->sending->text);
	ssize_t end = str_find_char(str_skip(text, g->scanned), '\n');

	if (end < 0) {
		g->scanned = text.len;
		return false;
	}
	g->line = g->scanned + (size_t)end + 1 - g->from;
	*line = str_sub(text, g->from, g->from + g->line - 1);
	return true;
}

static int event_type(struct str name, enum client_event_type *type)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(name, names[i])) {
			*type = (enum client_event_type)i;
			return 0;
		}
	return ERR_SYNTAX;
}

static int read_event(struct client_watching *g, struct str line, struct err *err)
{
	const struct json_options options = {.limits = {.max_bytes = ITEM_MAX}};
	struct client_event *e = &g->w->event;
	const struct resource *r = g->w->resource;
	struct cJSON *tree = NULL;
	int code = json_parse(&g->arena, line, &options, &tree, err);

	if (code)
		return err_wrap(err, code, "a watch event of %.*s", STRF(r->plural));
	const struct cJSON *object = json_get(tree, STR("object"));
	if (event_type(tree_str(tree, "type"), &e->type))
		return err_set(err, ERR_SYNTAX, "a watch event of %.*s without a known type",
			STRF(r->plural));
	e->tree = object;
	switch (e->type) {
	case CLIENT_ERROR: {
		_cleanup_(buf_done) struct buf text = BUF_INIT(ITEM_MAX);

		json_print(&text, object, JSON_COMPACT);
		e->status = answer_status_parse(&g->arena, 500, STR("GET"), r, STR(""),
			arena_str(&g->arena, buf_str(&text)));
		return 0;
	}
	case CLIENT_BOOKMARK:
		if (!answer_revision(object, &e->revision))
			return err_set(err, ERR_SYNTAX, "a bookmark without a resourceVersion");
		e->initial_end =
			str_eq_text(json_str(json_get(json_path(object, "metadata.annotations"),
					    STR("k8s.io/initial-events-end"))),
				"true");
		return 0;
	default:
		code = answer_publish(g->sending->client, object, r, &e->object, err);
		if (!code)
			e->revision = e->object->revision;
		return code;
	}
}

static void read_more(struct client_watching *g);

/* Answers the caller when a line is there, else reads on. */
static void serve_next(struct client_watching *g)
{
	_cleanup_(err_done) struct err err = {0};
	struct str line;

	while (find_line(g, &line)) {
		if (str_trim(line).len) {
			if (read_event(g, line, &err))
				op_fail(g->op, &err);
			else
				op_finish(g->op, 1);
			return;
		}
		event_over(g);
	}
	read_more(g);
}

static void more_read(struct op *op, struct err *err)
{
	struct client_watching *g = CONTAINER_OF(op, struct client_watching, wait);

	if (err->code)
		op_fail(g->op, err);
	else if (op->n == 0 && str_trim(buf_str(&g->sending->text)).len)
		op_fail_with(g->op, ERR_CLOSED, "unexpected EOF");
	else if (op->n == 0)
		op_finish(g->op, 0);
	else
		serve_next(g);
}

static void read_more(struct client_watching *g)
{
	struct client_call *c = &g->sending->call;

	/* Once for all events that were read together. */
	buf_drop_front(&g->sending->text, g->from);
	g->scanned -= g->from;
	g->from = 0;
	/* The next may be an hour away: nothing is kept for it. */
	arena_done(&g->arena);
	if (!g->sending->text.len)
		buf_done(&g->sending->text);
	op_init(&g->wait, g->op->scope, more_read, OP_NO_DEADLINE);
	c->transport->ops->read(c, &g->wait, &g->sending->text, READ_SIZE);
}

void client_watch_next(struct client_watch *w, struct op *op)
{
	static const struct op_kind kind = {.name = "client watch event", .cancel = waiting_cancel};
	struct client_watching *g = w->watching;

	if (!op_begin(op, &kind, g))
		return;
	g->op = op;
	event_over(g);
	serve_next(g);
}

void client_watch_done(struct client_watch *w)
{
	struct client_watching *g = TAKE(w->watching);

	if (!g)
		return;
	object_unref(w->event.object);
	sending_free(g->sending);
	arena_done(&g->arena);
	arena_done(&w->arena);
	mem_free(g);
}
