/*
 * Who is behind a bearer token: a line of a file, a bootstrap token's Secret, a service account,
 * an issuer elsewhere, a webhook, in this order. Those elsewhere may have to be waited for.
 */
#include "api_options.h"
#include "config_reload.h"
#include "metrics.h"
#include "token_waits.h"

#include <kube/jwt.h>
#include <kube/time.h>

#define GOOD_FOR (10 * SEC) /* upstream's cache of what its authenticators said */

/* ---- waiting ---- */

struct authn_waits *token_waits_of(struct api_request *r)
{
	if (!r->token_waits) {
		r->token_waits = arena_new(r->arena, sizeof(*r->token_waits));
		r->token_waits->request = r;
		r->token_waits->since = loop_now(r->server->env->loop);
	}
	return r->token_waits;
}

static bool was_refreshed(const struct token_question *q, const struct issuer *i)
{
	const struct authn_waits *w = q->request ? q->request->token_waits : NULL;

	for (const struct refreshed *f = w ? w->refreshed : NULL; f; f = f->next)
		if (f->serial == issuer_serial(i))
			return true;
	return !q->request;
}

void authn_wait(struct api_request *r, struct op *op)
{
	struct authn_waits *w = r->token_waits;
	struct issuer *issuer = TAKE(w->issuer);
	struct expanded *e = TAKE(w->expanding);
	struct refreshed *f;

	if (e) {
		e->next = w->expanded;
		w->expanded = e;
		distributed_start(&e->ask, op);
		return;
	}
	if (!issuer) {
		token_hook_ask(w, op);
		return;
	}
	f = arena_new(r->arena, sizeof(*f));
	*f = (struct refreshed){.next = w->refreshed, .serial = issuer_serial(issuer)};
	w->refreshed = f;
	issuer_refresh(issuer, &w->waiting, op);
}

static void waited(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code)
		request_fail_err(r, err);
	else
		r->token_waits->again(r);
}

void authn_wait_again(struct api_request *r, stage_fn *again)
{
	r->token_waits->again = again;
	op_init(&r->op, &r->x->scope, waited, r->deadline);
	authn_wait(r, &r->op);
}

/* ---- those that know nothing of audiences: they are for the API's own ---- */

static bool is_for_us(struct authn *a, const struct token_question *q, struct token_found *found)
{
	const struct flag_list *own = &a->server->options->api_audiences;
	const struct str *wanted = q->audience_count ? q->audiences : own->items;
	size_t count = q->audience_count ? q->audience_count : own->count;

	token_intersect(q->arena, own->items, own->count, wanted, count, found);
	return found->audience_count || !own->count;
}

static bool find_plain(struct authn *a, const struct token_question *q, struct token_found *found)
{
	found->user = map_get(&a->tokens, q->token);
	if (!found->user && !bootstrap_token_find(a, q->arena, q->token, &found->user))
		return false;
	return is_for_us(a, q, found);
}

/* ---- issuers elsewhere ---- */

static struct issuer *issuer_of(struct authn *a, struct str url)
{
	/* what Google's tokens said of old */
	if (str_eq_text(url, "accounts.google.com"))
		url = STR("https://accounts.google.com");
	for (size_t i = 0; i < a->issuer_count; i++)
		if (str_eq(issuer_settings(a->issuers[i])->url, url))
			return a->issuers[i];
	return NULL;
}

static enum token_outcome verify(struct authn *a, const struct token_question *q, struct issuer *i,
	const struct jwt *jwt, struct err *err)
{
	int64_t now = env_wall(a->server->env);

	if (claims_check(q->arena, issuer_settings(i), jwt, now, err))
		return TOKEN_BAD;
	switch (issuer_verify(i, q->arena, jwt, was_refreshed(q, i), err)) {
	case ISSUER_GOOD:
		return TOKEN_GOOD;
	case ISSUER_BAD:
		return TOKEN_BAD;
	case ISSUER_WAIT:
		token_waits_of(q->request)->issuer = i;
		return TOKEN_WAIT;
	}
	return TOKEN_BAD;
}

/* Groups that the claims tell elsewhere become claims. */
static enum token_outcome expand(struct authn *a, const struct token_question *q,
	const struct issuer *i, struct jwt *jwt, const struct token_digest *digest, struct err *err)
{
	struct str claim = issuer_settings(i)->groups.claim;
	struct distributed_source source;
	struct authn_waits *w = q->request ? token_waits_of(q->request) : NULL;
	struct expanded *e = w ? w->expanded : NULL;
	int code = distributed_find(q->arena, jwt->claims, claim, &source, err);

	if (code < 0) {
		err_wrap(err, code, "oidc: could not expand distributed claims");
		return TOKEN_BAD;
	}
	if (!code)
		return TOKEN_GOOD;
	while (e && memcmp(&e->digest, digest, sizeof(*digest)))
		e = e->next;
	if (e && e->ask.value) {
		json_set(q->arena, jwt->claims, claim, json_copy(q->arena, e->ask.value));
		return TOKEN_GOOD;
	}
	if (e || !w) {
		err_set(err, ERR_UNAUTHORIZED, "%.*s",
			STRF(e ? e->ask.error : STR("oidc: could not expand distributed claims")));
		return TOKEN_BAD;
	}
	e = w->expanding = arena_new(q->request->arena, sizeof(*e));
	e->digest = *digest;
	e->ask = (struct distributed){.authn = a,
		.arena = q->request->arena,
		.issuer = arena_str(q->request->arena, issuer_settings(i)->url),
		.claim = arena_str(q->request->arena, claim),
		.source = source};
	return TOKEN_WAIT;
}

static int64_t spent_on(const struct authn *a, const struct token_question *q)
{
	const struct authn_waits *w = q->request ? q->request->token_waits : NULL;

	return w ? loop_now(a->server->env->loop) - w->since : 0;
}

static void count_issued(
	const struct authn *a, const struct token_question *q, struct issuer *i, bool good)
{
	struct config_hash hash;

	config_hash(&hash, CONFIG_OF_AUTHENTICATION, issuer_settings(i)->url);
	metrics_observe(a->server->metrics, METRIC_ISSUED_TOKENS,
		arena_print(q->arena, "jwt_issuer_hash=\"%s\",result=\"%s\"", hash.text,
			good ? "success" : "failure"),
		(double)spent_on(a, q) / (double)SEC);
}

/* Its signature, times and groups; then who that is. */
static enum token_outcome judge_issued(struct authn *a, const struct token_question *q,
	struct issuer *i, struct jwt *jwt, const struct token_digest *digest,
	struct token_found *found, struct err *err)
{
	enum token_outcome outcome = verify(a, q, i, jwt, err);
	struct api_user *user;

	if (outcome == TOKEN_GOOD)
		outcome = expand(a, q, i, jwt, digest, err);
	if (outcome != TOKEN_GOOD)
		return outcome;
	if (claims_user(q->arena, issuer_settings(i), jwt->claims, &user, err))
		return TOKEN_BAD;
	found->user = user;
	return TOKEN_GOOD;
}

static enum token_outcome find_issued(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	struct token_digest digest;
	struct issuer *i = NULL;
	struct jwt jwt;
	int64_t now = loop_now(a->server->env->loop);
	enum token_outcome outcome;

	if (!a->issuer_count || !is_for_us(a, q, found))
		return TOKEN_UNKNOWN;
	if (!jwt_read(q->arena, q->token, &jwt, NULL))
		i = issuer_of(a, json_str(json_get(jwt.claims, STR("iss"))));
	if (!i)
		return TOKEN_UNKNOWN;
	digest = token_digest(q);
	if (token_cache_get(&a->issued, &digest, now, q->arena, found))
		return TOKEN_GOOD;
	outcome = judge_issued(a, q, i, &jwt, &digest, found, err);
	if (outcome != TOKEN_WAIT)
		count_issued(a, q, i, outcome == TOKEN_GOOD);
	if (outcome == TOKEN_GOOD)
		token_cache_put(&a->issued, &digest, now + GOOD_FOR, found);
	return outcome;
}

/* ---- all of them ---- */

struct finding {
	struct authn *authn;
	const struct token_question *question;
	struct token_found *found;
	struct buf faults;
};

typedef enum token_outcome find_fn(struct authn *a, const struct token_question *q,
	struct token_found *found, struct err *err);

/* One that fails leaves it to the others, and its words for the end. */
static enum token_outcome try_one(struct finding *f, find_fn *find)
{
	_cleanup_(err_done) struct err why = {0};
	enum token_outcome outcome;

	*f->found = (struct token_found){0};
	outcome = find(f->authn, f->question, f->found, &why);
	if (outcome == TOKEN_BAD)
		buf_print(&f->faults, ", %s", err_text(&why));
	return outcome == TOKEN_BAD ? TOKEN_UNKNOWN : outcome;
}

/* Upstream's cache has every token; ours those that cost something. */
static void count_token(struct authn *a, const struct token_question *q, bool good, bool known)
{
	struct metrics *m = a->server->metrics;
	struct str status = known ? STR("status=\"hit\"") : STR("status=\"miss\"");

	++*metrics_number(m, METRIC_TOKENS, status);
	metrics_observe(m, METRIC_TOKEN_DURATION, status, (double)spent_on(a, q) / (double)SEC);
	if (!known)
		++*metrics_number(m, METRIC_TOKEN_FETCHES,
			good ? STR("status=\"ok\"") : STR("status=\"error\""));
}

static enum token_outcome find_any(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	static find_fn *const all[] = {account_token_find, find_issued, token_hook_find};
	struct finding f = {a, q, found, BUF_INIT(16 * KIB)};
	enum token_outcome outcome = TOKEN_UNKNOWN;

	found->known = find_plain(a, q, found);
	if (found->known)
		return TOKEN_GOOD;
	for (size_t i = 0; i < ARRAY_LEN(all) && outcome == TOKEN_UNKNOWN; i++)
		outcome = try_one(&f, all[i]);
	if (outcome == TOKEN_UNKNOWN) {
		outcome = TOKEN_BAD;
		if (f.faults.len)
			err_set(err, ERR_UNAUTHORIZED, "[invalid bearer token%.*s]",
				STRF(buf_str(&f.faults)));
		else
			err_set(err, ERR_UNAUTHORIZED, "invalid bearer token");
	}
	buf_done(&f.faults);
	return outcome;
}

enum token_outcome token_find(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	enum token_outcome outcome = find_any(a, q, found, err);

	if (outcome != TOKEN_WAIT)
		count_token(a, q, outcome == TOKEN_GOOD, outcome == TOKEN_GOOD && found->known);
	return outcome;
}
