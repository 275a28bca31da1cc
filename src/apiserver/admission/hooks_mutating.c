/*
 * MutatingAdmissionWebhook: one hook after the other, each sees what those before it have made of
 * the object. Those that ask for it (IfNeeded) are asked once more when the object has changed
 * after they had seen it, be it by another hook or by the plugins' second round.
 */
#include "activation.h"
#include "audit.h"
#include "plugins.h"
#include "reinvocation.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/patch.h>

struct mutating {
	struct admission_review *review;
	struct hook_subject subject;
	struct hook_set *set;
	struct reinvocation *again;
	size_t next;
	bool waits; /* the chain does */
	struct status *outcome;
	struct hook_call call;
	struct op op;
};

/* ---- the end ---- */

static void end(struct mutating *m, struct status *no)
{
	reinvocation_leave(m->again);
	hook_set_unref(TAKE(m->set));
	m->outcome = no;
	if (m->waits)
		admission_resume(m->review, no);
}

/* ---- patches ---- */

static struct status *no_object(struct mutating *m)
{
	struct arena *a = m->review->arena;

	return status_internal(a,
		"admission webhook %.*s attempted to modify the object, which is not supported "
		"for this operation",
		STRF(field_quote(a, m->call.view.hook->name)));
}

/* *changed: the object is another one now. */
static struct status *apply(struct mutating *m, const struct cJSON *patch, bool *changed)
{
	struct admission_review *review = m->review;
	struct arena *a = review->arena;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *shown, *patched, *hub;
	struct status *no;
	bool same;

	*changed = false;
	if (!review->object)
		return no_object(m);
	no = hook_show(&m->subject, &m->call.view, review->object, &shown);
	if (no)
		return no;
	if (patch_json(a, shown, patch, NULL, &patched, &err) ||
		hook_take(&m->subject, &m->call.view, patched, false, &hub, &same, &err))
		return status_internal(a, "%s", err_text(&err));
	review->object = hub;
	*changed = !same;
	return NULL;
}

/* ---- one after the other ---- */

static void annotate(struct mutating *m, const char *key, struct str value)
{
	audit_annotate(m->review->request,
		arena_print(m->review->arena, "%s/round_%d_index_%zu", key, m->review->second,
			m->next - 1)
			.at,
		value);
}

static void annotate_call(struct mutating *m, bool changed)
{
	const struct hook *h = m->call.view.hook;

	annotate(m, "mutation.webhook.admission.k8s.io",
		arena_print(m->review->arena,
			"{\"configuration\":\"%.*s\",\"webhook\":\"%.*s\",\"mutated\":%s}",
			STRF(h->configuration), STRF(h->name), changed ? "true" : "false"));
}

/* What it did to the object, where the audit log has objects. */
static void annotate_patch(struct mutating *m)
{
	const struct hook *h = m->call.view.hook;
	_cleanup_(buf_done) struct buf text = BUF_INIT(SIZE_MAX);

	if (!audit_wants_sent(m->review->request))
		return;
	buf_print(&text, "{\"configuration\":\"%.*s\",\"webhook\":\"%.*s\",\"patch\":",
		STRF(h->configuration), STRF(h->name));
	json_print(&text, m->call.patch, JSON_SORTED);
	buf_add_text(&text, ",\"patchType\":\"JSONPatch\"}");
	annotate(m, "patch.webhook.admission.k8s.io", arena_str(m->review->arena, buf_str(&text)));
}

static void go_on(struct mutating *m);

/* true: the next may be asked. */
static bool judge(struct mutating *m, struct status **no)
{
	struct hook_call *c = &m->call;
	bool changed = false;

	*no = NULL;
	if (c->outcome == HOOK_ALLOWED && json_count(c->patch)) {
		c->status = apply(m, c->patch, &changed);
		if (c->status)
			c->outcome = HOOK_FAILED;
		else
			annotate_patch(m);
	}
	annotate_call(m, changed);
	hook_count(c, c->outcome == HOOK_CALL_FAILED ? !c->view.hook->fails_open
						     : c->outcome != HOOK_ALLOWED);
	if (changed)
		reinvocation_changed(m->again);
	if (c->view.hook->reinvoked)
		reinvocation_note(m->again, c->view.hook->uid);
	if (c->outcome == HOOK_ALLOWED)
		return true;
	if (c->outcome == HOOK_CALL_FAILED && c->view.hook->fails_open) {
		log_info("a webhook failed, and is passed over",
			LOG_STR("hook", c->view.hook->name), LOG_STR("why", c->why));
		hook_count_fail_open(c);
		annotate(m, "failed-open.mutation.webhook.admission.k8s.io", c->view.hook->name);
		return true;
	}
	*no = c->status;
	return false;
}

static void called(struct hook_call *c)
{
	struct mutating *m = c->ctx;
	struct status *no;

	if (judge(m, &no))
		go_on(m);
	else
		end(m, no);
}

static void access_known(struct op *op, struct err *err)
{
	struct mutating *m = CONTAINER_OF(op, struct mutating, op);

	if (err->code)
		end(m, request_status(m->review->request, err));
	else
		go_on(m);
}

/* The hook's condition asked who may do what: it is looked at again when that is known. */
static void wait_for_access(struct mutating *m)
{
	struct api_request *r = m->review->request;

	m->next--;
	m->waits = true;
	op_init(&m->op, &r->x->scope, access_known, r->deadline);
	access_wait(r, &m->op);
}

/* A call leaves it, and comes back by called(). */
static void go_on(struct mutating *m)
{
	struct hook_view view;
	struct status *no = NULL;

	while (m->next < m->set->count) {
		const struct hook *h = &m->set->hooks[m->next++];

		bool matches = hook_matches(&m->subject, m->set, h, &view, &no);

		if (activation_waits(m->review)) {
			wait_for_access(m);
			return;
		}
		if (!matches)
			continue;
		if (no)
			break;
		if (!reinvocation_calls(m->again, h->uid))
			continue;
		m->waits = true;
		m->call = (struct hook_call){.subject = &m->subject,
			.view = view,
			.mutating = true,
			.called = called,
			.ctx = m};
		hook_call_start(&m->call);
		return;
	}
	end(m, no);
}

bool start_mutating_webhooks(struct admission_review *review, struct status **no)
{
	struct hook_set *set = hook_set_take(admission_hooks(review->server->admission), true);
	struct mutating *m;

	*no = NULL;
	if (!set || !review->request) {
		hook_set_unref(set);
		return false;
	}
	m = arena_new(review->arena, sizeof(*m));
	m->review = review;
	m->set = set;
	hook_subject_init(&m->subject, review);
	if (hook_subject_is_exempt(&m->subject)) {
		hook_set_unref(set);
		return false;
	}
	m->again = reinvocation_enter(review, &review->hooks);
	go_on(m);
	*no = m->outcome;
	return m->waits;
}
