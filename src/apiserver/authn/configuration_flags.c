/* The flags --oidc-…: an issuer without a file. */
#include "configuration_reading.h"

#include "api_options.h"

#include <kube/jwt.h>

static int check_algorithms(const struct api_options *o, struct err *err)
{
	for (size_t i = 0; i < o->oidc_algorithms.count; i++)
		if (!jwt_algorithm_known(o->oidc_algorithms.items[i]))
			return err_set(err, ERR_USAGE, "oidc: unsupported signing alg: \"%.*s\"",
				STRF(o->oidc_algorithms.items[i]));
	return 0;
}

/* Names of others begin with their issuer, but for addresses of mail, which do not clash. */
static struct str username_prefix(struct arena *a, const struct api_options *o)
{
	if (str_eq_text(o->oidc_username_prefix, "-"))
		return STR("");
	if (o->oidc_username_prefix.len || str_eq_text(o->oidc_username_claim, "email"))
		return o->oidc_username_prefix;
	return arena_print(a, "%.*s#", STRF(o->oidc_issuer_url));
}

static void add_required(const struct api_options *o, struct arena *a, struct issuer_settings *s)
{
	s->rules = arena_new(a, (o->oidc_required_claims.count + 1) * sizeof(*s->rules));
	for (size_t i = 0; i < o->oidc_required_claims.count; i++)
		s->rules[s->rule_count++] =
			(struct claim_rule){.claim = o->oidc_required_claims.items[i].key,
				.value = o->oidc_required_claims.items[i].value};
}

int authn_configuration_of_flags(const struct api_options *o, struct str authority,
	struct authn_configuration **out, struct err *err)
{
	struct authn_configuration *c = authn_configuration_new();
	struct authn_reading r = {.config = c,
		.errors.arena = &c->arena,
		.disallowed = o->sa_issuers.items,
		.disallowed_count = o->sa_issuers.count};
	struct path at = PATH(NULL, "issuer"), url = PATH(&at, "url");
	struct issuer_settings *s = arena_new(&c->arena, sizeof(*s));

	*out = c;
	if (!o->oidc_issuer_url.len)
		return 0;
	c->issuers = s;
	c->issuer_count = 1;
	s->url = o->oidc_issuer_url;
	s->authority = arena_str(&c->arena, authority);
	s->audiences = arena_copy(&c->arena, &o->oidc_client_id, sizeof(struct str));
	s->audience_count = 1;
	s->algorithms = o->oidc_algorithms.items;
	s->algorithm_count = o->oidc_algorithms.count;
	s->username.claim = o->oidc_username_claim;
	s->username.prefix = username_prefix(&c->arena, o);
	s->groups.claim = o->oidc_groups_claim;
	s->groups.prefix = o->oidc_groups_prefix;
	add_required(o, &c->arena, s);
	authn_check_url(&r, &url, s->url, false);
	int code = check_algorithms(o, err);
	if (!code && r.errors.count)
		code = err_set(err, ERR_USAGE, "--oidc-issuer-url: %.*s",
			STRF(field_errors_text(&c->arena, &r.errors)));
	if (code) {
		authn_configuration_free(c);
		*out = NULL;
	}
	return code;
}
