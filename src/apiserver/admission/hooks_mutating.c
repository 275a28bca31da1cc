/*
 * MutatingAdmissionWebhook: one hook after the other, each sees what those before it have made of
 * the object. Those that ask for it (IfNeeded) are asked once more when the object has changed
 * after they had seen it, be it by another hook or by the plugins' second round.
 */
#include "audit.h"
#include "hooks.h"
#include "plugins.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/patch.h>

struct asked_hook {
	struct str uid;
	struct asked_hook *next;
};

/* Of one review, over both rounds; in its arena. */
struct mutations {
	struct asked_hook *asked, *due; /* that want to be asked again; that are now */
	struct str last;                /* the object as the hooks left it; empty: there was none */
};

struct mutating {
	struct admission_review *review;
	struct hook_subject subject;
	struct hook_set *set;
	struct mutations *seen;
	size_t next;
	bool waits; /* the chain does */
	struct status *outcome;
	struct hook_call call;
};

/* ---- who is asked again ---- */

static struct str print_object(struct mutating *m)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * MIB);

	if (!m->review->object)
		return STR("");
	json_print(&text, m->review->object, JSON_SORTED);
	return arena_str(m->review->arena, buf_str(&text));
}

static void note_asked(struct mutating *m, const struct hook *h)
{
	struct asked_hook *one = arena_new(m->review->arena, sizeof(*one));

	one->uid = arena_str(m->review->arena, h->uid);
	one->next = m->seen->asked;
	m->seen->asked = one;
}

static bool is_due(const struct mutating *m, const struct hook *h)
{
	for (const struct asked_hook *one = m->seen->due; one; one = one->next)
		if (str_eq(one->uid, h->uid))
			return true;
	return false;
}

static void all_asked_are_due(struct mutations *seen)
{
	struct asked_hook *one;

	while ((one = seen->asked)) {
		seen->asked = one->next;
		one->next = seen->due;
		seen->due = one;
	}
}

static void object_changed(struct mutating *m)
{
	all_asked_are_due(m->seen);
	m->review->again = true;
}

/* ---- the end ---- */

static void end(struct mutating *m, struct status *no)
{
	if (!m->review->second)
		m->seen->last = print_object(m);
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
static struct status *apply(struct mutating *m, struct str text, bool *changed)
{
	struct admission_review *review = m->review;
	struct arena *a = review->arena;
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *patch, *shown, *patched, *hub;
	struct status *no;
	bool same;

	*changed = false;
	if (json_parse(a, text, NULL, &patch, &err))
		return status_internal(a, "%s", err_text(&err));
	if (json_is(patch, JSON_ARRAY) && !json_count(patch))
		return NULL;
	if (!review->object)
		return no_object(m);
	no = hook_show(&m->subject, &m->call.view, review->object, &shown);
	if (no)
		return no;
	if (patch_json(a, shown, patch, NULL, &patched, &err) ||
		hook_take(&m->subject, &m->call.view, patched, &hub, &same, &err))
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

static void go_on(struct mutating *m);

/* true: the next may be asked. */
static bool judge(struct mutating *m, struct status **no)
{
	struct hook_call *c = &m->call;
	bool changed = false;

	*no = NULL;
	if (c->outcome == HOOK_ALLOWED && c->patch.len) {
		c->status = apply(m, c->patch, &changed);
		if (c->status)
			c->outcome = HOOK_FAILED;
	}
	annotate_call(m, changed);
	hook_count(c, c->outcome == HOOK_CALL_FAILED ? !c->view.hook->fails_open
						     : c->outcome != HOOK_ALLOWED);
	if (changed)
		object_changed(m);
	if (c->view.hook->reinvoked)
		note_asked(m, c->view.hook);
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

/* A call leaves it, and comes back by called(). */
static void go_on(struct mutating *m)
{
	struct hook_view view;
	struct status *no = NULL;

	while (m->next < m->set->count) {
		const struct hook *h = &m->set->hooks[m->next++];

		if (!hook_matches(&m->subject, h, &view, &no))
			continue;
		if (no)
			break;
		if (m->review->second && !is_due(m, h))
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
	if (!review->mutations)
		review->mutations = arena_new(review->arena, sizeof(struct mutations));
	m->seen = review->mutations;
	/* the other plugins have looked again, and changed something */
	if (review->second && !str_eq(print_object(m), m->seen->last))
		all_asked_are_due(m->seen);
	go_on(m);
	*no = m->outcome;
	return m->waits;
}
