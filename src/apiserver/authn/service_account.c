/*
 * Tokens of service accounts. A signature says who the token was made for; whether that still
 * holds is looked up: the account, and the object the token is bound to, must be there and be the
 * same ones.
 */
#include "audit.h"
#include "authn_private.h"
#include "claims.h"
#include "metrics.h"
#include "pki.h"

#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/jwt.h>
#include <kube/mem.h>
#include <kube/time.h>

#define LEGACY_ISSUER  "kubernetes/serviceaccount"
#define LEGACY         "kubernetes.io/serviceaccount/"
#define INVALID_SINCE  "kubernetes.io/legacy-token-invalid-since"
#define LEEWAY         MINUTE
#define SIGNATURES_MAX 8192
#define USER_PREFIX    "system:serviceaccount:"
#define EXTRA          "authentication.kubernetes.io/"
#define NOTE           "authentication.k8s.io/" /* in the audit log */

struct account_token {
	struct authn *authn;
	struct arena *arena;
	struct api_request *request; /* NULL: it comes with none */
	struct str text;
	struct jwt jwt;
	const struct cJSON *own;    /* the claim kubernetes.io */
	const struct cJSON *secret; /* that a token of old lives in; NULL: not looked at */
	int64_t now;
};

/* ---- what is told of it ---- */

static void count_use(const struct account_token *t, enum metric_series which)
{
	++*metrics_number(t->authn->server->metrics, which, STR(""));
}

static void note(const struct account_token *t, const char *key, struct str value)
{
	if (t->request)
		audit_annotate(t->request, key, value);
}

/* Tokens of pods last longer than they say, for clients that do not read them again. */
static void note_age(const struct account_token *t)
{
	const struct cJSON *after = json_get(t->own, STR("warnafter"));
	int64_t late = t->now / SEC - (int64_t)json_double(after);

	if (!json_is(after, JSON_NUMBER) || json_double(after) == 0)
		return;
	count_use(t, late > 0 ? METRIC_ACCOUNT_STALE : METRIC_ACCOUNT_VALID);
	if (late > 0)
		note(t, NOTE "stale-token",
			arena_print(t->arena,
				"subject: %.*s, seconds after warning threshold: %lld",
				STRF(json_str(json_get(t->jwt.claims, STR("sub")))),
				(long long)late));
}

/* ---- whose token ---- */

static bool is_listed(const struct flag_list *list, struct str text)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], text))
			return true;
	return false;
}

/*
 * What a key has signed it has signed for good, and the same token comes with every request of a
 * client: it is verified once. Only good ones are remembered, so strangers fill nothing.
 */
static int check_signature(struct account_token *t, bool *verified, struct err *err)
{
	const struct pki *pki = t->authn->server->pki;
	struct map *known = &t->authn->signatures;
	unsigned char digest[32];
	struct str key = str_make((const char *)digest, sizeof(digest));

	sha256_of(t->text, digest);
	*verified = map_has(known, key);
	if (*verified)
		return 0;
	for (size_t i = 0; i < pki->verifying_count; i++) {
		if (jwt_verify(&t->jwt, pki->verifying[i], NULL))
			continue;
		if (known->count >= SIGNATURES_MAX) {
			map_done(known);
			map_init(known);
		}
		map_set(known, key, NULL);
		return 0;
	}
	return err_set(err, ERR_UNAUTHORIZED, "go-jose/go-jose: error in cryptographic primitive");
}

struct str_list {
	const struct str *items;
	size_t count;
};

/* "aud" is one text or a list; old tokens have none and are for the API's own audiences. */
static struct str_list audiences_of(struct account_token *t)
{
	const struct flag_list *own = &t->authn->server->options->api_audiences;
	const struct cJSON *aud = json_get(t->jwt.claims, STR("aud"));
	struct str *items = arena_new(t->arena, (json_count(aud) + 1) * sizeof(*items));
	size_t count = 0;

	if (json_is(aud, JSON_STRING))
		items[count++] = json_str(aud);
	json_each (one, aud)
		items[count++] = json_str(one);
	if (count)
		return (struct str_list){items, count};
	note(t, NOTE "legacy-token", json_str(json_get(t->jwt.claims, STR("sub"))));
	count_use(t, METRIC_ACCOUNT_LEGACY);
	return (struct str_list){own->items, own->count};
}

static int check_audiences(struct account_token *t, const struct str *wanted, size_t wanted_count,
	struct token_found *found, struct err *err)
{
	const struct flag_list *api = &t->authn->server->options->api_audiences;
	struct str_list has = audiences_of(t);

	if (!wanted_count) {
		wanted = api->items;
		wanted_count = api->count;
	}
	token_intersect(t->arena, has.items, has.count, wanted, wanted_count, found);
	if (found->audience_count || !api->count)
		return 0;
	return err_set(err, ERR_UNAUTHORIZED,
		"token audiences %.*s is invalid for the target audiences %.*s",
		STRF(claims_quote_all(t->arena, has.items, has.count)),
		STRF(claims_quote_all(t->arena, wanted, wanted_count)));
}

static bool read_time(const struct account_token *t, const char *claim, int64_t *at)
{
	const struct cJSON *value = json_get(t->jwt.claims, str_from(claim));
	double seconds = json_double(value);

	if (!json_is(value, JSON_NUMBER) || seconds < 0 || seconds > 9e9)
		return false;
	*at = (int64_t)seconds * SEC;
	return true;
}

static int check_times(const struct account_token *t, struct err *err)
{
	int64_t at;

	if (read_time(t, "nbf", &at) && t->now + LEEWAY < at)
		return err_set(err, ERR_UNAUTHORIZED, "service account token is not valid yet");
	if (read_time(t, "exp", &at) && t->now - LEEWAY > at)
		return err_set(err, ERR_UNAUTHORIZED, "service account token has expired");
	if (read_time(t, "iat", &at) && t->now + LEEWAY < at)
		return err_set(
			err, ERR_UNAUTHORIZED, "service account token is issued in the future");
	return 0;
}

/* ---- what must still be there ---- */

static bool is_gone(const struct account_token *t, const struct cJSON *object)
{
	struct str when = tree_str(object, "metadata.deletionTimestamp");
	int64_t at;

	return when.len && !time_parse(when, &at, NULL) && at < t->now - LEEWAY;
}

static int check_account(struct account_token *t, struct str namespace, struct str name,
	struct str uid, const char *what, struct err *err)
{
	const struct cJSON *account =
		server_read(t->authn->server, t->arena, "", "serviceaccounts", namespace, name);

	if (!account)
		return err_set(
			err, ERR_UNAUTHORIZED, "serviceaccounts \"%.*s\" not found", STRF(name));
	if (is_gone(t, account))
		return err_set(err, ERR_UNAUTHORIZED, "%s %.*s/%.*s has been deleted", what,
			STRF(namespace), STRF(name));
	if (!str_eq(tree_str(account, "metadata.uid"), uid))
		return err_set(err, ERR_UNAUTHORIZED, "%s UID (%.*s) does not match claim (%.*s)",
			what, STRF(tree_str(account, "metadata.uid")), STRF(uid));
	return 0;
}

static const struct {
	const char *claim, *plural, *word;
	bool namespaced;
} bindings[] = {
	{"secret", "secrets", "secret", true},
	{"pod", "pods", "pod", true},
	{"node", "nodes", "node", false},
};

static int check_binding(struct account_token *t, size_t i, struct str namespace, struct err *err)
{
	const struct cJSON *ref = json_get(t->own, str_from(bindings[i].claim));
	struct str uid = tree_str(ref, "uid");

	/* of a pod's token the node is told, not checked: the pod is what it is bound to */
	if (!ref || (!bindings[i].namespaced && json_get(t->own, STR("pod"))))
		return 0;
	const struct cJSON *object = server_read(t->authn->server, t->arena, "", bindings[i].plural,
		namespace, tree_str(ref, "name"));
	if (!object || is_gone(t, object))
		return err_set(err, ERR_UNAUTHORIZED, "service account token has been invalidated");
	if (!str_eq(tree_str(object, "metadata.uid"), uid))
		return err_set(err, ERR_UNAUTHORIZED,
			"%s UID (%.*s) does not match service account %s ref claim (%.*s)",
			bindings[i].word, STRF(tree_str(object, "metadata.uid")), bindings[i].word,
			STRF(uid));
	return 0;
}

static int check_bound(struct account_token *t, struct err *err)
{
	struct str namespace = tree_str(t->own, "namespace");
	int code = check_times(t, err);

	if (!code)
		code = check_account(t, namespace, tree_str(t->own, "serviceaccount.name"),
			tree_str(t->own, "serviceaccount.uid"), "service account", err);
	for (size_t i = 0; i < ARRAY_LEN(bindings) && !code; i++)
		code = check_binding(t, i, namespace, err);
	if (!code)
		note_age(t);
	return code;
}

/* ---- legacy tokens: they live in a Secret, and end with it ---- */

static struct str legacy(const struct account_token *t, const char *name)
{
	return json_str(json_get(t->jwt.claims, arena_print(t->arena, LEGACY "%s", name)));
}

static int check_legacy_claims(struct account_token *t, struct err *err)
{
	static const struct {
		const char *claim, *word;
	} needed[] = {{"namespace", "namespace"}, {"secret.name", "secretName"},
		{"service-account.name", "serviceAccountName"},
		{"service-account.uid", "serviceAccountUID"}};
	struct str subject = json_str(json_get(t->jwt.claims, STR("sub")));

	if (!subject.len)
		return err_set(err, ERR_UNAUTHORIZED, "sub claim is missing");
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!legacy(t, needed[i].claim).len)
			return err_set(
				err, ERR_UNAUTHORIZED, "%s claim is missing", needed[i].word);
	if (!str_eq(subject,
		    arena_print(t->arena, USER_PREFIX "%.*s:%.*s", STRF(legacy(t, "namespace")),
			    STRF(legacy(t, "service-account.name")))))
		return err_set(err, ERR_UNAUTHORIZED, "sub claim is invalid");
	return 0;
}

static int check_secret(struct account_token *t, struct err *err)
{
	_cleanup_(buf_done) struct buf data = BUF_INIT(MIB);
	const struct cJSON *secret = server_read(t->authn->server, t->arena, "", "secrets",
		legacy(t, "namespace"), legacy(t, "secret.name"));

	if (!secret || tree_has(secret, "metadata.deletionTimestamp"))
		return err_set(err, ERR_UNAUTHORIZED, "service account token has been invalidated");
	if (base64_decode(&data, tree_str(secret, "data.token"), NULL) ||
		!secret_equal(buf_str(&data), t->text))
		return err_set(err, ERR_UNAUTHORIZED, "token does not match server's copy");
	t->secret = secret;
	return 0;
}

/* The controller marks those that nobody has used for a year. */
static int check_mark(const struct account_token *t, struct err *err)
{
	struct str namespace = legacy(t, "namespace"), name = legacy(t, "secret.name");

	if (!json_get(json_path(t->secret, "metadata.labels"), STR(INVALID_SINCE)))
		return 0;
	note(t, NOTE "legacy-token-invalidated",
		arena_print(t->arena, "%.*s/%.*s", STRF(name), STRF(namespace)));
	count_use(t, METRIC_ACCOUNT_LEGACY_INVALID);
	return err_set(err, ERR_UNAUTHORIZED,
		"the token in secret %.*s/%.*s for service account %.*s/%.*s has been marked "
		"invalid. Use tokens from the TokenRequest API or manually created secret-based "
		"tokens, or remove the '" INVALID_SINCE "' label from the secret to temporarily "
		"allow use of this token",
		STRF(namespace), STRF(name), STRF(namespace),
		STRF(legacy(t, "service-account.name")));
}

/* It came with the account when the account names it. */
static bool is_generated(const struct account_token *t)
{
	const struct cJSON *account = server_read(t->authn->server, t->arena, "", "serviceaccounts",
		legacy(t, "namespace"), legacy(t, "service-account.name"));

	json_each (ref, json_get(account, STR("secrets")))
		if (str_eq(tree_str(ref, "name"), legacy(t, "secret.name")))
			return true;
	return false;
}

static void note_secret(const struct account_token *t)
{
	bool generated = is_generated(t);

	if (generated && t->request)
		request_warn(t->request,
			STR("Use tokens from the TokenRequest API or manually created secret-based "
			    "tokens instead of auto-generated secret-based tokens."));
	note(t,
		generated ? NOTE "legacy-token-autogenerated-secret"
			  : NOTE "legacy-token-manual-secret",
		legacy(t, "secret.name"));
	count_use(t, generated ? METRIC_ACCOUNT_LEGACY_AUTO : METRIC_ACCOUNT_LEGACY_MANUAL);
}

static int check_legacy(struct account_token *t, struct err *err)
{
	int code = check_legacy_claims(t, err);

	if (code || !t->authn->server->options->sa_lookup)
		return code;
	code = check_secret(t, err);
	if (!code)
		code = check_account(t, legacy(t, "namespace"), legacy(t, "service-account.name"),
			legacy(t, "service-account.uid"), "ServiceAccount", err);
	if (code)
		return code;
	code = check_mark(t, err);
	if (!code)
		note_secret(t);
	legacy_token_used(t->authn, t->secret);
	return code;
}

/* ---- the user ---- */

static void add_extra(
	struct account_token *t, struct api_user *u, const char *name, struct str value)
{
	if (value.len)
		u->extra[u->extra_count++] = (struct user_extra){.key = str_from(name),
			.values = arena_copy(t->arena, &value, sizeof(value)),
			.count = 1};
}

static const struct api_user *user_of(
	struct account_token *t, struct str namespace, struct str name, struct str uid)
{
	struct str groups[] = {STR("system:serviceaccounts"),
		arena_print(t->arena, "system:serviceaccounts:%.*s", STRF(namespace))};
	struct str id = json_str(json_get(t->jwt.claims, STR("jti")));
	struct api_user *u = user_new(t->arena,
		arena_print(t->arena, USER_PREFIX "%.*s:%.*s", STRF(namespace), STRF(name)), uid,
		groups, ARRAY_LEN(groups));

	u->extra = arena_new(t->arena, 5 * sizeof(*u->extra));
	if (id.len)
		add_extra(t, u, EXTRA "credential-id", arena_print(t->arena, "JTI=%.*s", STRF(id)));
	add_extra(t, u, EXTRA "node-name", tree_str(t->own, "node.name"));
	add_extra(t, u, EXTRA "node-uid", tree_str(t->own, "node.uid"));
	add_extra(t, u, EXTRA "pod-name", tree_str(t->own, "pod.name"));
	add_extra(t, u, EXTRA "pod-uid", tree_str(t->own, "pod.uid"));
	return u;
}

enum token_outcome account_token_find(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	struct account_token t = {.authn = a,
		.arena = q->arena,
		.request = q->request,
		.text = q->token,
		.now = env_wall(a->server->env)};
	struct str issuer;
	bool known;

	if (jwt_read(q->arena, q->token, &t.jwt, NULL))
		return TOKEN_UNKNOWN;
	issuer = json_str(json_get(t.jwt.claims, STR("iss")));
	bool old = str_eq_text(issuer, LEGACY_ISSUER);
	if (!old && !is_listed(&a->server->options->sa_issuers, issuer))
		return TOKEN_UNKNOWN;
	t.own = old ? NULL : json_get(t.jwt.claims, STR("kubernetes.io"));
	if (check_signature(&t, &known, err) ||
		check_audiences(&t, q->audiences, q->audience_count, found, err) ||
		(old ? check_legacy(&t, err) : check_bound(&t, err)))
		return TOKEN_BAD;
	found->user = old ? user_of(&t, legacy(&t, "namespace"), legacy(&t, "service-account.name"),
				    legacy(&t, "service-account.uid"))
			  : user_of(&t, tree_str(t.own, "namespace"),
				    tree_str(t.own, "serviceaccount.name"),
				    tree_str(t.own, "serviceaccount.uid"));
	found->known = known;
	return TOKEN_GOOD;
}
