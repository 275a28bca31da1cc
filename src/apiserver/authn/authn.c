/*
 * Who asks: a client certificate, a bearer token, or nobody. A credential that is shown and not
 * good is refused everywhere; one that is not shown makes the user anonymous.
 */
#include "api_options.h"
#include "audit.h"
#include "authn_private.h"
#include "config_reload.h"
#include "distributed.h"
#include "metrics.h"
#include "pki.h"

#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/websocket.h>

/* ---- users ---- */

/* A proxy may speak for nobody, who does not become somebody by that. */
static bool is_nobody(const struct api_user *u)
{
	return str_eq_text(u->name, "system:anonymous") ||
	       user_in_group(u, STR("system:unauthenticated"));
}

struct api_user *user_new(
	struct arena *a, struct str name, struct str uid, const struct str *groups, size_t count)
{
	static const struct str authenticated = STR_INIT("system:authenticated");
	struct api_user *u = arena_new(a, sizeof(*u));

	u->name = arena_str(a, name);
	u->uid = arena_str(a, uid);
	u->groups = arena_new(a, (count + 1) * sizeof(*u->groups));
	for (size_t i = 0; i < count; i++)
		u->groups[u->group_count++] = arena_str(a, groups[i]);
	if (!is_nobody(u) && !user_in_group(u, authenticated))
		u->groups[u->group_count++] = authenticated;
	return u;
}

static const struct api_user *make_anonymous(struct arena *a)
{
	struct api_user *u = arena_new(a, sizeof(*u));

	u->name = STR("system:anonymous");
	u->groups = arena_new(a, sizeof(*u->groups));
	u->groups[u->group_count++] = STR("system:unauthenticated");
	return u;
}

/* ---- life ---- */

static int read_token_file(struct authn *a, struct err *err)
{
	struct str path = a->server->options->token_auth_file;
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	if (!path.len)
		return 0;
	int code = disk_read_file(a->server->env->disk, arena_str(&a->arena, path).at, &text, err);
	if (!code)
		code = token_file_parse(&a->arena, buf_str(&text), &a->tokens, err);
	return code ? err_wrap(err, code, "--token-auth-file") : 0;
}

/* ---- issuers ---- */

static void drop_issuers(struct authn *a)
{
	for (size_t i = 0; i < a->issuer_count; i++)
		issuer_drop(a->issuers[i]);
	other_issuers_drop(TAKE(a->others));
	mem_free(TAKE(a->issuers));
	a->issuer_count = 0;
}

/* What was remembered of others' tokens ends with their settings. */
static void take_settings(struct authn *a, struct authn_configuration *fresh)
{
	drop_issuers(a);
	token_cache_done(&a->issued);
	token_cache_init(&a->issued);
	authn_configuration_free(a->settings);
	a->settings = fresh;
	a->issuers = mem_new((fresh->issuer_count + 1) * sizeof(struct issuer *));
	for (size_t i = 0; i < fresh->issuer_count; i++)
		a->issuers[a->issuer_count++] =
			issuer_new(a->server->env, &a->server->scope, &fresh->issuers[i]);
}

static void configuration_changed(void *ctx, struct str text, const struct err *why)
{
	struct authn *a = ctx;
	const struct flag_list *own = &a->server->options->sa_issuers;
	struct config_hash hash;
	_cleanup_(err_done) struct err err = {0};
	struct authn_configuration *fresh = NULL;

	if (why)
		err_copy(&err, why);
	else
		authn_configuration_parse(text, own->items, own->count, &fresh, &err);
	config_hash(&hash, CONFIG_OF_AUTHENTICATION, text);
	config_reloaded(a->server, CONFIG_OF_AUTHENTICATION, fresh ? &hash : NULL);
	if (!fresh) {
		log_error(&err, "the authentication configuration stays as it was");
		return;
	}
	take_settings(a, fresh);
	log_info("authentication configuration read again");
}

static int read_text(struct authn *a, struct str path, struct buf *text, struct err *err)
{
	return disk_read_file(a->server->env->disk, arena_str(&a->arena, path).at, text, err);
}

static int open_issuers(struct authn *a, struct err *err)
{
	const struct api_options *o = a->server->options;
	struct config_hash hash;
	_cleanup_(buf_done) struct buf text = BUF_INIT(3 * MIB);
	struct authn_configuration *c = NULL;
	int code = 0;

	if (o->authentication_config.len) {
		code = read_text(a, o->authentication_config, &text, err);
		if (!code)
			code = authn_configuration_parse(
				buf_str(&text), o->sa_issuers.items, o->sa_issuers.count, &c, err);
		if (code)
			return err_wrap(err, code, "--authentication-config %.*s",
				STRF(o->authentication_config));
		if (c->has_anonymous && o->anonymous_auth_given) {
			authn_configuration_free(c);
			return err_set(err, ERR_USAGE,
				"--anonymous-auth flag cannot be set when anonymous field is "
				"configured in authentication configuration file");
		}
		config_hash(&hash, CONFIG_OF_AUTHENTICATION, buf_str(&text));
		config_loaded(a->server, CONFIG_OF_AUTHENTICATION, &hash);
		a->configuration = watched_file_new(a->server->env, &a->server->scope,
			o->authentication_config, buf_str(&text), configuration_changed, a);
	} else {
		if (o->oidc_ca_file.len)
			code = read_text(a, o->oidc_ca_file, &text, err);
		if (!code)
			code = authn_configuration_of_flags(o, buf_str(&text), &c, err);
		if (code)
			return code;
	}
	take_settings(a, c);
	return 0;
}

static int open_hook(struct authn *a, struct err *err)
{
	const struct api_options *o = a->server->options;
	struct remote_reviewer_options options = {
		.file = o->authn_webhook_file, .timeout = 30 * SEC};

	if (!o->authn_webhook_file.len)
		return 0;
	if (remote_reviewer_new(a->server->env, &a->server->scope, &options, &a->hook, err))
		return err_wrap(err, ERR_USAGE, "--authentication-token-webhook-config-file");
	return 0;
}

/* ---- life ---- */

int authn_new(struct api_server *s, struct authn **authn, struct err *err)
{
	struct authn *a = mem_new(sizeof(*a));

	a->server = s;
	arena_init(&a->arena);
	map_init(&a->tokens);
	map_init(&a->signatures);
	map_init(&a->habits);
	token_cache_init(&a->issued);
	token_cache_init(&a->hooked);
	a->anonymous = make_anonymous(&a->arena);
	int code = read_token_file(a, err);
	if (!code)
		code = proxy_headers_new(s, &a->proxies, err);
	if (!code)
		code = open_hook(a, err);
	if (!code)
		code = open_issuers(a, err);
	if (code)
		authn_free(a);
	else
		*authn = a;
	return code;
}

void authn_free(struct authn *a)
{
	if (!a)
		return;
	watched_file_drop(a->configuration);
	drop_issuers(a);
	authn_configuration_free(a->settings);
	remote_reviewer_drop(a->hook);
	token_cache_done(&a->issued);
	token_cache_done(&a->hooked);
	proxy_headers_free(a->proxies);
	map_done(&a->tokens);
	map_done(&a->signatures);
	map_done(&a->habits);
	arena_done(&a->arena);
	mem_free(a);
}

/* ---- certificates ---- */

/* Which certificate it was, as others record of tokens. */
static void add_credential(struct arena *a, struct api_user *u, const struct cert *cert)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	unsigned char digest[32];
	struct str value;

	sha256_of(cert_der(cert), digest);
	buf_add_text(&text, "X509SHA256=");
	hex_encode(&text, str_make((const char *)digest, sizeof(digest)));
	value = arena_str(a, buf_str(&text));
	u->extra = arena_new(a, sizeof(*u->extra));
	*u->extra = (struct user_extra){.key = STR("authentication.kubernetes.io/credential-id"),
		.values = arena_copy(a, &value, sizeof(value)),
		.count = 1};
	u->extra_count = 1;
}

/* A subject may tell it; one that does not do so rightly proves nothing. */
static bool certified_uid(
	const struct api_request *r, const struct cert_name *subject, struct str *uid)
{
	*uid = (struct str){0};
	if (!subject->uid_count || !api_gate(r->server->options, "AllowParsingUserUIDFromCertAuth"))
		return true;
	*uid = subject->uid;
	return subject->uid_count == 1 && uid->len;
}

static enum token_outcome by_certificate(struct api_request *r)
{
	const struct http_peer *peer = r->x->peer;

	if (!peer || !peer->tls)
		return TOKEN_UNKNOWN;
	if (peer->tls_info.peer_error)
		return TOKEN_BAD;
	if (!peer->tls_info.peer || !peer->tls_info.peer->count)
		return TOKEN_UNKNOWN;
	const struct cert *cert = peer->tls_info.peer->items[0];
	const struct cert_info *info = cert_info(cert);
	struct api_user *user;
	struct str uid;
	if (r->now < info->not_before || r->now > info->not_after) /* a long connection */
		return TOKEN_BAD;
	if (!info->subject.common_name.len)
		return TOKEN_UNKNOWN;
	if (!certified_uid(r, &info->subject, &uid))
		return TOKEN_BAD;
	metrics_observe(r->server->metrics, METRIC_CERTIFICATE, STR(""),
		(double)(info->not_after - r->now) / (double)SEC);
	user = user_new(r->arena, info->subject.common_name, uid, info->subject.organizations,
		info->subject.organization_count);
	add_credential(r->arena, user, cert);
	r->user = user;
	return TOKEN_GOOD;
}

/* ---- tokens ---- */

void token_intersect(struct arena *a, const struct str *has, size_t has_count,
	const struct str *wanted, size_t wanted_count, struct token_found *found)
{
	found->audiences = arena_new(a, (has_count + 1) * sizeof(*found->audiences));
	found->audience_count = 0;
	for (size_t i = 0; i < has_count; i++)
		for (size_t k = 0; k < wanted_count; k++)
			if (str_eq(has[i], wanted[k])) {
				found->audiences[found->audience_count++] = has[i];
				break;
			}
}

enum token_outcome token_review(
	struct authn *a, const struct token_question *q, struct token_found *found, struct err *err)
{
	return token_find(a, q, found, err);
}

/*
 * Browsers cannot add headers to WebSockets: one of the protocols that they offer may be a token.
 * TOKEN_BAD: it is none, or nothing else was offered to speak.
 */
static enum token_outcome websocket_token(struct api_request *r, struct str *token)
{
	static const struct str prefix = STR_INIT("base64url.bearer.authorization.k8s.io.");
	const struct http_headers *h = &r->x->request.headers;
	_cleanup_(buf_done) struct buf plain = BUF_INIT(64 * KIB);
	struct str found = {0}, rest, one;
	size_t others = 0;

	if (!http_wants_upgrade(&r->x->request, WEBSOCKET_PROTOCOL))
		return TOKEN_UNKNOWN;
	for (size_t i = 0; i < h->count; i++) {
		rest = h->items[i].value;
		if (!str_eq_nocase(h->items[i].name, STR("Sec-WebSocket-Protocol")))
			continue;
		while (str_next(&rest, ',', &one)) {
			one = str_trim(one);
			if (!str_starts(one, prefix))
				others += one.len > 0;
			else if (!found.len)
				found = str_skip(one, prefix.len);
			else
				return TOKEN_BAD;
		}
	}
	if (!found.len)
		return TOKEN_UNKNOWN;
	if (!others || base64url_decode(&plain, found, NULL) || !str_is_utf8(buf_str(&plain)))
		return TOKEN_BAD;
	*token = arena_str(r->arena, buf_str(&plain));
	return TOKEN_GOOD;
}

static enum token_outcome ask_token(struct api_request *r, struct str token)
{
	struct token_question q = {.arena = r->arena, .request = r, .token = token};
	struct token_found found = {0};
	enum token_outcome outcome = token_find(r->server->authn, &q, &found, NULL);

	r->user = found.user;
	return outcome;
}

static enum token_outcome by_websocket(struct api_request *r)
{
	struct str token;
	enum token_outcome outcome = websocket_token(r, &token);

	return outcome == TOKEN_GOOD ? ask_token(r, token) : outcome;
}

/* `Bearer x`: the second of the words between spaces; an empty one is a spelling mistake. */
static enum token_outcome by_token(struct api_request *r)
{
	struct str header = str_trim(request_header(r, "Authorization")), scheme, token;

	if (!header.len)
		return by_websocket(r);
	if (!str_cut(header, ' ', &scheme, &token) || !str_eq_nocase(scheme, STR("bearer")))
		return TOKEN_UNKNOWN;
	str_cut(token, ' ', &token, &scheme);
	if (!token.len) {
		request_warn(
			r, STR("the provided Authorization header contains extra space before the "
			       "bearer token, and is ignored"));
		return TOKEN_UNKNOWN;
	}
	return ask_token(r, token);
}

/* ---- the stage ---- */

/* Few words for many names, as upstream has them. */
static struct str user_labels(const struct api_user *user)
{
	static const struct {
		const char *name;
		struct str labels;
	} known[] = {
		{"admin", STR_INIT("username=\"admin\"")},
		{"client", STR_INIT("username=\"client\"")},
		{"kube_proxy", STR_INIT("username=\"kube_proxy\"")},
		{"kubelet", STR_INIT("username=\"kubelet\"")},
		{"system:serviceaccount:kube-system:default",
			STR_INIT("username=\"system:serviceaccount:kube-system:default\"")},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq_text(user->name, known[i].name))
			return known[i].labels;
	return str_find_char(user->name, '@') >= 0 ? STR("username=\"email_id\"")
						   : STR("username=\"other\"");
}

/* A wrong proof is an error, none at all a failure. */
static void count(struct api_request *r, enum token_outcome outcome)
{
	struct metrics *m = r->server->metrics;
	struct str result = r->user                ? STR("result=\"success\"")
			    : outcome == TOKEN_BAD ? STR("result=\"error\"")
						   : STR("result=\"failure\"");
	int64_t spent = loop_now(r->server->env->loop) - r->x->started;

	++*metrics_number(m, METRIC_AUTHENTICATED, result);
	metrics_observe(m, METRIC_AUTHENTICATION, result, (double)spent / (double)SEC);
	if (r->user)
		++*metrics_number(m, METRIC_USERS, user_labels(r->user));
}

static void refuse(struct api_request *r, enum token_outcome outcome)
{
	r->user = NULL;
	count(r, outcome);
	audit_unauthenticated(r);
	request_fail(r, status_new(r->arena, ERR_UNAUTHORIZED, "Unauthorized"));
}

/* Where nobody has to say who they are. */
static bool may_be_anonymous(const struct api_request *r)
{
	const struct authn_configuration *c = r->server->authn->settings;

	if (!c->has_anonymous)
		return r->server->options->anonymous_auth;
	for (size_t i = 0; i < c->anonymous_path_count; i++)
		if (str_eq(c->anonymous_paths[i], r->path))
			return true;
	return c->anonymous && !c->anonymous_path_count;
}

/* A proxy's word, a certificate, a token: one that is good is enough. */
static enum token_outcome identify(struct api_request *r)
{
	enum token_outcome worst = proxy_headers_find(r->server->authn->proxies, r), next;

	if (worst == TOKEN_GOOD)
		return worst;
	next = by_certificate(r);
	if (next == TOKEN_GOOD)
		return next;
	worst = worst == TOKEN_BAD ? worst : next;
	next = by_token(r);
	return next == TOKEN_UNKNOWN ? worst : next;
}

void stage_authenticate(struct api_request *r)
{
	enum token_outcome outcome = identify(r);

	if (outcome == TOKEN_WAIT) {
		authn_wait_again(r, stage_authenticate);
		return;
	}
	if (outcome == TOKEN_BAD || (outcome == TOKEN_UNKNOWN && !may_be_anonymous(r))) {
		refuse(r, outcome);
		return;
	}
	if (outcome == TOKEN_UNKNOWN)
		r->user = r->server->authn->anonymous;
	r->real_user = r->user;
	count(r, outcome);
	request_next(r);
}
