#include "configuration_reading.h"

#include <kube/map.h>
#include <kube/mem.h>
#include <kube/url.h>
#include <kube/x509.h>

#define GROUP       "apiserver.config.k8s.io"
#define ISSUERS_MAX 64

static const struct str all_algorithms[] = {STR_INIT("ES256"), STR_INIT("ES384"), STR_INIT("ES512"),
	STR_INIT("PS256"), STR_INIT("PS384"), STR_INIT("PS512"), STR_INIT("RS256"),
	STR_INIT("RS384"), STR_INIT("RS512")};

/* ---- the issuer ---- */

static bool is_disallowed(const struct authn_reading *r, struct str url)
{
	for (size_t i = 0; i < r->disallowed_count; i++)
		if (str_eq(r->disallowed[i], url))
			return true;
	return false;
}

void authn_check_url(
	struct authn_reading *r, const struct path *at, struct str text, bool may_be_ours)
{
	_cleanup_(err_done) struct err why = {0};
	struct url url;

	if (!may_be_ours && is_disallowed(r, text)) {
		_cleanup_(buf_done) struct buf list = BUF_INIT(64 * KIB);

		for (size_t i = 0; i < r->disallowed_count; i++)
			buf_print(&list, "%s%.*s", i ? " " : "", STRF(r->disallowed[i]));
		field_invalid_str(&r->errors, at, text,
			"URL must not overlap with disallowed issuers: [%.*s]",
			STRF(buf_str(&list)));
	}
	if (url_parse(r->errors.arena, text, &url, &why)) {
		field_invalid_str(&r->errors, at, text, "%s", err_text(&why));
		return;
	}
	if (!str_eq_text(url.scheme, "https"))
		field_invalid_str(&r->errors, at, text, "URL scheme must be https");
	if (url.has_user)
		field_invalid_str(
			&r->errors, at, text, "URL must not contain a username or password");
	if (url.raw_query.len)
		field_invalid_str(&r->errors, at, text, "URL must not contain a query");
	if (url.fragment.len)
		field_invalid_str(&r->errors, at, text, "URL must not contain a fragment");
}

static struct str without_slashes(struct str url)
{
	while (url.len && url.at[url.len - 1] == '/')
		url.len--;
	return url;
}

static struct str path_text(struct authn_reading *r, const struct path *at)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * KIB);

	path_print(&out, at);
	return arena_str(r->errors.arena, buf_str(&out));
}

static void check_audiences(struct authn_reading *r, const struct path *at,
	const struct cJSON *list, struct str policy, struct issuer_settings *s)
{
	struct path root = PATH(at, "audiences"), match = PATH(at, "audienceMatchPolicy");
	bool any = str_eq_text(policy, "MatchAny");
	struct map seen;

	s->audiences = arena_new(r->errors.arena, (json_count(list) + 1) * sizeof(*s->audiences));
	if (!json_count(list))
		field_required(&r->errors, &root, "at least one %.*s is required",
			STRF(path_text(r, &root)));
	map_init(&seen);
	json_each (one, list) {
		struct path element = PATH_INDEX(&root, s->audience_count);
		struct str audience = json_str(one);

		if (!audience.len)
			field_required(&r->errors, &element, "%s", "");
		if (map_has(&seen, audience))
			field_duplicate_str(&r->errors, &element, audience);
		map_set(&seen, audience, NULL);
		s->audiences[s->audience_count++] = audience;
	}
	map_done(&seen);
	if (s->audience_count > 1 && !any)
		field_invalid_str(&r->errors, &match, policy,
			"audienceMatchPolicy must be MatchAny for multiple audiences");
	if (s->audience_count == 1 && policy.len && !any)
		field_invalid_str(&r->errors, &match, policy,
			"audienceMatchPolicy must be empty or MatchAny for single audience");
}

static void read_issuer(struct authn_reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s)
{
	static const char *const names[] = {"url", "discoveryURL", "certificateAuthority",
		"audiences", "audienceMatchPolicy", "egressSelectorType", NULL};
	struct path at = PATH(jwt, "issuer"), url = PATH(&at, "url");
	struct path discovery = PATH(&at, "discoveryURL");
	struct path authority = PATH(&at, "certificateAuthority");
	struct config_text *c = &r->text;
	const struct cJSON *tree = config_object(c, jwt, entry, "issuer");
	struct certs certs = {0};
	struct err why = {0};

	if (tree)
		config_check_names(c, &at, tree, names);
	s->url = config_str(c, &at, tree, "url");
	s->discovery_url = config_str(c, &at, tree, "discoveryURL");
	s->authority = config_str(c, &at, tree, "certificateAuthority");
	if (!s->url.len)
		field_required(&r->errors, &url, "%s", "");
	else
		authn_check_url(r, &url, s->url, false);
	if (s->discovery_url.len) {
		if (s->url.len &&
			str_eq(without_slashes(s->url), without_slashes(s->discovery_url)))
			field_invalid_str(&r->errors, &discovery, s->discovery_url,
				"discoveryURL must be different from URL");
		authn_check_url(r, &discovery, s->discovery_url, true);
	}
	check_audiences(r, &at, config_list(c, &at, tree, "audiences"),
		config_str(c, &at, tree, "audienceMatchPolicy"), s);
	if (s->authority.len && certs_parse_pem(s->authority, &certs, &why)) {
		field_invalid_str(&r->errors, &authority, STR("<omitted>"), "%s", err_text(&why));
		err_done(&why);
	}
	certs_done(&certs);
	if (config_str(c, &at, tree, "egressSelectorType").len)
		field_forbidden(&r->errors, &PATH(&at, "egressSelectorType"),
			"egress selection is not part of this version");
}

/* ---- the whole ---- */

static void read_jwt(struct authn_reading *r, const struct path *at, const struct cJSON *entry,
	struct issuer_settings *s)
{
	static const char *const names[] = {
		"issuer", "claimValidationRules", "claimMappings", "userValidationRules", NULL};

	r->uses_email = r->uses_verified = false;
	s->algorithms = all_algorithms;
	s->algorithm_count = ARRAY_LEN(all_algorithms);
	config_check_names(&r->text, at, entry, names);
	read_issuer(r, at, entry, s);
	authn_read_rules(r, at, entry, s);
	authn_read_mappings(r, at, entry, s);
	authn_read_user_rules(r, at, entry, s);
}

static void check_duplicate(struct authn_reading *r, const struct path *at, const char *name,
	struct str url, struct map *seen)
{
	struct path issuer = PATH(at, "issuer"), path = PATH(&issuer, name);

	if (!url.len)
		return;
	if (map_has(seen, url))
		field_duplicate_str(&r->errors, &path, url);
	map_set(seen, url, NULL);
}

static void read_issuers(struct authn_reading *r, const struct cJSON *tree)
{
	struct path root = PATH(NULL, "jwt");
	const struct cJSON *list = config_list(&r->text, NULL, tree, "jwt");
	struct authn_configuration *c = r->config;
	struct map urls, discoveries;

	if (json_count(list) > ISSUERS_MAX) {
		field_too_many(&r->errors, &root, (int64_t)json_count(list), ISSUERS_MAX);
		return;
	}
	map_init(&urls);
	map_init(&discoveries);
	c->issuers = arena_new(&c->arena, (json_count(list) + 1) * sizeof(*c->issuers));
	json_each (one, list) {
		struct path at = PATH_INDEX(&root, c->issuer_count);
		struct issuer_settings *s = &c->issuers[c->issuer_count++];

		read_jwt(r, &at, one, s);
		check_duplicate(r, &at, "url", s->url, &urls);
		check_duplicate(r, &at, "discoveryURL", s->discovery_url, &discoveries);
	}
	map_done(&urls);
	map_done(&discoveries);
}

static void read_anonymous(struct authn_reading *r, const struct cJSON *tree)
{
	static const char *const names[] = {"enabled", "conditions", NULL};
	static const char *const of_condition[] = {"path", NULL};
	struct path at = PATH(NULL, "anonymous"), root = PATH(&at, "conditions");
	const struct cJSON *anonymous = config_object(&r->text, NULL, tree, "anonymous");
	struct authn_configuration *c = r->config;
	const struct cJSON *list;

	if (!anonymous)
		return;
	config_check_names(&r->text, &at, anonymous, names);
	c->has_anonymous = true;
	c->anonymous = config_bool(&r->text, &at, anonymous, "enabled", false);
	list = config_list(&r->text, &at, anonymous, "conditions");
	c->anonymous_paths =
		arena_new(&c->arena, (json_count(list) + 1) * sizeof(*c->anonymous_paths));
	json_each (one, list) {
		struct path condition = PATH_INDEX(&root, c->anonymous_path_count);

		config_check_names(&r->text, &condition, one, of_condition);
		c->anonymous_paths[c->anonymous_path_count++] =
			config_str(&r->text, &condition, one, "path");
	}
	if (!c->anonymous && c->anonymous_path_count)
		field_invalid(&r->errors, &root, list,
			"enabled should be set to true when conditions are defined");
}

struct authn_configuration *authn_configuration_new(void)
{
	struct authn_configuration *c = mem_new(sizeof(*c));

	arena_init(&c->arena);
	c->expressions = expressions_new();
	return c;
}

void authn_configuration_free(struct authn_configuration *c)
{
	if (!c)
		return;
	expressions_free(c->expressions);
	arena_done(&c->arena);
	mem_free(c);
}

int authn_configuration_parse(struct str text, const struct str *disallowed,
	size_t disallowed_count, struct authn_configuration **out, struct err *err)
{
	static const char *const versions[] = {
		GROUP "/v1", GROUP "/v1beta1", GROUP "/v1alpha1", NULL};
	static const char *const names[] = {"apiVersion", "kind", "jwt", "anonymous", NULL};
	struct authn_configuration *c = authn_configuration_new();
	struct authn_reading r = {.config = c,
		.errors.arena = &c->arena,
		.disallowed = disallowed,
		.disallowed_count = disallowed_count};
	const char *version;
	struct cJSON *tree;
	int code = config_read(&r.text, &c->arena, text, "AuthenticationConfiguration", versions,
		&tree, &version, err);

	if (!code) {
		config_check_names(&r.text, NULL, tree, names);
		read_issuers(&r, tree);
		read_anonymous(&r, tree);
		code = config_result(&r.text, err);
	}
	if (!code && r.errors.count)
		code = err_set(
			err, ERR_INVALID, "%.*s", STRF(field_errors_text(&c->arena, &r.errors)));
	config_done(&r.text);
	if (code)
		authn_configuration_free(c);
	else
		*out = c;
	return code;
}
