/* Runs the chain: those that change objects one after the other, then those that judge. */
#include "admission.h"
#include "api_options.h"
#include "quota_ledger.h"
#include "settings.h"

#include <kube/mem.h>

struct admission {
	struct quota_ledger *ledger;
	const struct admission_plugin **on; /* ends with NULL */
	struct admission_settings settings;
};

static bool listed(const struct flag_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq_text(list->items[i], name))
			return true;
	return false;
}

int admission_new(struct api_server *s, struct admission **admission, struct err *err)
{
	const struct api_options *o = s->options;
	size_t count = 0, n = 0;

	for (const struct admission_plugin *p = admission_plugins; p->name; p++) {
		if (listed(&o->enable_admission, p->name) && listed(&o->disable_admission, p->name))
			return err_set(err, ERR_USAGE,
				"%s in enable-admission-plugins and disable-admission-plugins "
				"overlapped",
				p->name);
		count++;
	}
	struct admission *a = mem_new(sizeof(*a));
	a->on = mem_new((count + 1) * sizeof(const struct admission_plugin *));
	for (const struct admission_plugin *p = admission_plugins; p->name; p++)
		if ((p->default_on || listed(&o->enable_admission, p->name)) &&
			!listed(&o->disable_admission, p->name))
			a->on[n++] = p;
	a->ledger = quota_ledger_new(s);
	*admission = a;
	return admission_settings_read(&a->settings, s, a->on, err);
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	admission_settings_done(&a->settings);
	quota_ledger_free(a->ledger);
	mem_free(a->on);
	mem_free(a);
}

struct quota_ledger *admission_ledger(struct admission *a)
{
	return a->ledger;
}

const struct admission_settings *admission_settings(const struct admission *a)
{
	return &a->settings;
}

struct status *admission_mutate(struct admission *a, struct admission_review *review)
{
	for (const struct admission_plugin **p = a->on; *p; p++)
		if ((*p)->mutate && ((*p)->operations & review->operation)) {
			struct status *no = (*p)->mutate(review);

			if (no)
				return no;
		}
	return NULL;
}

struct status *admission_validate(struct admission *a, struct admission_review *review)
{
	for (const struct admission_plugin **p = a->on; *p; p++)
		if ((*p)->validate && ((*p)->operations & review->operation)) {
			struct status *no = (*p)->validate(review);

			if (no)
				return no;
		}
	return NULL;
}

/* What has no name yet goes by what it will begin with. */
static struct str told_name(const struct admission_review *a)
{
	return a->name.len ? a->name : tree_str(a->object, "metadata.generateName");
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
