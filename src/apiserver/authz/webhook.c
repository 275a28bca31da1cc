#include "webhook.h"

#include "api_options.h"
#include "metrics.h"
#include "remote_review.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>

#include <stdlib.h>

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

/* ---- what is asked ---- */

static void add_member(struct buf *out, const char *name, struct str value, bool *some)
{
	if (!value.len)
		return;
	buf_print(out, "%s\"%s\":", *some ? "," : "", name);
	json_print_str(out, value);
	*some = true;
}

static void add_strings(struct buf *out, const struct str *items, size_t count)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, items[i]);
	}
	buf_add_char(out, ']');
}

static const char *operator_word(enum selector_op op)
{
	switch (op) {
	case SEL_EQ:
	case SEL_IN:
		return "In";
	case SEL_NOT_EQ:
	case SEL_NOT_IN:
		return "NotIn";
	case SEL_EXISTS:
		return "Exists";
	case SEL_NOT_EXISTS:
		return "DoesNotExist";
	default:
		return NULL;
	}
}

/* What cannot be said in a requirement is left out: it only makes the question narrower. */
static void add_selector(struct buf *out, const char *name, const struct selector *s, bool *some)
{
	bool first = true;

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];

		if (!operator_word(t->op))
			continue;
		if (first)
			buf_print(out, "%s\"%s\":{\"requirements\":[", *some ? "," : "", name);
		buf_add_text(out, first ? "{\"key\":" : ",{\"key\":");
		json_print_str(out, t->key);
		buf_print(out, ",\"operator\":\"%s\"", operator_word(t->op));
		if (t->op != SEL_EXISTS && t->op != SEL_NOT_EXISTS) {
			buf_add_text(out, ",\"values\":");
			add_strings(out, t->values, t->count);
		}
		buf_add_char(out, '}');
		first = false;
	}
	if (first)
		return;
	buf_add_text(out, "]}");
	*some = true;
}

static void add_resource(struct buf *out, struct arena *scratch, const struct access_query *q)
{
	struct selector fields = {0}, labels = {0};
	bool some = false;

	buf_add_text(out, "\"resourceAttributes\":{");
	add_member(out, "namespace", q->namespace, &some);
	add_member(out, "verb", q->verb, &some);
	add_member(out, "group", q->group, &some);
	add_member(out, "version", q->version, &some);
	add_member(out, "resource", q->resource, &some);
	add_member(out, "subresource", q->subresource, &some);
	add_member(out, "name", q->name, &some);
	if (q->field_selector.len &&
		!field_selector_parse(scratch, q->field_selector, &fields, NULL))
		add_selector(out, "fieldSelector", &fields, &some);
	if (q->label_selector.len &&
		!label_selector_parse(scratch, q->label_selector, &labels, NULL))
		add_selector(out, "labelSelector", &labels, &some);
	buf_add_char(out, '}');
}

static int compare_extra(const void *a, const void *b)
{
	return str_cmp(((const struct user_extra *)a)->key, ((const struct user_extra *)b)->key);
}

static void add_extra(struct buf *out, struct arena *scratch, const struct api_user *u)
{
	size_t size = u->extra_count * sizeof(*u->extra);
	struct user_extra *sorted;

	if (!u->extra_count)
		return;
	sorted = arena_copy(scratch, u->extra, size);
	qsort(sorted, u->extra_count, sizeof(*sorted), compare_extra);
	buf_add_text(out, ",\"extra\":{");
	for (size_t i = 0; i < u->extra_count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, sorted[i].key);
		buf_add_char(out, ':');
		add_strings(out, sorted[i].values, sorted[i].count);
	}
	buf_add_char(out, '}');
}

void webhook_print_spec(
	struct buf *out, struct arena *scratch, const struct access_query *q, bool v1)
{
	bool some = false;

	buf_add_char(out, '{');
	if (q->is_resource) {
		add_resource(out, scratch, q);
	} else {
		buf_add_text(out, "\"nonResourceAttributes\":{");
		add_member(out, "path", q->path, &some);
		add_member(out, "verb", q->verb, &some);
		buf_add_char(out, '}');
	}
	some = true;
	add_member(out, "user", q->user->name, &some);
	if (q->user->group_count) {
		buf_print(out, ",\"%s\":", v1 ? "groups" : "group");
		add_strings(out, q->user->groups, q->user->group_count);
	}
	add_extra(out, scratch, q->user);
	add_member(out, "uid", q->user->uid, &some);
	buf_add_char(out, '}');
}

/* ---- is it asked at all ---- */

static void add_text(struct arena *a, struct cJSON *tree, const char *name, struct str text)
{
	json_add_borrowed(tree, str_from(name), json_new_str(a, text));
}

static struct cJSON *text_list(struct arena *a, const struct str *items, size_t count)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < count; i++)
		json_append(list, json_new_str(a, items[i]));
	return list;
}

static void add_requirements(
	struct arena *a, struct cJSON *tree, const char *name, const struct selector *s)
{
	struct cJSON *selector = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];
		struct cJSON *one = json_new(a, JSON_OBJECT);

		if (!operator_word(t->op))
			continue;
		add_text(a, one, "key", t->key);
		add_text(a, one, "operator", str_from(operator_word(t->op)));
		json_add_borrowed(one, STR("values"), text_list(a, t->values, t->count));
		json_append(list, one);
	}
	if (!json_count(list))
		return;
	json_add_borrowed(selector, STR("requirements"), list);
	json_add_borrowed(tree, str_from(name), selector);
}

static struct cJSON *resource_tree(struct arena *a, const struct access_query *q)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct selector fields = {0}, labels = {0};

	add_text(a, tree, "namespace", q->namespace);
	add_text(a, tree, "verb", q->verb);
	add_text(a, tree, "group", q->group);
	add_text(a, tree, "version", q->version);
	add_text(a, tree, "resource", q->resource);
	add_text(a, tree, "subresource", q->subresource);
	add_text(a, tree, "name", q->name);
	if (q->field_selector.len && !field_selector_parse(a, q->field_selector, &fields, NULL))
		add_requirements(a, tree, "fieldSelector", &fields);
	if (q->label_selector.len && !label_selector_parse(a, q->label_selector, &labels, NULL))
		add_requirements(a, tree, "labelSelector", &labels);
	return tree;
}

struct cJSON *webhook_condition_tree(struct arena *a, const struct access_query *q)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *extra = json_new(a, JSON_OBJECT);
	const struct api_user *u = q->user;

	if (q->is_resource) {
		json_add_borrowed(tree, STR("resourceAttributes"), resource_tree(a, q));
	} else {
		struct cJSON *path = json_new(a, JSON_OBJECT);

		add_text(a, path, "path", q->path);
		add_text(a, path, "verb", q->verb);
		json_add_borrowed(tree, STR("nonResourceAttributes"), path);
	}
	add_text(a, tree, "user", u->name);
	json_add_borrowed(tree, STR("groups"), text_list(a, u->groups, u->group_count));
	for (size_t i = 0; i < u->extra_count; i++)
		json_add(a, extra, u->extra[i].key,
			text_list(a, u->extra[i].values, u->extra[i].count));
	json_add_borrowed(tree, STR("extra"), extra);
	add_text(a, tree, "uid", u->uid);
	return tree;
}

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
