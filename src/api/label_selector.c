/* Label selectors: the text form (a small grammar with one token of lookahead) and the object. */
#include <kube/api_codec.h>
#include <kube/names.h>
#include <kube/selector.h>

#include <stdlib.h>

/* ---- tokens ---- */

enum token {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_COMMA,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_NOT,
	TOKEN_EQ,
	TOKEN_EQ_EQ,
	TOKEN_NOT_EQ,
	TOKEN_GT,
	TOKEN_LT,
};

struct parser {
	struct arena *arena;
	struct str rest;
	enum token token; /* the next one */
	struct str text;
	struct err *err;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_symbol(char c)
{
	return c && strchr("=!(),><", c);
}

static void scan(struct parser *p)
{
	static const struct {
		const char *text;
		enum token token;
	} symbols[] = {{"==", TOKEN_EQ_EQ}, {"!=", TOKEN_NOT_EQ}, {"=", TOKEN_EQ}, {"!", TOKEN_NOT},
		{"(", TOKEN_OPEN}, {")", TOKEN_CLOSE}, {",", TOKEN_COMMA}, {">", TOKEN_GT},
		{"<", TOKEN_LT}};
	size_t len = 0;

	while (p->rest.len && is_space(p->rest.at[0]))
		p->rest = str_skip(p->rest, 1);
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (str_starts(p->rest, str_from(symbols[i].text))) {
			p->text = str_from(symbols[i].text);
			p->token = symbols[i].token;
			p->rest = str_skip(p->rest, p->text.len);
			return;
		}
	while (len < p->rest.len && !is_space(p->rest.at[len]) && !is_symbol(p->rest.at[len]))
		len++;
	p->text = str_sub(p->rest, 0, len);
	p->token = len ? TOKEN_NAME : TOKEN_END;
	p->rest = str_skip(p->rest, len);
}

static int expected(struct parser *p, struct str found, const char *what)
{
	return err_set(p->err, ERR_BAD_REQUEST, "found '%.*s'%s", STRF(found), what);
}

/* ---- checks of a requirement ---- */

static struct str joined_faults(struct arena *a, const struct name_faults *f)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);

	for (size_t i = 0; i < f->count; i++)
		buf_print(&text, "%s%s", i ? "; " : "", f->items[i]);
	return arena_str(a, buf_str(&text));
}

static int check_key(struct parser *p, struct str key)
{
	struct name_faults f = {0};

	name_check_qualified(key, &f);
	if (!f.count)
		return 0;
	return err_set(p->err, ERR_BAD_REQUEST, "<nil>: Invalid value: \"%.*s\": %.*s", STRF(key),
		STRF(joined_faults(p->arena, &f)));
}

static int check_values(struct parser *p, struct selector_term *t)
{
	if ((t->op == SEL_IN || t->op == SEL_NOT_IN) && !t->count)
		return err_set(p->err, ERR_BAD_REQUEST,
			"values: Invalid value: []: for 'in', 'notin' operators, values set can't "
			"be empty");
	if ((t->op == SEL_GT || t->op == SEL_LT) && !str_to_i64(t->values[0], &t->number))
		return err_set(p->err, ERR_BAD_REQUEST,
			"values[0]: Invalid value: \"%.*s\": for 'Gt', 'Lt' operators, the value "
			"must be an integer",
			STRF(t->values[0]));
	for (size_t i = 0; i < t->count; i++) {
		struct name_faults f = {0};

		name_check_label_value(t->values[i], &f);
		if (f.count)
			return err_set(p->err, ERR_BAD_REQUEST,
				"values[%zu][%.*s]: Invalid value: \"%.*s\": %.*s", i, STRF(t->key),
				STRF(t->values[i]), STRF(joined_faults(p->arena, &f)));
	}
	return 0;
}

/* ---- values ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* A set: sorted, each once. */
static void make_set(struct selector_term *t)
{
	size_t kept = 0;

	if (!t->count)
		return;
	qsort(t->values, t->count, sizeof(*t->values), by_text);
	for (size_t i = 0; i < t->count; i++)
		if (!kept || !str_eq(t->values[kept - 1], t->values[i]))
			t->values[kept++] = t->values[i];
	t->count = kept;
}

static void add_value(struct parser *p, struct selector_term *t, struct str value)
{
	/* Room doubles: a selector of nothing but commas has tens of thousands of values. */
	if (!(t->count & (t->count - 1))) {
		size_t room = t->count ? t->count * 2 : 1;
		struct str *grown = arena_alloc(p->arena, room * sizeof(*grown));

		if (t->count)
			memcpy(grown, t->values, t->count * sizeof(*grown));
		t->values = grown;
	}
	t->values[t->count++] = arena_str(p->arena, value);
}

static int parse_list(struct parser *p, struct selector_term *t)
{
	for (;;) {
		enum token token = p->token;
		struct str text = p->text;

		scan(p);
		if (token == TOKEN_NAME) {
			add_value(p, t, text);
			if (p->token == TOKEN_CLOSE)
				return 0;
			if (p->token != TOKEN_COMMA)
				return expected(p, p->text, ", expected: ',' or ')'");
		} else if (token == TOKEN_COMMA) { /* "(," and ",," hold empty values */
			if (!t->count)
				add_value(p, t, STR(""));
			if (p->token == TOKEN_CLOSE) {
				add_value(p, t, STR(""));
				return 0;
			}
			if (p->token == TOKEN_COMMA) {
				scan(p);
				add_value(p, t, STR(""));
			}
		} else {
			return expected(p, text, ", expected: ',', or identifier");
		}
	}
}

static int parse_values(struct parser *p, struct selector_term *t)
{
	int code = 0;

	if (p->token != TOKEN_OPEN)
		return expected(p, p->text, " expected: '('");
	scan(p);
	if (p->token == TOKEN_NAME || p->token == TOKEN_COMMA)
		code = parse_list(p, t);
	else if (p->token == TOKEN_CLOSE)
		add_value(p, t, STR("")); /* "()" is the empty value */
	else
		return expected(p, p->text, ", expected: ',', ')' or identifier");
	if (code)
		return code;
	if (p->token != TOKEN_CLOSE)
		return expected(p, p->text, ", expected: ')'");
	scan(p);
	return 0;
}

static int parse_exact(struct parser *p, struct selector_term *t)
{
	if (p->token == TOKEN_END || p->token == TOKEN_COMMA) {
		add_value(p, t, STR(""));
		return 0;
	}
	if (p->token != TOKEN_NAME)
		return expected(p, p->text, ", expected: identifier");
	add_value(p, t, p->text);
	scan(p);
	return 0;
}

/* ---- requirements ---- */

static int parse_operator(struct parser *p, enum selector_op *op)
{
	switch (p->token) {
	case TOKEN_EQ:
	case TOKEN_EQ_EQ:
		*op = SEL_EQ;
		break;
	case TOKEN_NOT_EQ:
		*op = SEL_NOT_EQ;
		break;
	case TOKEN_GT:
		*op = SEL_GT;
		break;
	case TOKEN_LT:
		*op = SEL_LT;
		break;
	default:
		if (str_eq_text(p->text, "in"))
			*op = SEL_IN;
		else if (str_eq_text(p->text, "notin"))
			*op = SEL_NOT_IN;
		else
			return expected(p, p->text, ", expected: in, notin, =, ==, !=, gt, lt");
	}
	scan(p);
	return 0;
}

static int parse_requirement(struct parser *p, struct selector_term *t)
{
	bool not = p->token == TOKEN_NOT;
	int code;

	if (not )
		scan(p);
	if (p->token != TOKEN_NAME)
		return expected(p, p->text, ", expected: identifier");
	t->key = arena_str(p->arena, p->text);
	code = check_key(p, t->key);
	if (code)
		return code;
	scan(p);
	t->op = not ? SEL_NOT_EXISTS : SEL_EXISTS;
	if (not || p->token == TOKEN_END || p->token == TOKEN_COMMA)
		return 0;
	code = parse_operator(p, &t->op);
	if (!code)
		code = t->op == SEL_IN || t->op == SEL_NOT_IN ? parse_values(p, t)
							      : parse_exact(p, t);
	if (code)
		return code;
	make_set(t);
	return check_values(p, t);
}

static int by_term_key(const void *a, const void *b)
{
	const struct selector_term *x = a, *y = b;

	return str_cmp(x->key, y->key);
}

static void add_term(struct arena *a, struct selector *s, const struct selector_term *t)
{
	struct selector_term *grown = arena_alloc(a, (s->count + 1) * sizeof(*grown));

	if (s->count)
		memcpy(grown, s->terms, s->count * sizeof(*grown));
	grown[s->count++] = *t;
	s->terms = grown;
}

int label_selector_parse(struct arena *a, struct str text, struct selector *s, struct err *err)
{
	struct parser p = {.arena = a, .rest = text, .err = err};

	*s = (struct selector){0};
	scan(&p);
	while (p.token != TOKEN_END) {
		struct selector_term t = {0};

		if (p.token != TOKEN_NAME && p.token != TOKEN_NOT)
			return expected(
				&p, p.text, ", expected: !, identifier, or 'end of string'");
		int code = parse_requirement(&p, &t);
		if (code)
			return err_wrap(err, code, "unable to parse requirement");
		add_term(a, s, &t);
		if (p.token == TOKEN_END)
			break;
		if (p.token != TOKEN_COMMA)
			return expected(&p, p.text, ", expected: ',' or 'end of string'");
		scan(&p);
		if (p.token != TOKEN_NAME && p.token != TOKEN_NOT)
			return expected(&p, p.text, ", expected: identifier after ','");
	}
	if (s->count)
		qsort(s->terms, s->count, sizeof(*s->terms), by_term_key);
	return 0;
}

/* ---- the object form ---- */

static int term_from(struct parser *p, const struct cJSON *expression, struct selector_term *t)
{
	struct str op = tree_str(expression, "operator");

	t->key = arena_str(p->arena, tree_str(expression, "key"));
	if (str_eq_text(op, "In"))
		t->op = SEL_IN;
	else if (str_eq_text(op, "NotIn"))
		t->op = SEL_NOT_IN;
	else if (str_eq_text(op, "Exists"))
		t->op = SEL_EXISTS;
	else if (str_eq_text(op, "DoesNotExist"))
		t->op = SEL_NOT_EXISTS;
	else
		return err_set(p->err, ERR_BAD_REQUEST,
			"\"%.*s\" is not a valid label selector operator", STRF(op));
	json_each (value, json_get(expression, STR("values")))
		add_value(p, t, json_str(value));
	make_set(t);
	int code = check_key(p, t->key);
	return code ? code : check_values(p, t);
}

int label_selector_from(
	struct arena *a, const struct cJSON *object, struct selector *s, struct err *err)
{
	struct parser p = {.arena = a, .err = err};

	*s = (struct selector){0};
	if (json_type(object) == JSON_NULL) {
		s->nothing = true;
		return 0;
	}
	json_each (label, json_get(object, STR("matchLabels"))) {
		struct selector_term t = {.key = arena_str(a, json_key(label)), .op = SEL_EQ};

		add_value(&p, &t, json_str(label));
		int code = check_key(&p, t.key);
		if (!code)
			code = check_values(&p, &t);
		if (code)
			return code;
		add_term(a, s, &t);
	}
	json_each (expression, json_get(object, STR("matchExpressions"))) {
		struct selector_term t = {0};
		int code = term_from(&p, expression, &t);

		if (code)
			return code;
		add_term(a, s, &t);
	}
	if (s->count)
		qsort(s->terms, s->count, sizeof(*s->terms), by_term_key);
	return 0;
}
