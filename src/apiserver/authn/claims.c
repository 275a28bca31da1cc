#include "claims.h"

#include "authn.h"

#include <kube/jwt.h>
#include <kube/time.h>

#define NOT_BEFORE_LEEWAY (5 * MINUTE)
#define GROUPS_MAX        10000

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_UNAUTHORIZED, "%s", what);
}

/* ---- for us, and now ---- */

static bool is_one_of(const struct str *items, size_t count, struct str text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i], text))
			return true;
	return false;
}

struct str claims_quote_all(struct arena *a, const struct str *items, size_t count)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	buf_add_char(&out, '[');
	for (size_t i = 0; i < count; i++)
		buf_print(&out, "%s%.*s", i ? " " : "", STRF(field_quote(a, items[i])));
	buf_add_char(&out, ']');
	return arena_str(a, buf_str(&out));
}

static int check_audience(struct arena *a, const struct issuer_settings *s,
	const struct cJSON *claims, struct err *err)
{
	const struct cJSON *aud = json_get(claims, STR("aud"));
	struct str *has = arena_new(a, (json_count(aud) + 1) * sizeof(*has));
	size_t count = 0;

	if (json_is(aud, JSON_STRING))
		has[count++] = json_str(aud);
	json_each (one, aud)
		has[count++] = json_str(one);
	for (size_t i = 0; i < count; i++)
		if (is_one_of(s->audiences, s->audience_count, has[i]))
			return 0;
	if (s->audience_count == 1)
		return err_set(err, ERR_UNAUTHORIZED,
			"oidc: verify token: oidc: expected audience %.*s got %.*s",
			STRF(field_quote(a, s->audiences[0])),
			STRF(claims_quote_all(a, has, count)));
	return err_set(err, ERR_UNAUTHORIZED,
		"oidc: verify token: oidc: expected audience in %.*s got %.*s",
		STRF(claims_quote_all(a, s->audiences, s->audience_count)),
		STRF(claims_quote_all(a, has, count)));
}

/* Seconds with a fraction, as far as such times go. */
static bool read_time(const struct cJSON *claims, const char *name, int64_t *at)
{
	const struct cJSON *value = json_get(claims, str_from(name));
	double seconds = json_double(value);

	if (!json_is(value, JSON_NUMBER) || seconds < -9e9 || seconds > 9e9)
		return false;
	*at = (int64_t)(seconds * 1e9);
	return true;
}

static struct str told_time(struct arena *a, int64_t at)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64);

	time_print(&out, at / SEC * SEC);
	return arena_str(a, buf_str(&out));
}

static int check_times(struct arena *a, const struct cJSON *claims, int64_t now, struct err *err)
{
	int64_t at = 0;

	if (!read_time(claims, "exp", &at) || at < now)
		return err_set(err, ERR_UNAUTHORIZED,
			"oidc: verify token: oidc: token is expired (Token Expiry: %.*s)",
			STRF(told_time(a, at)));
	if (read_time(claims, "nbf", &at) && now + NOT_BEFORE_LEEWAY < at)
		return err_set(err, ERR_UNAUTHORIZED,
			"oidc: verify token: oidc: current time %.*s before the nbf (not before) "
			"time: %.*s",
			STRF(told_time(a, now)), STRF(told_time(a, at)));
	return 0;
}

int claims_check(struct arena *a, const struct issuer_settings *s, const struct jwt *jwt,
	int64_t now, struct err *err)
{
	int code = check_audience(a, s, jwt->claims, err);

	if (!code)
		code = check_times(a, jwt->claims, now, err);
	if (code || is_one_of(s->algorithms, s->algorithm_count, jwt->algorithm))
		return code;
	return err_set(err, ERR_UNAUTHORIZED,
		"oidc: verify token: oidc: id token signed with unsupported algorithm, expected "
		"%.*s got %.*s",
		STRF(claims_quote_all(a, s->algorithms, s->algorithm_count)),
		STRF(field_quote(a, jwt->algorithm)));
}

/* ---- claims as they are ---- */

struct asking {
	struct arena *arena;
	const struct issuer_settings *settings;
	const struct cJSON *claims;
	struct api_user *user;
	struct err *err;
};

/* ERR_SYNTAX with the words of Go's decoder. */
static int take_string(struct asking *q, struct str claim, struct str *text, struct str *why)
{
	const struct cJSON *value = json_get(q->claims, claim);

	if (!value)
		*why = STR("claim not present");
	else if (json_is(value, JSON_STRING) || json_is(value, JSON_NULL))
		*text = json_str(value);
	else
		*why = arena_print(q->arena,
			"json: cannot unmarshal %s into Go value of type string",
			json_type_name(json_type(value)));
	return why->len ? ERR_SYNTAX : 0;
}

/* An address of mail is somebody's only when the issuer has not said that it may not be. */
static int check_mail(struct asking *q)
{
	const struct cJSON *verified = json_get(q->claims, STR("email_verified"));

	if (!verified || json_bool(verified))
		return 0;
	if (!json_is(verified, JSON_BOOL) && !json_is(verified, JSON_NULL))
		return err_set(q->err, ERR_UNAUTHORIZED,
			"oidc: parse 'email_verified' claim: json: cannot unmarshal %s into Go "
			"value of type bool",
			json_type_name(json_type(verified)));
	return refuse(q->err, "oidc: email not verified");
}

/* ---- expressions ---- */

static int no_value(struct asking *q, const char *what, struct str expression, struct str why)
{
	return err_set(q->err, ERR_UNAUTHORIZED,
		"oidc: error evaluating %s: expression '%.*s' resulted in error: %.*s", what,
		STRF(expression), STRF(why));
}

/* Texts of a string, a list of strings or null; empty ones do not count. */
static bool texts_of(
	struct asking *q, const struct expression_value *v, struct str **items, size_t *count)
{
	size_t size = v->kind == RESULT_TEXTS ? v->count : 1;

	*count = 0;
	if (size > GROUPS_MAX)
		return false;
	*items = arena_new(q->arena, (size + 1) * sizeof(struct str));
	if (v->kind == RESULT_TEXT && v->text.len)
		(*items)[(*count)++] = v->text;
	for (size_t i = 0; v->kind == RESULT_TEXTS && i < size; i++)
		if (v->texts[i].len)
			(*items)[(*count)++] = v->texts[i];
	return v->kind == RESULT_TEXT || v->kind == RESULT_TEXTS || v->kind == RESULT_NULL;
}

static int text_of(
	struct asking *q, const struct claim_mapping *m, const char *what, struct str *text)
{
	struct expression_value v;

	expression_evaluate(m->program, q->arena, q->claims, &v);
	if (v.kind == RESULT_ERROR)
		return no_value(q, arena_print(q->arena, "%s claim expression", what).at,
			m->expression, v.text);
	if (v.kind != RESULT_TEXT)
		return err_set(q->err, ERR_UNAUTHORIZED,
			"oidc: error evaluating %s claim expression: %s claim expression must "
			"return a string",
			what, what);
	*text = v.text;
	return 0;
}

/* ---- who ---- */

static int find_name(struct asking *q, struct str *name)
{
	const struct claim_mapping *m = &q->settings->username;
	struct str why = {0};

	if (m->program)
		return text_of(q, m, "username", name);
	if (take_string(q, m->claim, name, &why))
		return err_set(q->err, ERR_UNAUTHORIZED, "oidc: parse username claims %.*s: %.*s",
			STRF(field_quote(q->arena, m->claim)), STRF(why));
	if (str_eq_text(m->claim, "email") && check_mail(q))
		return ERR_UNAUTHORIZED;
	*name = arena_print(q->arena, "%.*s%.*s", STRF(m->prefix), STRF(*name));
	return 0;
}

static int claimed_groups(
	struct asking *q, const struct cJSON *value, struct str **items, size_t *count)
{
	const struct claim_mapping *m = &q->settings->groups;
	const struct cJSON *wrong = NULL;

	*items = arena_new(q->arena, (json_count(value) + 1) * sizeof(struct str));
	if (json_is(value, JSON_STRING))
		(*items)[(*count)++] = json_str(value);
	else if (!json_is(value, JSON_ARRAY) && !json_is(value, JSON_NULL))
		wrong = value;
	json_each (one, value) {
		if (!json_is(one, JSON_STRING) && !json_is(one, JSON_NULL))
			wrong = value;
		(*items)[(*count)++] = json_str(one);
	}
	if (wrong)
		return err_set(q->err, ERR_UNAUTHORIZED,
			"oidc: parse groups claim %.*s: json: cannot unmarshal %s into Go value "
			"of type string",
			STRF(field_quote(q->arena, m->claim)), json_type_name(json_type(wrong)));
	for (size_t i = 0; i < *count; i++)
		(*items)[i] = arena_print(q->arena, "%.*s%.*s", STRF(m->prefix), STRF((*items)[i]));
	return 0;
}

static int find_groups(struct asking *q, struct str **items, size_t *count)
{
	const struct claim_mapping *m = &q->settings->groups;
	const struct cJSON *value = m->claim.len ? json_get(q->claims, m->claim) : NULL;
	struct expression_value v;

	*count = 0;
	if (value)
		return claimed_groups(q, value, items, count);
	if (!m->program)
		return 0;
	expression_evaluate(m->program, q->arena, q->claims, &v);
	if (v.kind == RESULT_ERROR)
		return no_value(q, "group claim expression", m->expression, v.text);
	if (texts_of(q, &v, items, count))
		return 0;
	return refuse(q->err, "oidc: error evaluating group claim expression: expression must "
			      "return a string or a list of strings");
}

static int find_uid(struct asking *q, struct str *uid)
{
	const struct claim_mapping *m = &q->settings->uid;
	struct str why = {0};

	if (m->program)
		return text_of(q, m, "uid", uid);
	if (!m->claim.len)
		return 0;
	if (take_string(q, m->claim, uid, &why))
		return err_set(q->err, ERR_UNAUTHORIZED, "oidc: parse uid claim %.*s: %.*s",
			STRF(field_quote(q->arena, m->claim)), STRF(why));
	return 0;
}

static int find_extra(struct asking *q)
{
	const struct issuer_settings *s = q->settings;
	struct api_user *u = q->user;

	u->extra = arena_new(q->arena, (s->extra_count + 2) * sizeof(*u->extra));
	for (size_t i = 0; i < s->extra_count; i++) {
		struct user_extra *e = &u->extra[u->extra_count];
		struct expression_value v;

		expression_evaluate(s->extra[i].program, q->arena, q->claims, &v);
		if (v.kind == RESULT_ERROR)
			return no_value(
				q, "extra claim expression", s->extra[i].expression, v.text);
		if (!texts_of(q, &v, &e->values, &e->count))
			return err_set(q->err, ERR_UNAUTHORIZED,
				"oidc: error evaluating extra claim expression: %.*s: expression "
				"must return a string or a list of strings",
				STRF(s->extra[i].expression));
		e->key = s->extra[i].key;
		u->extra_count += e->count > 0;
	}
	return 0;
}

/* ---- rules ---- */

static int check_required(struct asking *q, const struct claim_rule *rule)
{
	struct str value = {0}, why = {0};

	if (!json_get(q->claims, rule->claim))
		return err_set(q->err, ERR_UNAUTHORIZED,
			"oidc: required claim %.*s not present in ID token", STRF(rule->claim));
	if (take_string(q, rule->claim, &value, &why))
		return err_set(q->err, ERR_UNAUTHORIZED, "oidc: parse claim %.*s: %.*s",
			STRF(rule->claim), STRF(why));
	if (str_eq(value, rule->value))
		return 0;
	return err_set(q->err, ERR_UNAUTHORIZED,
		"oidc: required claim %.*s value does not match. Got = %.*s, want = %.*s",
		STRF(rule->claim), STRF(value), STRF(rule->value));
}

static int check_rule(struct asking *q, const struct claim_rule *rule, const struct cJSON *variable,
	const char *what)
{
	struct expression_value v;

	expression_evaluate(rule->program, q->arena, variable, &v);
	if (v.kind == RESULT_ERROR)
		return no_value(q, what, rule->expression, v.text);
	if (v.kind != RESULT_BOOL)
		return err_set(q->err, ERR_UNAUTHORIZED,
			"oidc: error evaluating %s: validation expression must return a boolean",
			what);
	if (v.b)
		return 0;
	return err_set(q->err, ERR_UNAUTHORIZED,
		"oidc: error evaluating %s: validation expression '%.*s' failed: %.*s", what,
		STRF(rule->expression), STRF(rule->message));
}

static int check_claims(struct asking *q)
{
	const struct issuer_settings *s = q->settings;
	int code = 0;

	for (size_t i = 0; i < s->rule_count && !code; i++)
		if (s->rules[i].claim.len)
			code = check_required(q, &s->rules[i]);
	for (size_t i = 0; i < s->rule_count && !code; i++)
		if (s->rules[i].program)
			code = check_rule(
				q, &s->rules[i], q->claims, "claim validation expression");
	return code;
}

/* Rules see all members, those without a value, too. */
static struct cJSON *whole_user_tree(struct arena *a, const struct api_user *user)
{
	struct cJSON *tree = access_user_tree(a, user);

	if (!user->uid.len)
		json_add_borrowed(tree, STR("uid"), json_new_str(a, STR("")));
	if (!user->group_count)
		json_add_borrowed(tree, STR("groups"), json_new(a, JSON_ARRAY));
	if (!user->extra_count)
		json_add_borrowed(tree, STR("extra"), json_new(a, JSON_OBJECT));
	return tree;
}

static int check_user(struct asking *q, struct str *groups, size_t group_count)
{
	const struct issuer_settings *s = q->settings;
	struct api_user plain = *q->user;
	struct cJSON *tree;
	int code = 0;

	if (!s->user_rule_count)
		return 0;
	plain.groups = groups;
	plain.group_count = group_count;
	tree = whole_user_tree(q->arena, &plain);
	for (size_t i = 0; i < s->user_rule_count && !code; i++)
		code = check_rule(q, &s->user_rules[i], tree, "user info validation rule");
	return code;
}

int claims_user(struct arena *a, const struct issuer_settings *s, const struct cJSON *claims,
	struct api_user **user, struct err *err)
{
	struct asking q = {.arena = a, .settings = s, .claims = claims, .err = err};
	struct str name = {0}, uid = {0}, *groups = NULL;
	size_t group_count = 0;
	int code = find_name(&q, &name);

	if (!code)
		code = find_groups(&q, &groups, &group_count);
	if (!code)
		code = find_uid(&q, &uid);
	if (code)
		return code;
	q.user = user_new(a, name, uid, groups, group_count);
	code = find_extra(&q);
	if (!code)
		code = check_claims(&q);
	if (!code)
		code = check_user(&q, groups, group_count);
	if (!code)
		*user = q.user;
	return code;
}
