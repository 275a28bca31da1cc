/* Runs the chain: those that change objects one after the other, then those that judge. */
#include "admission.h"
#include "access.h"
#include "api_options.h"
#include "hooks.h"
#include "measure.h"
#include "policies.h"
#include "quota_ledger.h"
#include "settings.h"

#include <kube/mem.h>

struct admission_link {
	const struct admission_plugin *plugin; /* NULL: the end */
	const struct admission_waits *waits;   /* NULL: it does not */
	struct admission_times times;
};

struct admission {
	struct quota_ledger *ledger;
	struct hook_sources *hooks;
	struct policy_sources *policies;
	struct admission_link *on;
	size_t count;
	struct admission_times times; /* of all */
	struct admission_settings settings;
};

static bool listed(const struct flag_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq_text(list->items[i], name))
			return true;
	return false;
}

static const struct admission_waits *waits_of(const struct admission_plugin *p)
{
	for (const struct admission_waits *w = admission_waits; w->name; w++)
		if (!strcmp(w->name, p->name))
			return w;
	return NULL;
}

void admission_add(struct admission *a, const struct admission_plugin *plugin,
	const struct admission_waits *waits)
{
	a->on[a->count++] = (struct admission_link){.plugin = plugin, .waits = waits};
}

int admission_new(struct api_server *s, struct admission **admission, struct err *err)
{
	const struct api_options *o = s->options;
	size_t count = 0;

	for (const struct admission_plugin *p = admission_plugins; p->name; p++) {
		if (listed(&o->enable_admission, p->name) && listed(&o->disable_admission, p->name))
			return err_set(err, ERR_USAGE,
				"%s in enable-admission-plugins and disable-admission-plugins "
				"overlapped",
				p->name);
		count++;
	}
	struct admission *a = mem_new(sizeof(*a));
	a->on = mem_new((count + 2) * sizeof(*a->on)); /* one to be added, and the end */
	const struct admission_plugin **wanted = mem_new((count + 1) * sizeof(void *));
	for (const struct admission_plugin *p = admission_plugins; p->name; p++)
		if ((p->default_on || listed(&o->enable_admission, p->name)) &&
			!listed(&o->disable_admission, p->name)) {
			wanted[a->count] = p;
			admission_add(a, p, waits_of(p));
		}
	a->ledger = quota_ledger_new(s);
	a->hooks = hook_sources_new(s);
	a->policies = policy_sources_new(s);
	*admission = a;
	int code = admission_settings_read(&a->settings, s, wanted, err);
	mem_free(wanted);
	return code;
}

void admission_stop(struct admission *a)
{
	if (a)
		admission_settings_stop(&a->settings);
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	admission_settings_done(&a->settings);
	quota_ledger_free(a->ledger);
	policy_sources_free(a->policies);
	hook_sources_free(a->hooks);
	mem_free(a->on);
	mem_free(a);
}

struct quota_ledger *admission_ledger(struct admission *a)
{
	return a->ledger;
}

struct policy_sources *admission_policies(struct admission *a)
{
	return a->policies;
}

struct hook_sources *admission_hooks(struct admission *a)
{
	return a->hooks;
}

const struct admission_settings *admission_settings(const struct admission *a)
{
	return &a->settings;
}

/* Of a plugin that had something to say. */
static void measured(struct admission_review *review, const struct status *no)
{
	if (review->asked >= 0)
		admission_measure(
			review, &review->at->times, review->at->plugin->name, review->asked, no);
}

/* false: the plugin waits. */
static bool ask(struct admission_review *review, struct status **no)
{
	const struct admission_plugin *p = review->at->plugin;
	const struct admission_waits *waits = review->at->waits;
	admit_start_fn *start = !waits ? NULL : review->judging ? waits->validate : waits->mutate;
	admit_fn *at_once = review->judging ? p->validate : p->mutate;

	*no = NULL;
	review->asked = -1;
	if (!(p->operations & review->operation) || (!start && !at_once))
		return true;
	review->asked = loop_now(review->server->env->loop);
	if (start)
		return !start(review, no);
	*no = at_once(review);
	return true;
}

/* What a plugin changed after others had looked is shown to them once more, and only once. */
static bool begins_again(struct admission_review *review)
{
	if (review->at->plugin || review->judging || review->second || !review->again)
		return false;
	review->second = true;
	review->at = review->server->admission->on;
	return review->at->plugin;
}

static void walk(struct admission_review *review);

static void tell(struct admission_review *review, struct status *no)
{
	admission_measure(review, &review->server->admission->times, NULL, review->begun, no);
	review->next(review, no);
}

/* The plugin has asked an authorizer elsewhere: it is called once more when that has answered. */
static void access_known(struct op *op, struct err *err)
{
	struct admission_review *review = CONTAINER_OF(op, struct admission_review, op);

	if (err->code)
		tell(review, status_from_err(review->arena, err));
	else
		walk(review);
}

static bool waits_for_access(struct admission_review *review)
{
	struct api_request *r = review->request;

	if (!access_is_pending(r))
		return false;
	op_init(&review->op, &r->x->scope, access_known, r->deadline);
	access_wait(r, &review->op);
	return true;
}

static void walk(struct admission_review *review)
{
	struct status *no = NULL;

	while (review->at->plugin || begins_again(review)) {
		if (!ask(review, &no) || waits_for_access(review))
			return;
		measured(review, no);
		if (no)
			break;
		review->at++;
	}
	tell(review, no);
}

void admission_start(struct admission_review *review, enum admission_phase phase)
{
	review->at = review->server->admission->on;
	review->judging = phase == ADMIT_VALIDATE;
	review->begun = loop_now(review->server->env->loop);
	walk(review);
}

void admission_resume(struct admission_review *review, struct status *no)
{
	measured(review, no);
	if (no) {
		tell(review, no);
		return;
	}
	review->at++;
	walk(review);
}

/* What has no name yet goes by what it will begin with. */
static struct str told_name(const struct admission_review *a)
{
	struct str made = tree_str(a->object, "metadata.generateName");

	if (a->name.len)
		return a->name;
	return made.len ? made : STR("Unknown");
}

struct status *admission_forbidden(struct admission_review *a, const char *why, ...)
{
	_cleanup_(buf_done) struct buf words = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, why);
	buf_vprint(&words, why, args);
	va_end(args);
	const char *text = buf_text(&words);
	struct str full = resource_full_name(a->arena, a->resource), name = told_name(a);
	if (!name.len)
		return status_for(a->arena, ERR_FORBIDDEN, a->resource, name,
			"%.*s is forbidden: %s", STRF(full), text);
	return status_for(a->arena, ERR_FORBIDDEN, a->resource, name,
		"%.*s \"%.*s\" is forbidden: %s", STRF(full), STRF(name), text);
}

struct status *admission_failed(struct admission_review *a, const char *why, ...)
{
	_cleanup_(buf_done) struct buf words = BUF_INIT(64 * KIB);
	struct status *s;
	va_list args;

	va_start(args, why);
	buf_vprint(&words, why, args);
	va_end(args);
	s = status_new(a->arena, ERR_INTERNAL, "%s", buf_text(&words));
	s->reason = STR("");
	return s;
}
