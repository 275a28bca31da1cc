/* What the answer to a step means. */
#include "worker.h"

#include <kube/api_codec.h>
#include <kube/log.h>

/* The controller's own word about a refusal. What it adds is done, what it had planned is not. */
static bool tell_refusal(struct worker *w, size_t step, const struct err *err)
{
	const struct controller_options *o = &w->controller->options;
	struct plan_refusal refusal = {.err = err, .status = w->request.status};
	size_t planned = w->plan.count;

	w->told = true;
	refusal.step = arena_copy(&w->arena, &w->plan.steps[step], sizeof(*refusal.step));
	bool again = o->refused(o->ctx, &w->plan, &refusal, env_wall(worker_env(w)));
	w->step = planned;
	return again;
}

/* What a failed write means: nothing, come again, or come again and say so. Does the plan go on? */
static bool judge_failure(struct worker *w, size_t step, const struct err *err)
{
	struct controller *c = w->controller;
	const struct plan_step s = w->plan.steps[step];

	if ((s.verb == PLAN_DELETE || s.verb == PLAN_ABSENT) && err->code == ERR_NOT_FOUND) {
		w->last_name = (struct str){0};
		return true;
	}
	if (err->code == ERR_CONFLICT || err->code == ERR_ALREADY_EXISTS ||
		(s.verb == PLAN_CONFIRM && err->code == ERR_NOT_FOUND)) {
		c->stats.conflicts++;
		w->conflict = true;
		return false;
	}
	bool tell = c->options.refused && !w->told && err->code != ERR_CANCELLED;
	if (tell && !tell_refusal(w, step, err))
		return true;
	w->failed = true;
	c->stats.failures++;
	if (err->code != ERR_CANCELLED)
		log_error(err, "cannot write", LOG_TEXT("controller", c->options.name),
			LOG_STR("key", w->key), LOG_STR("resource", s.resource->plural),
			LOG_STR("namespace", s.namespace), LOG_STR("name", s.name));
	return tell;
}

static bool is_confirmed(const struct plan_step *s, const struct cJSON *object)
{
	return str_eq(tree_str(object, "metadata.uid"), s->precondition_uid) &&
	       !tree_has(object, "metadata.deletionTimestamp");
}

/* The first no may bring another question; the last brings the key again, later each time. */
static bool is_allowed(struct worker *w, size_t step)
{
	_cleanup_(err_done) struct err no = {0};

	if (json_bool(json_path(w->request.object, "status.allowed")))
		return true;
	err_set(&no, ERR_FORBIDDEN, "the access review was not approved");
	if (!w->controller->options.refused || w->told) {
		w->failed = true;
		return false;
	}
	w->failed |= tell_refusal(w, step, &no);
	return true;
}

bool worker_judge(struct worker *w, size_t step, const struct err *err)
{
	const struct plan_step *s = &w->plan.steps[step];

	if (err->code)
		return judge_failure(w, step, err);
	switch (s->verb) {
	case PLAN_CONFIRM:
		w->conflict = !is_confirmed(s, w->request.object);
		return !w->conflict;
	case PLAN_ABSENT:
		return false;
	case PLAN_ALLOWED:
		return is_allowed(w, step);
	default:
		worker_note_written(w, s);
		return true;
	}
}
