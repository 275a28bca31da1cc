/* A list, page by page; items are handed over while the page arrives. */
#include "send.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#define PAGE_SIZE 500
#define READ_SIZE (256 * KIB)

enum list_step { LIST_HEAD, LIST_READ };
static const char *const list_steps[] = {"head", "items"};

struct client_listing {
	struct task task;
	struct client *client;
	struct client_list *l;
	struct sending *sending;
	struct json_reader *reader;
	struct str continue_;
	int64_t items;
	bool restarted;    /* the token expired once: now all at once */
	struct arena page; /* of one item, then of the rest */
};

static void list_run(struct task *t, struct err *err);
static const struct task_kind list_kind = TASK_KIND("client list", list_steps, list_run);

/* ---- items ---- */

static int read_item(void *ctx, struct str text, struct err *err)
{
	struct client_listing *g = ctx;
	const struct json_options options = {.limits = {.max_bytes = ITEM_MAX}};
	struct cJSON *tree = NULL;
	struct object *o = NULL;

	arena_reset(&g->page);
	int code = json_parse(&g->page, text, &options, &tree, err);
	if (!code)
		code = answer_publish(g->client, tree, g->l->resource, &o, err);
	if (code)
		return err_wrap(err, code, "item %lld of the list", (long long)g->items);
	g->items++;
	code = g->l->item(g->l->ctx, o, tree, err);
	object_unref(o);
	return code;
}

/* ---- pages ---- */

static void page_over(struct client_listing *g)
{
	sending_free(TAKE(g->sending));
	json_reader_free(TAKE(g->reader));
}

static struct str page_target(struct client_listing *g, struct arena *a)
{
	const struct client_list *l = g->l;
	int64_t page = l->page ? l->page : PAGE_SIZE;
	struct target t;

	target_begin(&t, l->resource, l->namespace, STR(""), STR(""));
	target_query(&t, "labelSelector", l->labels);
	target_query(&t, "fieldSelector", l->fields);
	if (page > 0 && !g->restarted)
		target_query(&t, "limit", arena_print(a, "%lld", (long long)page));
	if (g->continue_.len) {
		target_query(&t, "continue", g->continue_);
	} else if (!g->restarted) {
		target_query(&t, "resourceVersion", l->resource_version);
		target_query(&t, "resourceVersionMatch", l->version_match);
	}
	return target_end(&t, a);
}

static void ask_page(struct client_listing *g)
{
	struct sending *s = sending_new(g->client);

	g->sending = s;
	g->reader = json_reader_new("items", ITEM_MAX, MIB, read_item, g);
	s->resource = g->l->resource;
	s->stream = true;
	s->call.method = STR("GET");
	s->call.target = page_target(g, &s->arena);
	sending_start(s, task_await(&g->task, LIST_HEAD, OP_NO_DEADLINE));
}

/* true: another page has been asked for. */
static bool go_on(struct client_listing *g, struct err *err)
{
	struct cJSON *tree = NULL;
	struct str rest;

	if (json_reader_end(g->reader, &rest, err))
		return false;
	arena_reset(&g->page);
	if (json_parse(&g->page, rest, NULL, &tree, err))
		return false;
	if (!answer_revision(tree, &g->l->revision)) {
		err_set(err, ERR_SYNTAX, "a list of %.*s without a resourceVersion",
			STRF(g->l->resource->plural));
		return false;
	}
	g->continue_ = arena_str(&g->l->arena, tree_str(tree, "metadata.continue"));
	page_over(g);
	if (!g->continue_.len)
		return false;
	ask_page(g);
	return true;
}

static void read_on(struct client_listing *g)
{
	struct client_call *c = &g->sending->call;

	buf_clear(&g->sending->text);
	c->transport->ops->read(
		c, task_await(&g->task, LIST_READ, OP_NO_DEADLINE), &g->sending->text, READ_SIZE);
}

/* A token that has expired: everything once more, in one piece. */
static bool starts_again(struct client_listing *g, const struct err *err)
{
	bool expired = err->code == ERR_EXPIRED || err->code == ERR_GONE;

	if (!expired || !g->continue_.len || !g->l->again || g->restarted)
		return false;
	g->restarted = true;
	g->continue_ = (struct str){0};
	g->items = 0;
	page_over(g);
	g->l->again(g->l->ctx);
	ask_page(g);
	return true;
}

static void keep_status(struct client_listing *g)
{
	struct sending *s = g->sending;

	if (!s || !s->status)
		return;
	g->l->status = arena_copy(&g->l->arena, s->status, sizeof(*s->status));
	g->l->status->message = arena_str(&g->l->arena, s->status->message);
	g->l->status->reason = arena_str(&g->l->arena, s->status->reason);
	g->l->status->causes = NULL;
	g->l->status->cause_count = 0;
	g->l->status->has_details = false;
	g->l->status->continue_token = (struct str){0};
}

static void list_run(struct task *t, struct err *err)
{
	struct client_listing *g = CONTAINER_OF(t, struct client_listing, task);

	if (!g->sending && !err->code) { /* the first step */
		ask_page(g);
		return;
	}
	if (!err->code && t->step == LIST_READ && !t->wait.n) {
		if (go_on(g, err))
			return;
		if (!err->code) {
			task_finish(t, g->items);
			return;
		}
	} else if (!err->code && t->step == LIST_READ) {
		json_reader_feed(g->reader, buf_str(&g->sending->text), err);
	}
	if (err->code) {
		if (starts_again(g, err))
			return;
		keep_status(g);
		page_over(g);
		task_fail(t, err);
		return;
	}
	read_on(g);
}

void client_list_start(struct client *c, struct op *op, struct client_list *l)
{
	struct client_listing *g = mem_new(sizeof(*g));

	arena_init(&l->arena);
	arena_init(&g->page);
	l->listing = g;
	l->status = NULL;
	g->client = c;
	g->l = l;
	task_start(&g->task, &list_kind, op);
}

void client_list_done(struct client_list *l)
{
	struct client_listing *g = TAKE(l->listing);

	if (!g)
		return;
	page_over(g);
	arena_done(&g->page);
	arena_done(&l->arena);
	mem_free(g);
}
