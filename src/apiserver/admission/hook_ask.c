/* One hook is asked about one review. */
#include "audit.h"
#include "body.h"
#include "hooks.h"
#include "metrics.h"

#include <kube/time.h>

#define QUESTION_MAX (16 * MIB)

/* ---- what came of it ---- */

static void end(struct hook_call *c, enum hook_outcome outcome, struct status *status)
{
	c->outcome = outcome;
	c->status = status;
	c->called(c);
}

/* The failure policy decides whether anybody hears of it. */
static void end_failed(struct hook_call *c, int http_code, struct str why)
{
	struct arena *a = c->subject->arena;

	c->code = http_code;

	c->why = arena_print(a, "failed calling webhook %.*s: %.*s",
		STRF(field_quote(a, c->view.hook->name)), STRF(why));
	end(c, HOOK_CALL_FAILED, status_internal(a, "%.*s", STRF(c->why)));
}

/* ---- the answer ---- */

static void hand_on(struct hook_call *c, const struct hook_answer *answer)
{
	struct api_request *r = c->subject->review->request;

	json_each (note, answer->annotations)
		audit_annotate(r,
			arena_print(r->arena, "%.*s/%.*s", STRF(c->view.hook->name),
				STRF(json_key(note)))
				.at,
			json_str(note));
	json_each (warning, answer->warnings)
		request_warn(r, json_str(warning));
}

/* What it answered with, if that was a refusal. */
static int http_code(const struct hook_call *c)
{
	return c->call.status >= 400 ? c->call.status : 503;
}

/* false: it is none. */
static bool read_patch(struct hook_call *c, struct str text)
{
	struct arena *a = c->subject->arena;
	_cleanup_(err_done) struct err err = {0};
	const struct cJSON *odd = NULL;
	struct cJSON *patch;

	if (!text.len)
		return true;
	if (!body_parse(a, text, false, NULL, &patch, &err)) {
		json_each (operation, patch)
			if (!odd && !json_is(operation, JSON_OBJECT))
				odd = operation;
		if (!json_is(patch, JSON_ARRAY) && !json_is(patch, JSON_NULL))
			err_set(&err, ERR_SYNTAX,
				"json: cannot unmarshal %s into Go value of type jsonpatch.Patch",
				json_type_name(json_type(patch)));
		else if (odd)
			err_set(&err, ERR_SYNTAX,
				"json: cannot unmarshal %s into Go value of type "
				"jsonpatch.Operation",
				json_type_name(json_type(odd)));
	}
	if (!err.code) {
		c->patch = patch;
		return true;
	}
	end_failed(c, 503,
		arena_print(
			a, "received undecodable patch in webhook response: %s", err_text(&err)));
	return false;
}

static void read_answer(struct hook_call *c)
{
	struct arena *a = c->subject->arena;
	_cleanup_(err_done) struct err err = {0};
	struct hook_answer answer;
	int code = hook_answer_read(a, arena_str(a, buf_str(&c->call.answer)),
		arena_str(a, c->call.content_type), c->call.status, c->view.hook, c->uid,
		c->mutating, &answer, &err);

	webhook_call_done(&c->call);
	if (code) {
		end_failed(c, http_code(c), arena_str(a, str_from(err_text(&err))));
		return;
	}
	hand_on(c, &answer);
	if (!answer.allowed)
		end(c, HOOK_DENIED, answer.denial);
	else if (!read_patch(c, answer.patch))
		return;
	else if (json_count(c->patch) && !str_eq_text(answer.patch_type, "JSONPatch"))
		end_failed(c, 400,
			arena_print(a, "unsupported patch type %.*s",
				STRF(field_quote(a, answer.patch_type))));
	else
		end(c, HOOK_ALLOWED, NULL);
}

static bool request_is_over(const struct hook_call *c, const struct err *err)
{
	const struct api_request *r = c->subject->review->request;

	return err->code == ERR_CANCELLED || scope_closing(&r->x->scope) ||
	       (err->code == ERR_TIMEOUT && loop_now(r->server->env->loop) >= r->deadline);
}

static void answered(struct op *op, struct err *err)
{
	struct hook_call *c = CONTAINER_OF(op, struct hook_call, op);
	struct arena *a = c->subject->arena;
	struct str why;

	if (!err->code) {
		read_answer(c);
		return;
	}
	why = arena_print(a,
		c->call.misconfigured ? "could not get REST client: %s"
				      : "failed to call webhook: %s",
		err_text(err));
	c->over = request_is_over(c, err);
	webhook_call_done(&c->call);
	if (c->over) {
		end(c, HOOK_FAILED, request_status(c->subject->review->request, err));
		return;
	}
	end_failed(c, c->call.misconfigured ? 500 : http_code(c), why);
}

/* ---- the question ---- */

static struct str print_question(struct hook_call *c, const struct cJSON *question)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(QUESTION_MAX);

	json_print(&text, question, JSON_COMPACT);
	return arena_str(c->subject->arena, buf_str(&text));
}

void hook_call_start(struct hook_call *c)
{
	const struct hook *hook = c->view.hook;
	struct api_request *r = c->subject->review->request;
	struct arena *a = c->subject->arena;
	const struct cJSON *question;
	struct status *no;

	c->began = loop_now(r->server->env->loop);
	if (c->subject->review->dry_run && hook->has_side_effects) {
		end(c, HOOK_FAILED,
			status_new(a, ERR_BAD_REQUEST,
				"admission webhook %.*s does not support dry run",
				STRF(field_quote(a, hook->name))));
		return;
	}
	question = hook_question(c->subject, &c->view, c->uid, &no);
	if (no) {
		end(c, HOOK_FAILED, no);
		return;
	}
	if (!question) {
		end_failed(c, 400,
			STR("could not create admission objects: webhook does not accept "
			    "known AdmissionReview versions (v1, v1beta1)"));
		return;
	}
	c->call = (struct webhook_call){.target = hook->target,
		.body = print_question(c, question),
		.timeout = hook->timeout,
		.tells_timeout = true,
		.user_agent = STR("kube-apiserver-admission")};
	op_init(&c->op, &r->x->scope, answered, r->deadline);
	webhook_call_start(r->server->backends, &c->op, &c->call);
}

/* ---- counting ---- */

static const char *type_of(const struct hook_call *c)
{
	return c->mutating ? "admit" : "validating";
}

static int code_of(const struct hook_call *c)
{
	switch (c->outcome) {
	case HOOK_ALLOWED:
		return 200;
	case HOOK_CALL_FAILED:
		return c->code;
	case HOOK_DENIED:
		return c->status->code;
	default:
		return 0; /* it is our failure */
	}
}

void hook_count(struct hook_call *c, bool rejected)
{
	struct api_request *r = c->subject->review->request;
	struct metrics *m = r->server->metrics;
	const char *verdict = rejected ? "true" : "false";
	int code = MIN(code_of(c), 600);
	double seconds = (double)(loop_now(r->server->env->loop) - c->began) / SEC;
	struct str common = arena_print(r->arena, "name=\"%.*s\",operation=\"%s\"",
		STRF(c->view.hook->name), c->subject->operation);

	metrics_observe(m, METRIC_HOOK_DURATION,
		arena_print(r->arena, "%.*s,rejected=\"%s\",type=\"%s\"", STRF(common), verdict,
			type_of(c)),
		seconds);
	++*metrics_number(m, METRIC_HOOK_REQUESTS,
		arena_print(r->arena, "code=\"%d\",%.*s,rejected=\"%s\",type=\"%s\"", code,
			STRF(common), verdict, type_of(c)));
	if (rejected)
		++*metrics_number(m, METRIC_HOOK_REJECTIONS,
			arena_print(r->arena,
				"error_type=\"%s\",%.*s,rejection_code=\"%d\",type=\"%s\"",
				c->outcome == HOOK_CALL_FAILED ? "calling_webhook_error"
				: c->outcome == HOOK_DENIED    ? "no_error"
							       : "apiserver_internal_error",
				STRF(common), code, type_of(c)));
}

void hook_count_fail_open(struct hook_call *c)
{
	struct api_request *r = c->subject->review->request;

	++*metrics_number(r->server->metrics, METRIC_HOOK_FAIL_OPEN,
		arena_print(r->arena, "name=\"%.*s\",type=\"%s\"", STRF(c->view.hook->name),
			type_of(c)));
}
