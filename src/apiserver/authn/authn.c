/*
 * Who asks: a client certificate, a bearer token, or nobody. A credential that is shown and not
 * good is refused everywhere; one that is not shown makes the user anonymous.
 */
#include "authn.h"
#include "audit.h"
#include "metrics.h"
#include "pki.h"

#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

/* ---- users ---- */

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
	if (!user_in_group(u, authenticated))
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

int authn_new(struct api_server *s, struct authn **authn, struct err *err)
{
	struct authn *a = mem_new(sizeof(*a));

	a->server = s;
	arena_init(&a->arena);
	map_init(&a->tokens);
	map_init(&a->signatures);
	map_init(&a->habits);
	a->anonymous = make_anonymous(&a->arena);
	int code = read_token_file(a, err);
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
	if (r->now < info->not_before || r->now > info->not_after) /* a long connection */
		return TOKEN_BAD;
	if (!info->subject.common_name.len)
		return TOKEN_UNKNOWN;
	metrics_observe(r->server->metrics, METRIC_CERTIFICATE, STR(""),
		(double)(info->not_after - r->now) / (double)SEC);
	user = user_new(r->arena, info->subject.common_name, STR(""), info->subject.organizations,
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

/* Tokens that know nothing of audiences are for the API's own. */
static bool find_plain(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct token_found *found)
{
	const struct flag_list *own = &a->server->options->api_audiences;

	found->user = map_get(&a->tokens, token);
	if (!found->user && !bootstrap_token_find(a, arena, token, &found->user))
		return false;
	if (!audience_count) {
		audiences = own->items;
		audience_count = own->count;
	}
	token_intersect(arena, own->items, own->count, audiences, audience_count, found);
	return found->audience_count || !own->count;
}

enum token_outcome token_find(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct token_found *found,
	struct err *err)
{
	_cleanup_(err_done) struct err why = {0};

	if (find_plain(a, arena, token, audiences, audience_count, found))
		return TOKEN_GOOD;
	switch (account_token_find(a, arena, token, audiences, audience_count, found, &why)) {
	case TOKEN_GOOD:
		return TOKEN_GOOD;
	case TOKEN_BAD:
		err_set(err, ERR_UNAUTHORIZED, "[invalid bearer token, %s]", err_text(&why));
		return TOKEN_BAD;
	case TOKEN_UNKNOWN:
		break;
	}
	err_set(err, ERR_UNAUTHORIZED, "invalid bearer token");
	return TOKEN_BAD;
}

const struct api_user *token_review(struct authn *a, struct arena *arena, struct str token,
	const struct str *audiences, size_t audience_count, struct str **found, size_t *found_count,
	struct err *err)
{
	struct token_found f = {0};

	if (token_find(a, arena, token, audiences, audience_count, &f, err) != TOKEN_GOOD)
		return NULL;
	*found = f.audiences;
	*found_count = f.audience_count;
	return f.user;
}

/* `Bearer x`: the second of the words between spaces; an empty one is a spelling mistake. */
static enum token_outcome by_token(struct api_request *r)
{
	struct str header = str_trim(request_header(r, "Authorization")), scheme, token;
	struct token_found found = {0};
	enum token_outcome outcome;

	if (!header.len)
		return TOKEN_UNKNOWN;
	if (!str_cut(header, ' ', &scheme, &token) || !str_eq_nocase(scheme, STR("bearer")))
		return TOKEN_UNKNOWN;
	str_cut(token, ' ', &token, &scheme);
	if (!token.len) {
		request_warn(
			r, STR("the provided Authorization header contains extra space before the "
			       "bearer token, and is ignored"));
		return TOKEN_UNKNOWN;
	}
	outcome = token_find(r->server->authn, r->arena, token, NULL, 0, &found, NULL);
	r->user = found.user;
	return outcome;
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

static void count(struct api_request *r)
{
	struct metrics *m = r->server->metrics;

	++*metrics_number(m, METRIC_AUTHENTICATED,
		r->user ? STR("result=\"success\"") : STR("result=\"failure\""));
	if (r->user)
		++*metrics_number(m, METRIC_USERS, user_labels(r->user));
}

static void refuse(struct api_request *r)
{
	r->user = NULL;
	count(r);
	audit_unauthenticated(r);
	request_fail(r, status_new(r->arena, ERR_UNAUTHORIZED, "Unauthorized"));
}

void stage_authenticate(struct api_request *r)
{
	enum token_outcome outcome = by_certificate(r);

	if (outcome != TOKEN_GOOD) {
		enum token_outcome token = by_token(r);

		if (token != TOKEN_UNKNOWN)
			outcome = token;
	}
	if (outcome == TOKEN_BAD) {
		refuse(r);
		return;
	}
	if (outcome == TOKEN_UNKNOWN) {
		if (!r->server->options->anonymous_auth) {
			refuse(r);
			return;
		}
		r->user = r->server->authn->anonymous;
	}
	r->real_user = r->user;
	count(r);
	request_next(r);
}
