/* What becomes of a token's claims: rules that they must fulfil, and whom they make of its bearer.
 */
#include "configuration_reading.h"

#include <kube/map.h>
#include <kube/names.h>

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

static const struct expression *compile(struct authn_reading *r, const struct path *at,
	struct str text, enum expression_about about, bool wants_bool)
{
	struct str why;
	const struct expression *e = expression_compile(
		r->config->expressions, about, text, wants_bool, r->errors.arena, &why);

	if (!e)
		field_invalid_str(&r->errors, at, text, "%.*s", STRF(why));
	return e;
}

/* ---- rules and mappings ---- */

static void read_claim_rule(struct authn_reading *r, const struct path *at,
	const struct cJSON *tree, struct map *claims, struct map *expressions,
	struct claim_rule *rule)
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

void authn_read_rules(struct authn_reading *r, const struct path *jwt, const struct cJSON *entry,
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

static void read_mapping(struct authn_reading *r, const struct path *mappings, const char *name,
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

static void check_key(struct authn_reading *r, const struct path *at, struct str key)
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

static void read_extra(struct authn_reading *r, const struct path *mappings,
	const struct cJSON *tree, struct issuer_settings *s)
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

void authn_read_mappings(struct authn_reading *r, const struct path *jwt, const struct cJSON *entry,
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

void authn_read_user_rules(struct authn_reading *r, const struct path *jwt,
	const struct cJSON *entry, struct issuer_settings *s)
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
