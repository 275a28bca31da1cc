/* The stages of a request, in their order, and how it moves from one to the next. */
#include "pipeline.h"
#include "aggregate.h"
#include "api_options.h"
#include "audit.h"
#include "custom_kind.h"
#include "fair.h"
#include "metrics.h"
#include "respond.h"

#include <kube/log.h>
#include <kube/random.h>

static const struct stage stages[] = {
	{"parse", stage_parse},
	{"resolve", stage_resolve},
	{"origins", stage_origins},
	{"authenticate", stage_authenticate},
	{"audit", stage_audit},
	{"impersonate", stage_impersonate},
	{"throttle", stage_throttle},
	{"authorize", stage_authorize},
	{"aggregate", stage_aggregate},
	{"route", stage_route},
	{"negotiate", stage_negotiate},
	{"read body", stage_read_body},
	{"options", stage_options},
	{"serve", stage_serve},
	{NULL, NULL},
};

/* Who comes from inside is known already. */
static bool skipped(const struct api_request *r)
{
	return r->local &&
	       (r->stage->run == stage_authenticate || r->stage->run == stage_impersonate);
}

void request_next(struct api_request *r)
{
	do
		r->stage++;
	while (skipped(r));
	r->stage->run(r);
}

void request_fail(struct api_request *r, struct status *status)
{
	answer_status(r, status);
}

struct status *request_status(struct api_request *r, const struct err *err)
{
	struct status *s;

	if (err->code != ERR_TIMEOUT)
		return status_from_err(r->arena, err);
	s = status_new(r->arena, ERR_TIMEOUT,
		"Timeout: request did not complete within the allotted timeout");
	s->has_details = true;
	return s;
}

void request_fail_err(struct api_request *r, const struct err *err)
{
	request_fail(r, request_status(r, err));
}

/* ---- in and out ---- */

static struct api_request *request_new(struct api_server *s, struct http_exchange *x)
{
	struct api_request *r = arena_new(&x->arena, sizeof(*r));

	r->server = s;
	r->x = x;
	r->arena = &x->arena;
	r->now = env_wall(s->env);
	r->stage = stages;
	r->deadline = loop_in(s->env->loop, s->options->request_timeout);
	x->handler = r;
	buf_init(&r->body, 3 * MIB);
	buf_init(&r->out, SIZE_MAX);
	metrics_begin(r);
	return r;
}

void pipeline_handle(void *ctx, struct http_exchange *x)
{
	struct api_request *r = request_new(ctx, x);

	r->stage->run(r);
}

void api_server_handle_local(
	struct api_server *s, struct http_exchange *x, const struct local_user *user)
{
	struct api_request *r = request_new(s, x);
	struct api_user *u = arena_new(r->arena, sizeof(*u));
	size_t count = 0;

	while (user->groups && user->groups[count])
		count++;
	u->name = arena_str(r->arena, str_from(user->name));
	u->groups = arena_new(r->arena, (count + 1) * sizeof(*u->groups));
	for (size_t i = 0; i < count; i++)
		u->groups[i] = arena_str(r->arena, str_from(user->groups[i]));
	u->groups[count] = STR("system:authenticated");
	u->group_count = count + 1;
	r->local = true;
	r->user = r->real_user = u;
	r->stage->run(r);
}

void request_end(struct api_request *r)
{
	audit_end(r);
	metrics_end(r);
	fair_leave(r);
	respond_release(r);
	request_release_kept(r);
	custom_kind_unref(TAKE(r->kind));
	server_took_memory(r->server, r->arena->size + (size_t)MAX(r->x->sent, 0));
	buf_done(&r->body);
	buf_done(&r->out);
	http_exchange_done(r->x);
}
