#include "registry_auth.h"

#include <kube/codec.h>
#include <kube/json.h>
#include <kube/url.h>

#define TOKEN_MAX ((size_t)64 * KIB)

struct reader {
	struct str rest;
};

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blank(struct reader *r, bool commas)
{
	while (r->rest.len &&
		(r->rest.at[0] == ' ' || r->rest.at[0] == '\t' || (commas && r->rest.at[0] == ',')))
		r->rest = str_skip(r->rest, 1);
}

static struct str read_token(struct reader *r)
{
	size_t n = 0;

	while (n < r->rest.len && is_token_char(r->rest.at[n]))
		n++;
	struct str token = str_sub(r->rest, 0, n);
	r->rest = str_skip(r->rest, n);
	return token;
}

static struct str read_value(struct arena *a, struct reader *r)
{
	if (r->rest.len == 0 || r->rest.at[0] != '"')
		return read_token(r);
	char *text = arena_alloc(a, r->rest.len + 1);
	size_t n = 0, i = 1;
	for (; i < r->rest.len && r->rest.at[i] != '"'; i++) {
		if (r->rest.at[i] == '\\' && i + 1 < r->rest.len)
			i++;
		text[n++] = r->rest.at[i];
	}
	r->rest = str_skip(r->rest, i + 1);
	return str_make(text, n);
}

static void take_param(struct registry_challenge *c, struct str key, struct str value)
{
	if (str_eq_nocase(key, STR("realm")))
		c->realm = value;
	else if (str_eq_nocase(key, STR("service")))
		c->service = value;
	else if (str_eq_nocase(key, STR("scope")))
		c->scope = value;
	else if (str_eq_nocase(key, STR("error")))
		c->error = value;
}

/* SCHEME key=value, key="value", SCHEME … */
void registry_challenge_read(struct arena *a, struct registry_challenge *c, struct str value)
{
	struct reader r = {value};
	bool in_bearer = false;

	while (r.rest.len) {
		skip_blank(&r, true);
		struct str word = read_token(&r);
		if (word.len == 0)
			return;
		skip_blank(&r, false);
		if (r.rest.len && r.rest.at[0] == '=') {
			r.rest = str_skip(r.rest, 1);
			skip_blank(&r, false);
			struct str text = read_value(a, &r);
			if (in_bearer)
				take_param(c, word, text);
			continue;
		}
		in_bearer = str_eq_nocase(word, STR("Bearer"));
		c->bearer = c->bearer || in_bearer;
		c->basic = c->basic || str_eq_nocase(word, STR("Basic"));
	}
}

static void add_pair(struct buf *out, const char *key, struct str value)
{
	if (value.len == 0)
		return;
	if (out->len)
		buf_add_char(out, '&');
	buf_add_text(out, key);
	buf_add_char(out, '=');
	url_escape_query(out, value);
}

static struct str scope_of(const struct registry_challenge *c, struct str scope)
{
	return c->scope.len ? c->scope : scope;
}

int registry_token_url(struct arena *a, const struct registry_challenge *c, struct str scope,
	struct str *url, struct err *err)
{
	_cleanup_(buf_done) struct buf query = BUF_INIT(TOKEN_MAX);
	struct url realm;

	if (url_parse(a, c->realm, &realm, NULL) || realm.host.len == 0 ||
		(!str_eq_text(realm.scheme, "https") && !str_eq_text(realm.scheme, "http")))
		return err_set(err, ERR_INVALID, "failed to authorize: realm \"%.*s\" is no URL",
			STRF(str_sub(c->realm, 0, 200)));
	add_pair(&query, "scope", scope_of(c, scope));
	add_pair(&query, "service", c->service);
	*url = arena_print(a, "%.*s%s%.*s", STRF(c->realm), realm.has_query ? "&" : "?",
		STRF(buf_str(&query)));
	return 0;
}

struct str registry_token_form(struct arena *a, const struct registry_challenge *c,
	struct str scope, struct str identity_token)
{
	_cleanup_(buf_done) struct buf form = BUF_INIT(TOKEN_MAX);

	add_pair(&form, "client_id", STR("kube"));
	add_pair(&form, "grant_type", STR("refresh_token"));
	add_pair(&form, "refresh_token", identity_token);
	add_pair(&form, "scope", scope_of(c, scope));
	add_pair(&form, "service", c->service);
	return arena_str(a, buf_str(&form));
}

int registry_token_parse(struct arena *a, struct str text, struct str *token, struct err *err)
{
	struct cJSON *root;
	int failed = json_parse(a, text, NULL, &root, err);

	if (failed)
		return err_wrap(err, failed, "unable to decode token response");
	*token = json_str(json_get(root, STR("token")));
	if (token->len == 0)
		*token = json_str(json_get(root, STR("access_token")));
	for (size_t i = 0; i < token->len; i++)
		if ((unsigned char)token->at[i] <= ' ' || (unsigned char)token->at[i] >= 0x7f)
			*token = (struct str){0};
	return token->len ? 0
			  : err_set(err, ERR_UNAUTHORIZED,
				    "authorization server did not include a token in the response");
}

struct str registry_basic(struct arena *a, const struct image_auth *auth)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(TOKEN_MAX);
	struct str pair = arena_print(a, "%.*s:%.*s", STRF(auth->user), STRF(auth->password));

	buf_add_text(&out, "Basic ");
	base64_encode(&out, pair);
	return arena_str(a, buf_str(&out));
}
