#include "issuer.h"

#include "fetch.h"

#include <kube/jwt.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define KEYS_MAX   100
#define TRY_AGAIN  (10 * SEC)
#define WELL_KNOWN "/.well-known/openid-configuration"
#define QUOTE_MAX  500

enum begin_step { BEGIN_ASK, BEGIN_ANSWERED, BEGIN_PAUSED };
static const char *const begin_steps[] = {"ask", "answered", "paused"};

struct issuer {
	struct env *env;
	struct scope scope, *parent;
	const struct issuer_settings *settings;
	uint64_t serial;
	struct str keys_url; /* empty: not found out yet */
	struct arena arena;  /* of it */
	/* finding out */
	struct task begin;
	struct op begun;
	struct fetch discovery;
	/* keys */
	struct arena key_arena;
	struct issuer_key *keys;
	size_t key_count;
	struct fetch fetching;
	struct op fetched;
	bool fetches;
	char *fault; /* of the last fetch; NULL: none */
	struct list waiters;
	struct op ended;
	bool dropped;
};

/* ---- what it publishes ---- */

int issuer_read_discovery(
	struct arena *a, struct str text, struct str issuer, struct str *keys_url, struct err *err)
{
	struct json_options options = {.limits.max_depth = 32};
	struct cJSON *tree;
	struct str told;

	if (json_parse(a, text, &options, &tree, err))
		return err_wrap(
			err, ERR_SYNTAX, "oidc: failed to decode provider discovery object");
	told = json_str(json_get(tree, STR("issuer")));
	*keys_url = json_str(json_get(tree, STR("jwks_uri")));
	if (!str_eq(told, issuer))
		return err_set(err, ERR_INVALID,
			"oidc: issuer did not match the issuer returned by provider, expected "
			"%.*s got %.*s",
			STRF(field_quote(a, issuer)), STRF(field_quote(a, told)));
	if (!str_starts(*keys_url, STR("https://")))
		return err_set(err, ERR_INVALID, "oidc: the provider tells no https jwks_uri");
	return 0;
}

static void drop_keys(struct issuer_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		key_unref(keys[i].key);
}

int issuer_read_keys(
	struct arena *a, struct str text, struct issuer_key **keys, size_t *count, struct err *err)
{
	struct json_options options = {.limits.max_depth = 32};
	struct cJSON *tree;
	const struct cJSON *list;
	size_t found = 0;

	if (json_parse(a, text, &options, &tree, err))
		return err_wrap(err, ERR_SYNTAX, "oidc: failed to decode keys");
	list = json_get(tree, STR("keys"));
	if (json_count(list) > KEYS_MAX)
		return err_set(err, ERR_LIMIT, "oidc: more than %d keys", KEYS_MAX);
	*keys = arena_new(a, (json_count(list) + 1) * sizeof(**keys));
	json_each (one, list) {
		struct issuer_key *k = &(*keys)[found];

		if (str_eq_text(json_str(json_get(one, STR("use"))), "enc") ||
			jwk_read(one, &k->key, NULL))
			continue;
		k->id = json_str(json_get(one, STR("kid")));
		found++;
	}
	*count = found;
	return 0;
}

static int check_status(const struct fetch *f, const char *what, struct err *err)
{
	struct str body = str_sub(buf_str(&f->body), 0, QUOTE_MAX);

	if (f->status == 200)
		return 0;
	return err_set(err, ERR_UNAVAILABLE, "%s%d %s: %.*s", what, f->status,
		http_status_text(f->status), STRF(body));
}

/* ---- finding out ---- */

static struct str discovery_url(struct issuer *i)
{
	struct str url = i->settings->url;

	if (i->settings->discovery_url.len)
		return i->settings->discovery_url;
	if (str_ends(url, STR("/")))
		url.len--;
	return arena_print(&i->arena, "%.*s" WELL_KNOWN, STRF(url));
}

static int take_discovery(struct issuer *i, struct err *err)
{
	struct str url = {0};
	int code = err->code ? err->code : check_status(&i->discovery, "", err);

	if (!code)
		code = issuer_read_discovery(
			&i->arena, buf_str(&i->discovery.body), i->settings->url, &url, err);
	if (!code)
		i->keys_url = arena_str(&i->arena, url);
	return code;
}

static void begin_run(struct task *t, struct err *err)
{
	struct issuer *i = CONTAINER_OF(t, struct issuer, begin);
	bool over = i->dropped || err->code == ERR_CANCELLED;

	switch ((enum begin_step)t->step) {
	case BEGIN_PAUSED:
	case BEGIN_ASK:
		if (over)
			break;
		i->discovery = (struct fetch){0};
		fetch_start(&i->discovery, i->env, task_await(t, BEGIN_ANSWERED, OP_NO_DEADLINE),
			discovery_url(i), i->settings->authority);
		return;
	case BEGIN_ANSWERED:
		if (!over && take_discovery(i, err))
			log_error(err, "an issuer of tokens cannot be asked",
				LOG_STR("issuer", i->settings->url));
		fetch_done(&i->discovery);
		if (over || i->keys_url.len)
			break;
		err_done(err);
		arena_reset(&i->arena);
		timer_wait(task_await(t, BEGIN_PAUSED, OP_NO_DEADLINE),
			loop_in(i->env->loop, TRY_AGAIN));
		return;
	}
	task_finish(t, 0);
}

static const struct task_kind begin_kind = TASK_KIND("issuer", begin_steps, begin_run);

static void begun(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct issuer *issuer_new(
	struct env *env, struct scope *scope, const struct issuer_settings *settings)
{
	static uint64_t serials;
	struct issuer *i = mem_new(sizeof(*i));

	i->env = env;
	i->parent = scope;
	i->settings = settings;
	i->serial = ++serials;
	arena_init(&i->arena);
	arena_init(&i->key_arena);
	list_init(&i->waiters);
	scope_init(&i->scope, scope, "issuer", NULL);
	op_init(&i->begun, &i->scope, begun, OP_NO_DEADLINE);
	task_start(&i->begin, &begin_kind, &i->begun);
	return i;
}

uint64_t issuer_serial(const struct issuer *i)
{
	return i->serial;
}

bool issuer_is_known(const struct issuer *i)
{
	return i->keys_url.len > 0;
}

const struct issuer_settings *issuer_settings(const struct issuer *i)
{
	return i->settings;
}

/* ---- fetching keys ---- */

static void tell_all(struct issuer *i)
{
	while (!list_empty(&i->waiters)) {
		struct issuer_waiter *w =
			CONTAINER_OF(i->waiters.head.next, struct issuer_waiter, in_issuer);

		link_remove(&w->in_issuer);
		op_finish(w->op, 0);
	}
}

static int take_keys(struct issuer *i, struct err *err)
{
	struct arena fresh;
	struct issuer_key *keys = NULL;
	size_t count = 0;
	int code =
		err->code ? err->code : check_status(&i->fetching, "oidc: get keys failed: ", err);

	arena_init(&fresh);
	if (!code)
		code = issuer_read_keys(&fresh, buf_str(&i->fetching.body), &keys, &count, err);
	if (code) {
		arena_done(&fresh);
		return code;
	}
	drop_keys(i->keys, i->key_count);
	arena_done(&i->key_arena);
	i->key_arena = fresh;
	i->keys = keys;
	i->key_count = count;
	return 0;
}

static void keys_fetched(struct op *op, struct err *err)
{
	struct issuer *i = CONTAINER_OF(op, struct issuer, fetched);

	i->fetches = false;
	mem_free(TAKE(i->fault));
	if (!i->dropped && take_keys(i, err)) {
		i->fault = str_dup(str_from(err_text(err)));
		log_error(err, "the keys of an issuer cannot be fetched",
			LOG_STR("issuer", i->settings->url));
	}
	fetch_done(&i->fetching);
	tell_all(i);
}

static void waiter_cancel(struct op *op)
{
	struct issuer_waiter *w = op->ctx;

	link_remove(&w->in_issuer);
	op_fail_cancelled(op);
}

static const struct op_kind waiter_kind = {.name = "issuer's keys", .cancel = waiter_cancel};

void issuer_refresh(struct issuer *i, struct issuer_waiter *w, struct op *op)
{
	if (!op_begin(op, &waiter_kind, w))
		return;
	w->op = op;
	list_push(&i->waiters, &w->in_issuer);
	if (i->fetches)
		return;
	i->fetches = true;
	i->fetching = (struct fetch){0};
	op_init(&i->fetched, &i->scope, keys_fetched, OP_NO_DEADLINE);
	fetch_start(&i->fetching, i->env, &i->fetched, i->keys_url, i->settings->authority);
}

/* ---- the end ---- */

static void issuer_ended(struct op *op, struct err *err)
{
	struct issuer *i = CONTAINER_OF(op, struct issuer, ended);

	(void)err;
	drop_keys(i->keys, i->key_count);
	arena_done(&i->key_arena);
	arena_done(&i->arena);
	mem_free(i->fault);
	mem_free(i);
}

void issuer_drop(struct issuer *i)
{
	i->dropped = true;
	tell_all(i);
	op_init(&i->ended, i->parent, issuer_ended, OP_NO_DEADLINE);
	scope_close(&i->scope, &i->ended);
}

/* ---- signatures ---- */

static bool some_key_fits(const struct issuer *i, const struct jwt *jwt)
{
	for (size_t k = 0; k < i->key_count; k++)
		if ((!jwt->key_id.len || str_eq(jwt->key_id, i->keys[k].id)) &&
			!jwt_verify_any(jwt, i->keys[k].key, NULL))
			return true;
	return false;
}

enum issuer_verdict issuer_verify(
	struct issuer *i, struct arena *a, const struct jwt *jwt, bool refreshed, struct err *err)
{
	if (!i->keys_url.len) {
		err_set(err, ERR_UNAUTHORIZED, "oidc: authenticator not initialized");
		return ISSUER_BAD;
	}
	if (some_key_fits(i, jwt))
		return ISSUER_GOOD;
	if (!refreshed)
		return ISSUER_WAIT;
	if (i->fault)
		err_set(err, ERR_UNAUTHORIZED,
			"oidc: verify token: failed to verify signature: fetching keys %s",
			i->fault);
	else
		err_set(err, ERR_UNAUTHORIZED,
			"oidc: verify token: failed to verify signature: failed to verify id "
			"token signature");
	(void)a;
	return ISSUER_BAD;
}
