#include "webhook.h"

#include "api_options.h"
#include "metrics.h"
#include "remote_review.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>

#define CACHE_MAX      8192
#define CONTROLLED_MAX 10000 /* bytes that a user chooses: more are not remembered */
#define SPEC_MAX       (4 * MIB)

struct webhook_authorizer {
	struct api_server *server;
	struct arena arena;
	struct webhook_settings settings;
	struct str api_version;
	struct remote_reviewer *reviewer;
	struct map cache; /* the spec as v1 has it → struct remembered * */
	struct list used; /* the least used one first */
	size_t references;
	bool dropped;
};

struct remembered {
	struct link in_used;
	char *key;
	struct str reason; /* behind the struct */
	enum access_decision decision;
	bool both; /* allowed and denied */
	int64_t until;
};

/* ---- is it asked at all ---- */

static void count_conditions(const struct webhook_authorizer *w, struct arena *a, bool excluded,
	bool failed, int64_t began)
{
	struct metrics *m = w->server->metrics;
	struct str labels =
		arena_print(a, "name=\"%.*s\",type=\"Webhook\"", STRF(w->settings.name));

	if (!m)
		return;
	metrics_observe(
		m, METRIC_ACCESS_CONDITIONS, labels, (double)(clock_mono() - began) / (double)SEC);
	if (excluded)
		++*metrics_number(m, METRIC_ACCESS_CONDITION_EXCLUSIONS, labels);
	else if (failed)
		++*metrics_number(m, METRIC_ACCESS_CONDITION_ERRORS, labels);
}

/* One that is false decides; one that fails does so only when none is. */
static bool conditions_hold(struct webhook_authorizer *w, struct arena *arena,
	const struct access_query *q, struct str *error)
{
	const struct webhook_settings *s = &w->settings;
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < s->condition_count; i++) {
		const struct webhook_condition *c = &s->conditions[i];
		struct expression_value v;

		if (!tree)
			tree = webhook_condition_tree(arena, q);
		expression_evaluate(c->expression, arena, tree, &v);
		if (v.kind == RESULT_BOOL && !v.b) {
			*error = (struct str){0};
			return false;
		}
		if (v.kind == RESULT_ERROR)
			*error = arena_print(arena,
				"%.*s%scel evaluation error: expression '%.*s' resulted in error: "
				"%.*s",
				STRF(*error), error->len ? ", " : "", STRF(c->text), STRF(v.text));
		else if (v.kind != RESULT_BOOL)
			*error = arena_print(arena,
				"%.*s%scel evaluation error: expression '%.*s' should return bool",
				STRF(*error), error->len ? ", " : "", STRF(c->text));
	}
	return !error->len;
}

static bool is_asked(struct webhook_authorizer *w, struct arena *arena,
	const struct access_query *q, struct str *error)
{
	int64_t began = clock_mono();
	bool hold;

	if (!w->settings.condition_count)
		return true;
	hold = conditions_hold(w, arena, q, error);
	count_conditions(w, arena, !hold && !error->len, error->len, began);
	return hold;
}

/* ---- what is remembered ---- */

static void forget(struct webhook_authorizer *w, struct remembered *m)
{
	map_remove(&w->cache, str_from(m->key));
	link_remove(&m->in_used);
	mem_free(m->key);
	mem_free(m);
}

static struct remembered *recall(struct webhook_authorizer *w, struct str key)
{
	struct remembered *m = map_get(&w->cache, key);

	if (!m)
		return NULL;
	if (loop_now(w->server->env->loop) >= m->until) {
		forget(w, m);
		return NULL;
	}
	link_remove(&m->in_used);
	list_push(&w->used, &m->in_used);
	return m;
}

static bool may_remember(const struct webhook_authorizer *w, const struct access_query *q, bool yes)
{
	size_t chosen = q->namespace.len + q->verb.len + q->group.len + q->version.len +
			q->resource.len + q->subresource.len + q->name.len + q->path.len;

	if (yes ? w->settings.no_authorized_cache : w->settings.no_unauthorized_cache)
		return false;
	return chosen < CONTROLLED_MAX &&
	       (yes ? w->settings.authorized_ttl : w->settings.unauthorized_ttl) > 0;
}

static void remember(struct webhook_authorizer *w, struct str key, const struct access_answer *a)
{
	bool yes = a->decision == ACCESS_ALLOW;
	struct remembered *m = map_get(&w->cache, key);

	if (m)
		forget(w, m);
	if (w->cache.count >= CACHE_MAX)
		forget(w, CONTAINER_OF(w->used.head.next, struct remembered, in_used));
	m = mem_new(sizeof(*m) + a->reason.len);
	m->key = str_dup(key);
	m->decision = a->decision;
	m->both = a->error.len > 0;
	memcpy(m + 1, a->reason.at, a->reason.len);
	m->reason = str_make((const char *)(m + 1), a->reason.len);
	m->until = loop_in(w->server->env->loop,
		yes ? w->settings.authorized_ttl : w->settings.unauthorized_ttl);
	map_set(&w->cache, key, m);
	list_push(&w->used, &m->in_used);
}

/* ---- life ---- */

static void keep_conditions(struct webhook_authorizer *w, const struct webhook_settings *s)
{
	struct webhook_condition *copy =
		arena_new(&w->arena, (s->condition_count + 1) * sizeof(*copy));

	for (size_t i = 0; i < s->condition_count; i++) {
		copy[i] = s->conditions[i];
		copy[i].text = arena_str(&w->arena, copy[i].text);
	}
	w->settings.conditions = copy;
}

int webhook_authorizer_new(struct api_server *s, const struct webhook_settings *settings,
	struct webhook_authorizer **out, struct err *err)
{
	struct webhook_authorizer *w = mem_new(sizeof(*w));
	struct remote_reviewer_options options = {
		.file = settings->file, .timeout = settings->timeout};
	int code = remote_reviewer_new(s->env, &s->scope, &options, &w->reviewer, err);

	if (code) {
		mem_free(w);
		return code;
	}
	w->server = s;
	w->settings = *settings;
	w->references = 1;
	arena_init(&w->arena);
	map_init(&w->cache);
	list_init(&w->used);
	w->settings.name = arena_str(&w->arena, settings->name);
	w->api_version =
		arena_print(&w->arena, "authorization.k8s.io/%.*s", STRF(settings->version));
	w->settings.version = str_skip(w->api_version, STR("authorization.k8s.io/").len);
	keep_conditions(w, settings);
	*out = w;
	return 0;
}

static void release(struct webhook_authorizer *w)
{
	if (--w->references)
		return;
	while (!list_empty(&w->used))
		forget(w, CONTAINER_OF(w->used.head.next, struct remembered, in_used));
	map_done(&w->cache);
	arena_done(&w->arena);
	mem_free(w);
}

void webhook_authorizer_drop(struct webhook_authorizer *w)
{
	if (!w)
		return;
	w->dropped = true;
	remote_reviewer_drop(TAKE(w->reviewer));
	release(w);
}

/* ---- asking ---- */

/* What has been answered on a request's way: it counts for as long as that goes. */
struct known {
	struct known *next;
	struct str name, key;
	struct access_answer answer;
};

struct access_waits {
	struct known *known;
	struct webhook_authorizer *pending;
	struct access_query query; /* its texts are the request's */
	struct str key;
	struct buf body;
	struct remote_review review;
	struct op asked; /* the review's */
	struct op *waiter;
	stage_fn *again;
	int64_t since;
};

static const struct known *find_known(
	const struct access_waits *waits, const struct webhook_authorizer *w, struct str key)
{
	for (const struct known *k = waits ? waits->known : NULL; k; k = k->next)
		if (str_eq(k->name, w->settings.name) && str_eq(k->key, key))
			return k;
	return NULL;
}

static void note(struct api_request *r, struct webhook_authorizer *w, const struct access_query *q,
	struct str key)
{
	if (!r->waits)
		r->waits = arena_new(r->arena, sizeof(*r->waits));
	if (r->waits->pending)
		return; /* one after the other, in the order in which they are asked */
	r->waits->pending = w;
	r->waits->query = *q;
	r->waits->key = arena_str(r->arena, key);
	w->references++;
}

enum access_decision webhook_ask(struct webhook_authorizer *w, struct arena *arena,
	const struct access_query *q, struct access_answer *answer)
{
	_cleanup_(arena_done) struct arena scratch;
	_cleanup_(buf_done) struct buf key = BUF_INIT(SPEC_MAX);
	const struct remembered *m;
	const struct known *k;

	arena_init(&scratch);
	if (!is_asked(w, arena, q, &answer->error)) {
		bool deny = answer->error.len && w->settings.deny_on_error;

		return answer->decision = deny ? ACCESS_DENY : ACCESS_NO_OPINION;
	}
	webhook_print_spec(&key, &scratch, q, true);
	m = recall(w, buf_str(&key));
	if (m) {
		answer->decision = m->decision;
		answer->reason = arena_str(arena, m->reason);
		if (m->both)
			answer->error = STR("webhook subject access review returned both allow and "
					    "deny response");
		return m->decision;
	}
	k = find_known(q->request ? q->request->waits : NULL, w, buf_str(&key));
	if (k) {
		*answer = k->answer;
		return k->answer.decision;
	}
	if (q->request) {
		note(q->request, w, q, buf_str(&key));
		return answer->decision = ACCESS_WAIT;
	}
	answer->error = STR("webhook authorizer cannot be asked at this place");
	return answer->decision = w->settings.deny_on_error ? ACCESS_DENY : ACCESS_NO_OPINION;
}

/* ---- waiting ---- */

bool access_is_pending(const struct api_request *r)
{
	return r && r->waits && r->waits->pending;
}

static void read_answer(struct webhook_authorizer *w, struct api_request *r,
	struct access_answer *a, struct err *err)
{
	struct cJSON *status = NULL;
	bool allowed, denied;

	if (err->code || remote_review_read(r->arena, buf_str(&r->waits->review.answer),
				 "SubjectAccessReview", w->api_version, &status, err)) {
		log_error(
			err, "an authorization webhook failed", LOG_STR("name", w->settings.name));
		a->error = arena_str(r->arena, str_from(err_text(err)));
		a->decision = w->settings.deny_on_error ? ACCESS_DENY : ACCESS_NO_OPINION;
		err_done(err);
		return;
	}
	allowed = json_bool(json_get(status, STR("allowed")));
	denied = json_bool(json_get(status, STR("denied")));
	a->reason = json_str(json_get(status, STR("reason")));
	a->decision = denied ? ACCESS_DENY : allowed ? ACCESS_ALLOW : ACCESS_NO_OPINION;
	if (denied && allowed)
		a->error =
			STR("webhook subject access review returned both allow and deny response");
	if (!w->dropped && may_remember(w, &r->waits->query, allowed))
		remember(w, r->waits->key, a);
}

static void count_webhook(struct webhook_authorizer *w, struct api_request *r, const char *result)
{
	struct metrics *m = w->server->metrics;
	struct str labels = arena_print(
		r->arena, "name=\"%.*s\",result=\"%s\"", STRF(w->settings.name), result);

	if (!m)
		return;
	++*metrics_number(m, METRIC_WEBHOOK_EVALUATIONS, labels);
	metrics_observe(m, METRIC_WEBHOOK_DURATION, labels,
		(double)(loop_now(w->server->env->loop) - r->waits->since) / (double)SEC);
	if (str_eq_text(str_from(result), "success") || w->settings.deny_on_error)
		return;
	++*metrics_number(m, METRIC_WEBHOOK_FAIL_OPEN, labels);
}

static void answered(struct op *op, struct err *err)
{
	struct access_waits *waits = CONTAINER_OF(op, struct access_waits, asked);
	struct webhook_authorizer *w = TAKE(waits->pending);
	struct op *waiter = TAKE(waits->waiter);
	struct api_request *r = waits->query.request;
	/* it was not the request that gave up: the authorizer is gone, and there may be another */
	bool replaced = err->code == ERR_CANCELLED && !waiter->cancel_asked;
	bool failed = err->code != 0, late = err->code == ERR_TIMEOUT;

	if (waiter->cancel_asked) {
		count_webhook(w, r, "canceled");
		op_fail_cancelled(waiter);
	} else {
		if (!replaced) {
			struct known *k = arena_new(r->arena, sizeof(*k));

			count_webhook(w, r, late ? "timeout" : failed ? "error" : "success");
			k->name = arena_str(r->arena, w->settings.name);
			k->key = waits->key;
			read_answer(w, r, &k->answer, err);
			k->next = waits->known;
			waits->known = k;
		}
		op_finish(waiter, 0);
	}
	remote_review_done(&waits->review);
	buf_done(&waits->body);
	release(w);
}

static void wait_cancel(struct op *op)
{
	struct access_waits *waits = op->ctx;

	op_cancel(&waits->asked);
}

static const struct op_kind wait_kind = {.name = "authorization webhook", .cancel = wait_cancel};

static void give_up(struct access_waits *waits)
{
	release(TAKE(waits->pending));
}

void access_wait(struct api_request *r, struct op *op)
{
	struct access_waits *waits = r->waits;
	struct webhook_authorizer *w = waits->pending;
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	if (!op_begin(op, &wait_kind, waits)) {
		give_up(waits);
		return;
	}
	if (w->dropped) {
		give_up(waits);
		op_finish(op, 0);
		return;
	}
	buf_init(&waits->body, SPEC_MAX);
	buf_print(&waits->body,
		"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"%.*s\",\"metadata\":{},"
		"\"spec\":",
		STRF(w->api_version));
	webhook_print_spec(
		&waits->body, &scratch, &waits->query, str_eq_text(w->settings.version, "v1"));
	buf_add_text(&waits->body, ",\"status\":{\"allowed\":false}}");
	waits->waiter = op;
	waits->since = loop_now(w->server->env->loop);
	waits->review = (struct remote_review){0};
	op_init(&waits->asked, &w->server->scope, answered, OP_NO_DEADLINE);
	remote_review_start(&waits->review, w->reviewer, &waits->asked, buf_str(&waits->body));
}

static void waited(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code)
		request_fail_err(r, err);
	else
		r->waits->again(r);
}

void access_wait_again(struct api_request *r, stage_fn *again)
{
	r->waits->again = again;
	op_init(&r->op, &r->x->scope, waited, r->deadline);
	access_wait(r, &r->op);
}
