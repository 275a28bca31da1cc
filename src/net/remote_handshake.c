#include "remote_handshake.h"

#include <kube/mem.h>
#include <kube/spdy.h>
#include <kube/websocket.h>

#define EARLY_MAX (64 * KIB)

enum handshake_step { HANDSHAKE_CHECK, HANDSHAKE_UPGRADED, HANDSHAKE_REFUSED };
static const char *const handshake_steps[] = {"check", "upgraded", "refused"};

static struct str version_header(void)
{
	return STR("X-Stream-Protocol-Version");
}

/* ---- which protocol ---- */

/* The first of the client's that we speak. *any: it has named some. */
static const char *choose(
	const struct http_headers *headers, struct str name, const char *const *ours, bool *any)
{
	for (size_t i = 0; i < headers->count; i++) {
		struct str rest = headers->items[i].value, word;

		if (!str_eq_nocase(headers->items[i].name, name))
			continue;
		while (str_next(&rest, ',', &word)) {
			word = str_trim(word);
			*any |= word.len > 0;
			for (size_t p = 0; word.len && ours[p]; p++)
				if (str_eq_text(word, ours[p]))
					return ours[p];
		}
	}
	return NULL;
}

static int check_websocket(struct remote_handshake *h, struct err *err)
{
	struct http_exchange *x = h->x;
	bool any = false;

	h->protocol =
		choose(&x->request.headers, STR("Sec-WebSocket-Protocol"), h->websocket, &any);
	for (size_t i = 0; !any && h->websocket[i]; i++)
		if (!*h->websocket[i])
			h->protocol = h->websocket[i];
	if (!h->protocol)
		return err_set(err, ERR_FORBIDDEN, "Forbidden");
	return websocket_check(&x->arena, &x->request, str_from(h->protocol), &h->headers, err);
}

/* As Go prints a list of strings. */
static void print_words(struct buf *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		buf_print(out, "%s%s", i ? " " : "", words[i]);
}

static int check_spdy(struct remote_handshake *h, struct err *err)
{
	struct http_exchange *x = h->x;
	bool any = false;

	h->protocol = choose(&x->request.headers, version_header(), h->spdy, &any);
	if (!any)
		return err_set(err, ERR_BAD_REQUEST,
			"unable to upgrade: X-Stream-Protocol-Version is required");
	if (!h->protocol) {
		_cleanup_(buf_done) struct buf words = BUF_INIT(KIB);

		for (size_t i = 0; h->spdy[i]; i++)
			http_headers_add(&x->arena, &h->headers,
				STR("X-Accepted-Stream-Protocol-Versions"), str_from(h->spdy[i]));
		print_words(&words, h->spdy);
		return err_set(err, ERR_FORBIDDEN,
			"unable to upgrade: unable to negotiate protocol: client supports [%.*s], "
			"server accepts [%.*s]",
			STRF(http_headers_get(&x->request.headers, version_header())),
			STRF(buf_str(&words)));
	}
	if (!http_wants_upgrade(&x->request, SPDY_PROTOCOL))
		return err_set(err, ERR_BAD_REQUEST,
			"unable to upgrade: missing upgrade headers in request");
	http_headers_add(&x->arena, &h->headers, STR("Connection"), STR("Upgrade"));
	http_headers_add(&x->arena, &h->headers, STR("Upgrade"), SPDY_PROTOCOL);
	http_headers_add(&x->arena, &h->headers, version_header(), str_from(h->protocol));
	return 0;
}

/* ---- the task ---- */

static void refuse(struct remote_handshake *h)
{
	struct arena *a = &h->x->arena;

	h->status = err_code_status(h->refusal.code);
	http_headers_add(a, &h->headers, STR("Content-Type"), STR("text/plain; charset=utf-8"));
	http_headers_add(a, &h->headers, STR("X-Content-Type-Options"), STR("nosniff"));
	h->text = arena_print(a, "%s\n", err_text(&h->refusal));
	http_respond(h->x, task_await(&h->task, HANDSHAKE_REFUSED, OP_NO_DEADLINE), h->status,
		h->headers.items, h->headers.count, h->text);
}

static void check(struct remote_handshake *h)
{
	h->is_websocket = http_wants_upgrade(&h->x->request, WEBSOCKET_PROTOCOL);
	if ((h->is_websocket ? check_websocket : check_spdy)(h, &h->refusal)) {
		refuse(h);
		return;
	}
	buf_init(&h->early, EARLY_MAX);
	http_upgrade(h->x, task_await(&h->task, HANDSHAKE_UPGRADED, OP_NO_DEADLINE),
		h->headers.items, h->headers.count, &h->stream, &h->early);
}

static void handshake_run(struct task *t, struct err *err)
{
	struct remote_handshake *h = CONTAINER_OF(t, struct remote_handshake, task);

	switch ((enum handshake_step)t->step) {
	case HANDSHAKE_CHECK:
		check(h);
		return;
	case HANDSHAKE_UPGRADED:
		if (err->code == ERR_UNSUPPORTED || err->code == ERR_BAD_REQUEST) {
			err_set(&h->refusal, ERR_BAD_REQUEST, "unable to upgrade: %s",
				err_text(err));
			h->headers = (struct http_headers){0};
			refuse(h);
			return;
		}
		if (err->code)
			task_fail(t, err);
		else
			task_finish(t, 0);
		return;
	case HANDSHAKE_REFUSED:
		task_fail(t, &h->refusal);
		return;
	}
}

void remote_handshake(struct remote_handshake *h, struct op *op)
{
	static const struct task_kind kind =
		TASK_KIND("remote handshake", handshake_steps, handshake_run);

	task_start(&h->task, &kind, op);
}
