#include "configuration.h"

#include "api_options.h"
#include "config_text.h"

#include <kube/jwt.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/names.h>
#include <kube/url.h>
#include <kube/x509.h>

#define GROUP       "apiserver.config.k8s.io"
#define ISSUERS_MAX 64

struct reading {
	struct authn_configuration *config;
	struct config_text text;
	struct field_errors errors;
	const struct str *disallowed;
	size_t disallowed_count;
	/* of the issuer that is read */
	bool uses_email, uses_verified;
};

static const struct str all_algorithms[] = {STR_INIT("ES256"), STR_INIT("ES384"), STR_INIT("ES512"),
	STR_INIT("PS256"), STR_INIT("PS384"), STR_INIT("PS512"), STR_INIT("RS256"),
	STR_INIT("RS384"), STR_INIT("RS512")};

/* ---- expressions ---- */

/* The expression speaks of claims.NAME, or claims.?NAME. */
static bool speaks_of(struct str text, const char *name)
{
	static const char *const between[] = {"claims.", "claims.?"};
	struct arena a;
	bool found = false;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(between) && !found; i++) {
		struct str whole = arena_print(&a, "%s%s", between[i], name);
		struct str rest = text;
		ssize_t at;

		while (!found && (at = str_find(rest, whole)) >= 0) {
			rest = str_skip(rest, (size_t)at + whole.len);
			char next = rest.len ? rest.at[0] : ' ';

			found = next != '_' && !(next >= 'a' && next <= 'z') &&
				!(next >= 'A' && next <= 'Z') && !(next >= '0' && next <= '9');
		}
	}
	arena_done(&a);
	return found;
}

static const struct expression *compile(struct reading *r, const struct path *at, struct str text,
	enum expression_about about, bool wants_bool)
{
	struct str why;
	const struct expression *e = expression_compile(
		r->config->expressions, about, text, wants_bool, r->errors.arena, &why);

	if (!e)
		field_invalid_str(&r->errors, at, text, "%.*s", STRF(why));
	return e;
}

/* ---- the issuer ---- */

static bool is_disallowed(const struct reading *r, struct str url)
{
	for (size_t i = 0; i < r->disallowed_count; i++)
		if (str_eq(r->disallowed[i], url))
			return true;
	return false;
}

static void check_url(struct reading *r, const struct path *at, struct str text, bool may_be_ours)
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

static struct str path_text(struct reading *r, const struct path *at)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * KIB);

	path_print(&out, at);
	return arena_str(r->errors.arena, buf_str(&out));
}

static void check_audiences(struct reading *r, const struct path *at, const struct cJSON *list,
	struct str policy, struct issuer_settings *s)
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

static void read_issuer(struct reading *r, const struct path *jwt, const struct cJSON *entry,
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
		check_url(r, &url, s->url, false);
	if (s->discovery_url.len) {
		if (s->url.len &&
			str_eq(without_slashes(s->url), without_slashes(s->discovery_url)))
			field_invalid_str(&r->errors, &discovery, s->discovery_url,
				"discoveryURL must be different from URL");
		check_url(r, &discovery, s->discovery_url, true);
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

/* ---- rules and mappings ---- */

static void read_claim_rule(struct reading *r, const struct path *at, const struct cJSON *tree,
	struct map *claims, struct map *expressions, struct claim_rule *rule)
{
	static const char *const names[] = {
		"claim", "requiredValue", "expression", "message", NULL};
	struct path expression = PATH(at, "expression"), claim = PATH(at, "claim");
	struct path message = PATH(at, "message"), value = PATH(at, "requiredValue");
	struct config_text *c = &r->text;

	config_check_names(c, at, tree, names);
	rule->claim = config_str(c, at, tree, "claim");
	rule->value = config_str(c, at, tree, "requiredValue");
	rule->expression = config_str(c, at, tree, "expression");
	rule->message = config_str(c, at, tree, "message");
	if (rule->claim.len && rule->expression.len) {
		field_invalid_str(
			&r->errors, at, rule->claim, "claim and expression can't both be set");
	} else if (rule->claim.len) {
		if (rule->message.len)
			field_invalid_str(&r->errors, &message, rule->message,
				"may not be specified when claim is set");
		if (map_has(claims, rule->claim))
			field_duplicate_str(&r->errors, &claim, rule->claim);
		map_set(claims, rule->claim, NULL);
	} else if (!rule->expression.len) {
		field_required(&r->errors, at, "claim or expression is required");
	} else {
		if (rule->value.len)
			field_invalid_str(&r->errors, &value, rule->value,
				"may not be specified when expression is set");
		if (map_has(expressions, rule->expression)) {
			field_duplicate_str(&r->errors, &expression, rule->expression);
			return;
		}
		map_set(expressions, rule->expression, NULL);
		rule->program = compile(r, &expression, rule->expression, ABOUT_CLAIMS, true);
		r->uses_verified |= speaks_of(rule->expression, "email_verified");
	}
}

static void read_rules(struct reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s)
{
	struct path root = PATH(jwt, "claimValidationRules");
	const struct cJSON *list = config_list(&r->text, jwt, entry, "claimValidationRules");
	struct map claims, expressions;

	map_init(&claims);
	map_init(&expressions);
	s->rules = arena_new(r->errors.arena, (json_count(list) + 1) * sizeof(*s->rules));
	json_each (one, list) {
		struct path at = PATH_INDEX(&root, s->rule_count);

		read_claim_rule(r, &at, one, &claims, &expressions, &s->rules[s->rule_count++]);
	}
	map_done(&claims);
	map_done(&expressions);
}

static void read_mapping(struct reading *r, const struct path *mappings, const char *name,
	const struct cJSON *tree, struct claim_mapping *m)
{
	static const char *const prefixed[] = {"claim", "prefix", "expression", NULL};
	static const char *const plain[] = {"claim", "expression", NULL};
	bool is_uid = str_eq_text(str_from(name), "uid");
	bool is_username = str_eq_text(str_from(name), "username");
	struct path at = PATH(mappings, name), prefix = PATH(&at, "prefix");
	struct path expression = PATH(&at, "expression");
	const struct cJSON *mapping = config_object(&r->text, mappings, tree, name);
	bool has_prefix = json_is(json_get(mapping, STR("prefix")), JSON_STRING);

	if (mapping)
		config_check_names(&r->text, &at, mapping, is_uid ? plain : prefixed);
	m->claim = config_str(&r->text, &at, mapping, "claim");
	m->prefix = config_str(&r->text, &at, mapping, "prefix");
	m->expression = config_str(&r->text, &at, mapping, "expression");
	if (m->claim.len && m->expression.len)
		field_invalid_str(
			&r->errors, &at, STR(""), "claim and expression can't both be set");
	else if (!m->claim.len && !m->expression.len && is_username)
		field_required(&r->errors, &at, "claim or expression is required");
	else if (m->expression.len) {
		if (has_prefix)
			field_invalid_str(&r->errors, &prefix, m->prefix,
				"may not be specified when expression is set");
		m->program = compile(r, &expression, m->expression, ABOUT_CLAIMS, false);
	} else if (m->claim.len && !is_uid && !has_prefix) {
		field_required(&r->errors, &prefix,
			"prefix is required when claim is set. It can be set to an empty string "
			"to disable prefixing");
	}
	if (!is_username || !m->expression.len)
		return;
	r->uses_email = speaks_of(m->expression, "email");
	r->uses_verified |= speaks_of(m->expression, "email_verified");
}

static bool is_reserved(struct str key)
{
	static const struct str domains[] = {STR_INIT("kubernetes.io"), STR_INIT("k8s.io")};
	struct str domain, rest;

	if (!str_cut(key, '/', &domain, &rest))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(domains); i++)
		if (str_eq(domain, domains[i]) ||
			(str_ends(domain, domains[i]) &&
				domain.at[domain.len - domains[i].len - 1] == '.'))
			return true;
	return false;
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 'A' && s.at[i] <= 'Z')
			return true;
	return false;
}

static void check_key(struct reading *r, const struct path *at, struct str key)
{
	struct name_faults faults = {0};

	name_check_prefixed(key, &faults);
	for (size_t i = 0; i < faults.count; i++)
		field_invalid_str(&r->errors, at, key, "%s", faults.items[i]);
	if (has_upper(key))
		field_invalid_str(&r->errors, at, key, "must be lowercase");
	if (is_reserved(key))
		field_invalid_str(&r->errors, at, key,
			"k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes "
			"use");
}

static void read_extra(struct reading *r, const struct path *mappings, const struct cJSON *tree,
	struct issuer_settings *s)
{
	static const char *const names[] = {"key", "valueExpression", NULL};
	struct path root = PATH(mappings, "extra");
	const struct cJSON *list = config_list(&r->text, mappings, tree, "extra");
	struct map seen;
	size_t i = 0;

	map_init(&seen);
	s->extra = arena_new(r->errors.arena, (json_count(list) + 1) * sizeof(*s->extra));
	json_each (one, list) {
		struct path at = PATH_INDEX(&root, i), key = PATH(&at, "key");
		struct path value = PATH(&at, "valueExpression");
		struct claim_extra *e = &s->extra[s->extra_count];

		i++;
		config_check_names(&r->text, &at, one, names);
		e->key = config_str(&r->text, &at, one, "key");
		e->expression = config_str(&r->text, &at, one, "valueExpression");
		check_key(r, &key, e->key);
		if (map_has(&seen, e->key)) {
			field_duplicate_str(&r->errors, &key, e->key);
			continue;
		}
		map_set(&seen, e->key, NULL);
		if (!e->expression.len) {
			field_required(&r->errors, &value, "%s", "");
			continue;
		}
		e->program = compile(r, &value, e->expression, ABOUT_CLAIMS, false);
		r->uses_verified |= speaks_of(e->expression, "email_verified");
		s->extra_count++;
	}
	map_done(&seen);
}

static void read_mappings(struct reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s)
{
	static const char *const names[] = {"username", "groups", "uid", "extra", NULL};
	struct path at = PATH(jwt, "claimMappings"), username = PATH(&at, "username");
	struct path expression = PATH(&username, "expression");
	const struct cJSON *tree = config_object(&r->text, jwt, entry, "claimMappings");

	if (tree)
		config_check_names(&r->text, &at, tree, names);
	read_mapping(r, &at, "username", tree, &s->username);
	read_mapping(r, &at, "groups", tree, &s->groups);
	read_mapping(r, &at, "uid", tree, &s->uid);
	read_extra(r, &at, tree, s);
	if (r->uses_email && !r->uses_verified)
		field_invalid_str(&r->errors, &expression, s->username.expression,
			"claims.email_verified must be used in claimMappings.username.expression "
			"or claimMappings.extra[*].valueExpression or "
			"claimValidationRules[*].expression when claims.email is used in "
			"claimMappings.username.expression");
}

static void read_user_rules(struct reading *r, const struct path *jwt, const struct cJSON *entry,
	struct issuer_settings *s)
{
	static const char *const names[] = {"expression", "message", NULL};
	struct path root = PATH(jwt, "userValidationRules");
	const struct cJSON *list = config_list(&r->text, jwt, entry, "userValidationRules");
	struct map seen;
	size_t i = 0;

	map_init(&seen);
	s->user_rules = arena_new(r->errors.arena, (json_count(list) + 1) * sizeof(*s->user_rules));
	json_each (one, list) {
		struct path at = PATH_INDEX(&root, i), expression = PATH(&at, "expression");
		struct claim_rule *rule = &s->user_rules[s->user_rule_count];

		i++;
		config_check_names(&r->text, &at, one, names);
		rule->expression = config_str(&r->text, &at, one, "expression");
		rule->message = config_str(&r->text, &at, one, "message");
		if (!rule->expression.len) {
			field_required(&r->errors, &expression, "%s", "");
		} else if (map_has(&seen, rule->expression)) {
			field_duplicate_str(&r->errors, &expression, rule->expression);
		} else {
			map_set(&seen, rule->expression, NULL);
			rule->program = compile(r, &expression, rule->expression, ABOUT_USER, true);
			s->user_rule_count++;
		}
	}
	map_done(&seen);
}

/* ---- the whole ---- */

static void read_jwt(struct reading *r, const struct path *at, const struct cJSON *entry,
	struct issuer_settings *s)
{
	static const char *const names[] = {
		"issuer", "claimValidationRules", "claimMappings", "userValidationRules", NULL};

	r->uses_email = r->uses_verified = false;
	s->algorithms = all_algorithms;
	s->algorithm_count = ARRAY_LEN(all_algorithms);
	config_check_names(&r->text, at, entry, names);
	read_issuer(r, at, entry, s);
	read_rules(r, at, entry, s);
	read_mappings(r, at, entry, s);
	read_user_rules(r, at, entry, s);
}

static void check_duplicate(struct reading *r, const struct path *at, const char *name,
	struct str url, struct map *seen)
{
	struct path issuer = PATH(at, "issuer"), path = PATH(&issuer, name);

	if (!url.len)
		return;
	if (map_has(seen, url))
		field_duplicate_str(&r->errors, &path, url);
	map_set(seen, url, NULL);
}

static void read_issuers(struct reading *r, const struct cJSON *tree)
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

static void read_anonymous(struct reading *r, const struct cJSON *tree)
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

static struct authn_configuration *configuration_new(void)
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
	struct authn_configuration *c = configuration_new();
	struct reading r = {.config = c,
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

/* ---- flags ---- */

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
	struct authn_configuration *c = configuration_new();
	struct reading r = {.config = c,
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
	check_url(&r, &url, s->url, false);
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
