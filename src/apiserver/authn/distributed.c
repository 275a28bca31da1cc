#include "distributed.h"
#include "authn_private.h"
#include "claims.h"

#include <kube/jwt.h>
#include <kube/mem.h>

#define OTHERS_MAX 16 /* that tokens may make us ask */

struct other_issuer {
	struct issuer_settings settings; /* of the first, but for the URL */
	const struct issuer_settings *of;
	char *url;
	struct issuer *issuer;
};
struct other_issuers {
	struct other_issuer items[OTHERS_MAX];
	size_t count;
};

/* ---- where ---- */

static int wrong(struct err *err, const char *what)
{
	return err_set(err, ERR_UNAUTHORIZED, "%s", what);
}

int distributed_find(struct arena *a, const struct cJSON *claims, struct str claim,
	struct distributed_source *source, struct err *err)
{
	const struct cJSON *names = json_get(claims, STR("_claim_names"));
	const struct cJSON *sources = json_get(claims, STR("_claim_sources"));
	const struct cJSON *name, *at;

	if (!claim.len || json_get(claims, claim) || !names)
		return 0;
	if (!json_is(names, JSON_OBJECT))
		return wrong(err, "oidc: error parsing distributed claim names");
	if (!sources)
		return wrong(err, "oidc: no claim sources");
	if (!json_is(sources, JSON_OBJECT))
		return wrong(err, "oidc: could not parse claim sources");
	name = json_get(names, claim);
	if (!name)
		return 0;
	at = json_get(sources, json_str(name));
	if (!at)
		return err_set(err, ERR_UNAUTHORIZED,
			"id token _claim_names contained a source %.*s missing in _claims_sources",
			STRF(json_str(name)));
	source->url = arena_str(a, json_str(json_get(at, STR("endpoint"))));
	source->bearer = arena_str(a, json_str(json_get(at, STR("access_token"))));
	return source->url.len > 0; /* else it lies here, in a form that nobody reads */
}

/* ---- whose ---- */

static struct issuer *known_issuer(const struct authn *a, struct str url)
{
	for (size_t i = 0; i < a->issuer_count; i++)
		if (str_eq(issuer_settings(a->issuers[i])->url, url))
			return a->issuers[i];
	return NULL;
}

/* NULL: there are too many of them. */
static struct issuer *other_issuer(
	struct authn *a, const struct issuer_settings *of, struct str url)
{
	struct other_issuers *all = a->others;
	struct other_issuer *o;

	if (!all)
		all = a->others = mem_new(sizeof(*all));
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].of == of && str_eq(str_from(all->items[i].url), url))
			return all->items[i].issuer;
	if (all->count == OTHERS_MAX)
		return NULL;
	o = &all->items[all->count++];
	o->of = of;
	o->url = str_dup(url);
	o->settings = *of;
	o->settings.url = str_from(o->url);
	o->settings.discovery_url = STR("");
	o->issuer = issuer_new(a->server->env, &a->server->scope, &o->settings);
	return o->issuer;
}

void other_issuers_drop(struct other_issuers *o)
{
	for (size_t i = 0; o && i < o->count; i++) {
		issuer_drop(o->items[i].issuer);
		mem_free(o->items[i].url);
	}
	mem_free(o);
}

/* ---- the way ---- */

enum distributed_step { DISTRIBUTED_FETCH, DISTRIBUTED_ANSWER, DISTRIBUTED_KEYS };
static const char *const distributed_steps[] = {"fetch", "answer", "keys"};

static void distributed_run(struct task *t, struct err *err);
static const struct task_kind distributed_kind =
	TASK_KIND("distributed claims", distributed_steps, distributed_run);

static void end(struct distributed *d)
{
	fetch_done(&d->fetch);
	task_finish(&d->task, 0);
}

static void fail(struct distributed *d, const char *context, struct err *err)
{
	struct str why = str_from(err_text(err)), verify = STR("oidc: verify token: ");

	if (str_starts(why, verify))
		why = str_skip(why, verify.len);
	d->error = arena_print(
		d->arena, "oidc: could not expand distributed claims: %s%.*s", context, STRF(why));
	end(d);
}

static void take(struct distributed *d)
{
	const struct cJSON *value = json_get(d->jwt->claims, d->claim);

	if (value)
		d->value = value;
	else
		d->error = arena_print(d->arena,
			"oidc: could not expand distributed claims: jwt returned by distributed "
			"claim endpoint %.*s did not contain claim: %.*s",
			STRF(field_quote(d->arena, d->source.url)), STRF(d->claim));
	end(d);
}

/* What was known before an await may be gone: settings may have changed. */
static void verify(struct distributed *d)
{
	struct authn *a = d->authn;
	struct issuer *first = known_issuer(a, d->issuer), *i = NULL;
	struct str by = json_str(json_get(d->jwt->claims, STR("iss")));
	_cleanup_(err_done) struct err err = {0};

	if (first)
		i = known_issuer(a, by) ? known_issuer(a, by)
					: other_issuer(a, issuer_settings(first), by);
	if (!i || !issuer_is_known(i)) {
		err_set(&err, ERR_UNAUTHORIZED,
			"verifying untrusted issuer %.*s failed: verifier not initialized for "
			"issuer: %.*s",
			STRF(by), STRF(field_quote(d->arena, by)));
		fail(d, "", &err);
		return;
	}
	if (claims_check(
		    d->arena, issuer_settings(first), d->jwt, env_wall(a->server->env), &err)) {
		fail(d, "verify distributed claim token: ", &err);
		return;
	}
	switch (issuer_verify(i, d->arena, d->jwt, d->refreshed, &err)) {
	case ISSUER_GOOD:
		take(d);
		return;
	case ISSUER_BAD:
		fail(d, "verify distributed claim token: ", &err);
		return;
	case ISSUER_WAIT:
		d->refreshed = true;
		issuer_refresh(
			i, &d->waiting, task_await(&d->task, DISTRIBUTED_KEYS, OP_NO_DEADLINE));
		return;
	}
}

static void read_answer(struct distributed *d, struct err *err)
{
	const char *getting =
		arena_print(d->arena, "while getting distributed claim \"%.*s\": ", STRF(d->claim))
			.at;

	if (!err->code && d->fetch.status != 200)
		err_set(err, ERR_UNAVAILABLE, "error while getting distributed claim JWT: %d %s",
			d->fetch.status, http_status_text(d->fetch.status));
	if (err->code) {
		fail(d, getting, err);
		return;
	}
	d->jwt = arena_new(d->arena, sizeof(*d->jwt));
	if (jwt_read(d->arena, arena_str(d->arena, str_trim(buf_str(&d->fetch.body))), d->jwt,
		    err)) {
		fail(d,
			arena_print(d->arena,
				"getting untrusted issuer from endpoint %.*s failed for claim "
				"\"%.*s\": ",
				STRF(d->source.url), STRF(d->claim))
				.at,
			err);
		return;
	}
	verify(d);
}

static void distributed_run(struct task *t, struct err *err)
{
	struct distributed *d = CONTAINER_OF(t, struct distributed, task);
	struct issuer *first;

	if (err->code == ERR_CANCELLED) {
		fetch_done(&d->fetch);
		task_fail(t, err);
		return;
	}
	switch ((enum distributed_step)t->step) {
	case DISTRIBUTED_FETCH:
		first = known_issuer(d->authn, d->issuer);
		d->fetch = (struct fetch){.bearer = d->source.bearer};
		fetch_start(&d->fetch, d->authn->server->env,
			task_await(t, DISTRIBUTED_ANSWER, OP_NO_DEADLINE), d->source.url,
			first ? arena_str(d->arena, issuer_settings(first)->authority) : STR(""));
		return;
	case DISTRIBUTED_ANSWER:
		read_answer(d, err);
		return;
	case DISTRIBUTED_KEYS:
		verify(d);
		return;
	}
}

void distributed_start(struct distributed *d, struct op *op)
{
	task_start(&d->task, &distributed_kind, op);
}
