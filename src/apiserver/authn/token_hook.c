/* Tokens that a webhook knows: TokenReviews are sent to it, and its answers remembered. */
#include "api_options.h"
#include "metrics.h"
#include "token_waits.h"

#include <kube/log.h>
#include <kube/time.h>

#define BODY_MAX (1 * MIB)

static const struct hooked *find_hooked(
	const struct token_question *q, const struct token_digest *digest)
{
	const struct authn_waits *w = q->request ? q->request->token_waits : NULL;

	for (const struct hooked *h = w ? w->hooked : NULL; h; h = h->next)
		if (!memcmp(&h->digest, digest, sizeof(*digest)))
			return h;
	return NULL;
}

enum token_outcome token_hook_find(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	struct token_digest digest;
	const struct hooked *h;

	if (!a->hook)
		return TOKEN_UNKNOWN;
	digest = token_digest(q);
	if (token_cache_get(&a->hooked, &digest, loop_now(a->server->env->loop), q->arena, found))
		return found->user ? TOKEN_GOOD : TOKEN_UNKNOWN;
	h = find_hooked(q, &digest);
	if (h) {
		*found = h->found;
		if (h->error.len)
			err_set(err, ERR_UNAUTHORIZED, "%.*s", STRF(h->error));
		return h->outcome;
	}
	if (!q->request)
		return TOKEN_UNKNOWN;
	token_waits_of(q->request)->hook = true;
	token_waits_of(q->request)->question = *q;
	token_waits_of(q->request)->digest = digest;
	return TOKEN_WAIT;
}

static void add_audiences(struct buf *out, const struct str *items, size_t count)
{
	if (!count)
		return;
	buf_add_text(out, ",\"audiences\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, items[i]);
	}
	buf_add_char(out, ']');
}

static void print_review(struct authn *a, const struct token_question *q, struct buf *out)
{
	const struct flag_list *own = &a->server->options->api_audiences;

	buf_print(out,
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/%.*s\","
		"\"metadata\":{},\"spec\":{\"token\":",
		STRF(a->server->options->authn_webhook_version));
	json_print_str(out, q->token);
	if (q->audience_count)
		add_audiences(out, q->audiences, q->audience_count);
	else
		add_audiences(out, own->items, own->count);
	buf_add_text(out, "},\"status\":{\"user\":{}}}");
}

static size_t read_texts(struct arena *a, const struct cJSON *list, struct str **items)
{
	size_t count = 0;

	*items = arena_new(a, (json_count(list) + 1) * sizeof(struct str));
	json_each (one, list)
		(*items)[count++] = json_str(one);
	return count;
}

static const struct api_user *told_user(struct arena *a, const struct cJSON *tree)
{
	const struct cJSON *extra = json_get(tree, STR("extra"));
	struct str *groups;
	size_t count = read_texts(a, json_get(tree, STR("groups")), &groups);
	struct api_user *u = user_new(a, json_str(json_get(tree, STR("username"))),
		json_str(json_get(tree, STR("uid"))), groups, count);

	u->extra = arena_new(a, (json_count(extra) + 1) * sizeof(*u->extra));
	json_each (one, extra) {
		struct user_extra *e = &u->extra[u->extra_count++];

		e->key = json_key(one);
		e->count = read_texts(a, one, &e->values);
	}
	return u;
}

/* Tokens that say for whom they are must be for one of those asked for. */
static bool told_audiences(struct authn *a, const struct token_question *q,
	const struct cJSON *status, struct token_found *found)
{
	const struct flag_list *own = &a->server->options->api_audiences;
	struct str *told;
	size_t count = read_texts(q->arena, json_get(status, STR("audiences")), &told);

	if (!count) {
		told = own->items;
		count = own->count;
	}
	token_intersect(q->arena, told, count, q->audience_count ? q->audiences : own->items,
		q->audience_count ? q->audience_count : own->count, found);
	return found->audience_count || (!q->audience_count && !own->count);
}

static void read_review(struct authn *a, struct authn_waits *w, struct hooked *h, struct err *err)
{
	const struct token_question *q = &w->question;
	struct cJSON *status = NULL;
	struct str version = arena_print(q->arena, "authentication.k8s.io/%.*s",
		STRF(a->server->options->authn_webhook_version));
	int64_t ttl = a->server->options->authn_webhook_ttl;

	if (err->code || remote_review_read(q->arena, buf_str(&w->review.answer), "TokenReview",
				 version, &status, err)) {
		log_error(err, "the token webhook failed");
		h->outcome = TOKEN_BAD;
		h->error = arena_str(q->arena, str_from(err_text(err)));
		err_done(err);
		return;
	}
	h->error = json_str(json_get(status, STR("error")));
	h->outcome = h->error.len ? TOKEN_BAD : TOKEN_UNKNOWN;
	if (!told_audiences(a, q, status, &h->found)) {
		h->outcome = TOKEN_UNKNOWN;
		h->error = (struct str){0};
	} else if (json_bool(json_get(status, STR("authenticated")))) {
		h->outcome = TOKEN_GOOD;
		h->error = (struct str){0};
		h->found.user = told_user(q->arena, json_get(status, STR("user")));
	}
	if (h->outcome != TOKEN_BAD && ttl > 0)
		token_cache_put(
			&a->hooked, &w->digest, loop_in(a->server->env->loop, ttl), &h->found);
}

static void wait_cancel(struct op *op)
{
	struct authn_waits *w = op->ctx;

	op_cancel(&w->asked);
}

static const struct op_kind wait_kind = {.name = "token webhook", .cancel = wait_cancel};

static int64_t *fetching(const struct authn *a)
{
	return metrics_number(
		a->server->metrics, METRIC_TOKEN_FETCHING, STR("status=\"in_flight\""));
}

static void hook_answered(struct op *op, struct err *err)
{
	struct authn_waits *w = CONTAINER_OF(op, struct authn_waits, asked);
	struct authn *a = w->request->server->authn;
	struct op *waiter = TAKE(w->waiter);

	--*fetching(a);
	if (waiter->cancel_asked) {
		op_fail_cancelled(waiter);
	} else {
		struct hooked *h = arena_new(w->request->arena, sizeof(*h));

		h->digest = w->digest;
		read_review(a, w, h, err);
		h->next = w->hooked;
		w->hooked = h;
		op_finish(waiter, 0);
	}
	remote_review_done(&w->review);
	buf_done(&w->body);
}

void token_hook_ask(struct authn_waits *w, struct op *op)
{
	struct authn *a = w->request->server->authn;

	w->hook = false;
	if (!op_begin(op, &wait_kind, w))
		return;
	buf_init(&w->body, BODY_MAX);
	print_review(a, &w->question, &w->body);
	w->waiter = op;
	w->review = (struct remote_review){0};
	++*fetching(a);
	op_init(&w->asked, &a->server->scope, hook_answered, OP_NO_DEADLINE);
	remote_review_start(&w->review, a->hook, &w->asked, buf_str(&w->body));
}
