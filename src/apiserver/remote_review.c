#include "remote_review.h"
#include "go_words.h"

#include <kube/client.h>
#include <kube/field.h>
#include <kube/loop.h>
#include <kube/mem.h>
#include <kube/time.h>

#define ATTEMPTS   5 /* upstream's for authentication and authorization */
#define PAUSE      (500 * MSEC)
#define FACTOR     1.5
#define JITTER     0.2
#define ANSWER_MAX MIB

struct remote_reviewer {
	struct env *env;
	struct scope *scope;
	struct arena arena;
	struct client_transport *transport;
	struct str url;    /* as errors tell it */
	struct str target; /* behind the kubeconfig's server */
	int64_t timeout, pause;
	bool tries_all_again;
	struct list reviews; /* under way */
	struct op ended;
	bool dropped;
};

/* ---- life ---- */

static int read_config(struct env *env, struct arena *a, struct str file,
	struct client_config *config, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(3 * MIB);
	struct kubeconfig k;
	struct kubeconfig_choice choice = {0};
	struct str dir, name;
	int code = disk_read_file(env->disk, arena_str(a, file).at, &text, err);

	str_cut_last(file, '/', &dir, &name);
	if (!code)
		code = kubeconfig_parse(a, arena_str(a, buf_str(&text)), dir, &k, err);
	if (!code)
		code = kubeconfig_resolve(a, &k, &choice, config, err);
	if (!code && !config->server.len)
		code = err_set(err, ERR_INVALID, "no server is named by its current context");
	return code;
}

int remote_reviewer_new(struct env *env, struct scope *scope,
	const struct remote_reviewer_options *options, struct remote_reviewer **reviewer,
	struct err *err)
{
	struct remote_reviewer *r = mem_new(sizeof(*r));
	_cleanup_(buf_done) struct buf timeout = BUF_INIT(64);
	struct client_config config = {0};
	int code;

	r->env = env;
	r->scope = scope;
	r->timeout = options->timeout;
	r->pause = options->pause ? options->pause : PAUSE;
	r->tries_all_again = options->tries_all_again;
	arena_init(&r->arena);
	list_init(&r->reviews);
	code = read_config(env, &r->arena, options->file, &config, err);
	if (code) {
		err_wrap(err, code, "%.*s", STRF(options->file));
		arena_done(&r->arena);
		mem_free(r);
		return code;
	}
	duration_print(&timeout, r->timeout);
	r->target = arena_print(&r->arena, "?timeout=%.*s", STRF(buf_str(&timeout)));
	r->url = arena_print(&r->arena, "%.*s%.*s", STRF(config.server), STRF(r->target));
	r->transport = client_transport_https(env, scope, &config);
	*reviewer = r;
	return 0;
}

static void reviewer_ended(struct op *op, struct err *err)
{
	struct remote_reviewer *r = CONTAINER_OF(op, struct remote_reviewer, ended);

	(void)err;
	r->transport->ops->free(r->transport);
	arena_done(&r->arena);
	mem_free(r);
}

static void end_if_idle(struct remote_reviewer *r)
{
	if (!r->dropped || !list_empty(&r->reviews))
		return;
	op_init(&r->ended, r->scope, reviewer_ended, OP_NO_DEADLINE);
	r->transport->ops->stop(r->transport, &r->ended);
}

void remote_reviewer_drop(struct remote_reviewer *r)
{
	if (!r)
		return;
	r->dropped = true;
	for (struct link *l = r->reviews.head.next; l != &r->reviews.head; l = l->next)
		op_cancel(CONTAINER_OF(l, struct remote_review, in_reviewer)->task.op);
	end_if_idle(r);
}

/* ---- one attempt ---- */

enum review_step { REVIEW_SEND, REVIEW_HEAD, REVIEW_BODY, REVIEW_PAUSED };
static const char *const review_steps[] = {"send", "head", "body", "paused"};

static void review_run(struct task *t, struct err *err);
static const struct task_kind review_kind = TASK_KIND("remote review", review_steps, review_run);

static void end_call(struct remote_review *v)
{
	if (v->calling)
		v->call.transport->ops->end(&v->call);
	v->calling = false;
}

static void leave(struct remote_review *v)
{
	end_call(v);
	link_remove(&v->in_reviewer);
	end_if_idle(v->reviewer);
}

static int64_t attempt_deadline(const struct remote_review *v)
{
	return loop_in(v->reviewer->env->loop, v->reviewer->timeout);
}

static void send_review(struct remote_review *v)
{
	static const struct http_header headers[] = {
		{STR_INIT("Accept"), STR_INIT("application/json, */*")},
		{STR_INIT("Content-Type"), STR_INIT("application/json")},
		{STR_INIT("User-Agent"), STR_INIT("kube-apiserver/v1.36.0")},
	};

	v->status = 0;
	buf_clear(&v->answer);
	v->call = (struct client_call){.transport = v->reviewer->transport,
		.method = STR("POST"),
		.target = v->reviewer->target,
		.body = v->body};
	v->call.headers.items = (struct http_header *)(uintptr_t)headers;
	v->call.headers.count = ARRAY_LEN(headers);
	v->calling = true;
	v->reviewer->transport->ops->start(
		&v->call, task_await(&v->task, REVIEW_HEAD, attempt_deadline(v)));
}

/* ---- what becomes of it ---- */

/* Half a second, then half as much again each time, a little late each time by chance. */
static int64_t pause_of(struct remote_review *v)
{
	double pause = (double)v->reviewer->pause;
	uint32_t random;

	for (int i = 1; i < v->attempts; i++)
		pause *= FACTOR;
	env_random(v->reviewer->env, &random, sizeof(random));
	return (int64_t)(pause * (1 + JITTER * (double)random / UINT32_MAX));
}

/* Broken connections and servers that say that it is them: what may be over in a moment. */
static bool passes(const struct remote_review *v, const struct err *err)
{
	if (v->reviewer->tries_all_again)
		return true;
	if (v->status)
		return v->status == 500 || v->status == 504 || v->status == 429;
	return err->code == ERR_CLOSED;
}

static void word(struct remote_review *v, struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (err->code == ERR_TIMEOUT)
		err_set(err, ERR_TIMEOUT, "context deadline exceeded");
	if (v->task.step == REVIEW_BODY)
		go_words_broken(&a, err);
	else
		go_words_unanswered(&a, v->reviewer->url, err);
}

/* refusal: *err is what the server said; otherwise why it said nothing. */
static void fail_or_again(struct remote_review *v, struct err *err, bool refusal)
{
	bool over = err->code == ERR_CANCELLED;

	end_call(v);
	if (!over && passes(v, err) && ++v->attempts < ATTEMPTS && !v->reviewer->dropped) {
		err_done(err);
		timer_wait(task_await(&v->task, REVIEW_PAUSED, OP_NO_DEADLINE),
			loop_in(v->reviewer->env->loop, pause_of(v)));
		return;
	}
	if (!over && !refusal)
		word(v, err);
	leave(v);
	task_fail(&v->task, err);
}

static void refused(struct remote_review *v)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err no = {0};

	arena_init(&a);
	client_read_refusal(&a, v->status, STR("POST"), buf_str(&v->answer), &no);
	fail_or_again(v, &no, true);
}

static void read_on(struct remote_review *v)
{
	v->call.transport->ops->read(&v->call,
		task_await(&v->task, REVIEW_BODY, attempt_deadline(v)), &v->answer, ANSWER_MAX);
}

static void review_run(struct task *t, struct err *err)
{
	struct remote_review *v = CONTAINER_OF(t, struct remote_review, task);

	if (err->code) {
		fail_or_again(v, err, false);
		return;
	}
	switch ((enum review_step)t->step) {
	case REVIEW_SEND:
		list_push(&v->reviewer->reviews, &v->in_reviewer);
		/* fallthrough */
	case REVIEW_PAUSED:
		send_review(v);
		return;
	case REVIEW_HEAD:
		v->status = v->call.status;
		read_on(v);
		return;
	case REVIEW_BODY:
		if (t->wait.n > 0) {
			read_on(v);
			return;
		}
		if (v->status < 200 || v->status > 299) {
			refused(v);
			return;
		}
		leave(v);
		task_finish(t, v->status);
		return;
	}
}

void remote_review_start(
	struct remote_review *v, struct remote_reviewer *r, struct op *op, struct str body)
{
	buf_init(&v->answer, ANSWER_MAX);
	v->reviewer = r;
	v->body = body;

	task_start(&v->task, &review_kind, op);
}

void remote_review_done(struct remote_review *v)
{
	buf_done(&v->answer);
}

/* ---- reading ---- */

int remote_review_read(struct arena *a, struct str answer, const char *kind, struct str api_version,
	struct cJSON **status, struct err *err)
{
	struct json_options options = {.limits.max_depth = 64};
	struct cJSON *tree;
	struct str told;

	if (json_parse(a, answer, &options, &tree, err))
		return err_wrap(err, ERR_SYNTAX, "couldn't get version/kind; json parse error");
	if (!json_is(tree, JSON_OBJECT))
		return err_set(err, ERR_SYNTAX, "the answer is no object");
	told = json_str(json_get(tree, STR("kind")));
	if (told.len && !str_eq_text(told, kind))
		return err_set(err, ERR_SYNTAX, "the answer is of kind %.*s, not %s",
			STRF(field_quote(a, told)), kind);
	told = json_str(json_get(tree, STR("apiVersion")));
	if (told.len && !str_eq(told, api_version))
		return err_set(err, ERR_SYNTAX, "the answer is of version %.*s, not %.*s",
			STRF(field_quote(a, told)), STRF(api_version));
	*status = json_get(tree, STR("status"));
	if (*status && !json_is(*status, JSON_OBJECT) && !json_is(*status, JSON_NULL))
		return err_set(err, ERR_SYNTAX, "the answer's status is no object");
	return 0;
}
