/*
 * ValidatingAdmissionWebhook: all hooks that a review is for are asked at once, about the same
 * object. The first that says no is heard.
 */
#include "activation.h"
#include "audit.h"
#include "plugins.h"

#include <kube/log.h>

struct validating {
	struct admission_review *review;
	struct hook_subject subject;
	struct hook_set *set;
	struct hook_call *calls;
	size_t count, left;
	struct status *first; /* the first no */
};

static void end(struct validating *v, struct status *no)
{
	hook_set_unref(TAKE(v->set));
	admission_resume(v->review, no);
}

static void pass_over(struct validating *v, struct hook_call *c)
{
	log_info("a webhook failed, and is passed over", LOG_STR("hook", c->view.hook->name),
		LOG_STR("why", c->why));
	hook_count_fail_open(c);
	audit_annotate(v->review->request,
		arena_print(v->review->arena,
			"failed-open.validating.webhook.admission.k8s.io/round_0_index_%zu",
			(size_t)(c - v->calls))
			.at,
		c->view.hook->name);
}

static void called(struct hook_call *c)
{
	struct validating *v = c->ctx;
	bool open = c->outcome == HOOK_CALL_FAILED && c->view.hook->fails_open;

	hook_count(c, c->outcome != HOOK_ALLOWED && !open);
	if (open)
		pass_over(v, c);
	else if (c->outcome != HOOK_ALLOWED && !v->first)
		v->first = c->status;
	if (!--v->left)
		end(v, v->first);
}

/* Who is asked is decided for all before the first is. */
static struct status *choose(struct validating *v)
{
	struct status *no = NULL;

	v->calls = arena_new(v->review->arena, (v->set->count + 1) * sizeof(*v->calls));
	for (size_t i = 0; i < v->set->count && !no; i++) {
		struct hook_view view;

		if (hook_matches(&v->subject, v->set, &v->set->hooks[i], &view, &no) && !no)
			v->calls[v->count++] = (struct hook_call){
				.subject = &v->subject, .view = view, .called = called, .ctx = v};
	}
	return no;
}

bool start_validating_webhooks(struct admission_review *review, struct status **no)
{
	struct hook_set *set = hook_set_take(admission_hooks(review->server->admission), false);
	struct validating *v;

	*no = NULL;
	if (!set || !review->request) {
		hook_set_unref(set);
		return false;
	}
	v = arena_new(review->arena, sizeof(*v));
	v->review = review;
	v->set = set;
	hook_subject_init(&v->subject, review);
	if (!hook_subject_is_exempt(&v->subject))
		*no = choose(v);
	if (*no || !v->count || activation_waits(review)) {
		hook_set_unref(set);
		return false;
	}
	v->left = v->count + 1; /* and the one who starts them */
	for (size_t i = 0; i < v->count; i++)
		hook_call_start(&v->calls[i]);
	if (!--v->left)
		end(v, v->first);
	return true;
}
