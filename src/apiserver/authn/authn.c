/*
 * Who asks: a client certificate, a bearer token, or nobody. A credential that is shown and not
 * good is refused everywhere; one that is not shown makes the user anonymous.
 */
#include "authn.h"
#include "pki.h"

#include <kube/log.h>
#include <kube/mem.h>

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
	arena_done(&a->arena);
	mem_free(a);
}

/* ---- certificates ---- */

static enum token_outcome by_certificate(struct api_request *r)
{
	const struct http_peer *peer = r->x->peer;

	if (!peer || !peer->tls)
		return TOKEN_UNKNOWN;
	if (peer->tls_info.peer_error)
		return TOKEN_BAD;
	if (!peer->tls_info.peer || !peer->tls_info.peer->count)
		return TOKEN_UNKNOWN;
	const struct cert_info *info = cert_info(peer->tls_info.peer->items[0]);
	if (r->now < info->not_before || r->now > info->not_after) /* a long connection */
		return TOKEN_BAD;
	if (!info->subject.common_name.len)
		return TOKEN_UNKNOWN;
	r->user = user_new(r->arena, info->subject.common_name, STR(""),
		info->subject.organizations, info->subject.organization_count);
	return TOKEN_GOOD;
}

/* ---- tokens ---- */

enum token_outcome token_find(
	struct authn *a, struct arena *arena, struct str token, const struct api_user **user)
{
	const struct api_user *known = map_get(&a->tokens, token);

	(void)arena;
	if (!known)
		return TOKEN_BAD;
	*user = known;
	return TOKEN_GOOD;
}

/* `Bearer x`: the second of the words between spaces; an empty one is a spelling mistake. */
static enum token_outcome by_token(struct api_request *r)
{
	struct str header = str_trim(request_header(r, "Authorization")), scheme, token;

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
	return token_find(r->server->authn, r->arena, token, &r->user);
}

/* ---- the stage ---- */

static void refuse(struct api_request *r)
{
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
	request_next(r);
}
