/*
 * Configurations are checked before they are merged: shapes, fields nobody knows, keys that come
 * twice. The sentences are those of upstream's typed values, Go's ways of printing included.
 */
#include "go_print.h"
#include "typed.h"

#define ERRORS_MAX 32

struct checking {
	struct arena *arena;
	struct buf text; /* "  .path: what" lines */
	size_t count;
};

/* Where a value stands, from it up to the object. */
struct place {
	const struct place *above;
	struct str element;
};

static void print_place(struct checking *c, const struct place *p)
{
	if (!p)
		return;
	print_place(c, p->above);
	typed_print_element(&c->text, c->arena, p->element);
}

static void say(struct checking *c, const struct place *at, const char *format, ...)
	KUBE_PRINTF(3, 4);

static void say(struct checking *c, const struct place *at, const char *format, ...)
{
	va_list args;

	if (c->count++ >= ERRORS_MAX)
		return;
	if (c->count > 1)
		buf_add_text(&c->text, "\n");
	buf_add_text(&c->text, "\x01");
	print_place(c, at);
	buf_add_text(&c->text, at ? ": " : "");
	va_start(args, format);
	buf_vprint(&c->text, format, args);
	va_end(args);
}

typedef void print_fn(struct buf *out, struct arena *a, const struct cJSON *value);

static struct str go_value(struct checking *c, print_fn *print, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	print(&text, c->arena, value);
	return arena_str(c->arena, buf_str(&text));
}

/* ---- leaves ---- */

static bool any_scalar(const struct cJSON *value)
{
	return !json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY);
}

static void check_scalar(struct checking *c, const struct schema_field *f,
	const struct cJSON *value, const struct place *at)
{
	switch (f->kind) {
	case KIND_STRING:
	case KIND_BYTES:
	case KIND_DURATION:
		if (!json_is(value, JSON_STRING))
			say(c, at, "expected string, got &value.valueUnstructured{Value:%.*s}",
				STRF(go_value(c, go_print_syntax, value)));
		break;
	case KIND_BOOL:
		if (!json_is(value, JSON_BOOL))
			say(c, at, "expected boolean, got &{%.*s}",
				STRF(go_value(c, go_print_plain, value)));
		break;
	case KIND_INT32:
	case KIND_INT64:
	case KIND_DOUBLE:
		if (!json_is(value, JSON_NUMBER))
			say(c, at, "expected numeric (int or float), got %s", go_type_of(value));
		break;
	case KIND_TIME:
	case KIND_MICRO_TIME:
	case KIND_QUANTITY:
	case KIND_INT_OR_STRING:
		if (!any_scalar(value))
			say(c, at, "expected any scalar, got &{%.*s}",
				STRF(go_value(c, go_print_plain, value)));
		break;
	default: /* anything goes */
		break;
	}
}

/* ---- containers ---- */

static void check(struct checking *c, struct typed t, const struct place *at);

/* ["name"], ["port" "protocol"]: as %q has a list. */
static struct str keys_text(struct checking *c, const struct schema_field *f)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * KIB);
	struct str rest = str_from(f->list_keys), key;

	while (str_next(&rest, ',', &key))
		buf_print(&text, "%s\"%.*s\"", text.len ? " " : "", STRF(key));
	return arena_print(c->arena, "[%.*s]", STRF(buf_str(&text)));
}

static bool check_elements(struct checking *c, struct typed t, const struct place *at)
{
	size_t index = 0;

	json_each (item, t.value) {
		if (json_type(item) == JSON_NULL) {
			say(c, at,
				"element %zu: associative list with keys may not have a null "
				"element",
				index);
			return false;
		}
		if (t.field->list_type == LIST_MAP && !json_is(item, JSON_OBJECT)) {
			say(c, at,
				"element %zu: associative list with keys may not have non-map "
				"elements",
				index);
			return false;
		}
		if (!typed_item(c->arena, t.field, item).len) {
			say(c, at,
				"element %zu: associative list with keys has an element that omits "
				"all key fields %.*s (and doesn't have default values for any key "
				"fields)",
				index, STRF(keys_text(c, t.field)));
			return false;
		}
		index++;
	}
	return true;
}

static void check_atomic_items(struct checking *c, struct typed t, const struct place *at)
{
	const struct schema_field *one = typed_element(c->arena, t.field);
	size_t index = 0;

	json_each (item, t.value) {
		struct place here = {.above = at};

		here.element = t.field->shape == SHAPE_LIST
				       ? arena_print(c->arena, "i:%zu", index++)
				       : arena_print(c->arena, "f:%.*s", STRF(json_key(item)));
		check(c, (struct typed){.field = one, .value = item}, &here);
	}
}

static void check_children(struct checking *c, struct typed t, const struct place *at)
{
	struct typed_children children;

	if (t.field->shape == SHAPE_LIST && !check_elements(c, t, at))
		return;
	children = typed_children_of(c->arena, t);
	for (size_t i = 1; children.list && i < children.count; i++) {
		struct str element = children.sorted[i]->element;

		if (!str_eq(element, children.sorted[i - 1]->element))
			continue;
		_cleanup_(buf_done) struct buf key = BUF_INIT(64 * KIB);
		typed_print_element(&key, c->arena, element);
		say(c, at, "duplicate entries for key %.*s", STRF(buf_str(&key)));
		return;
	}
	for (size_t i = 0; i < children.count; i++) {
		struct place here = {.above = at, .element = children.items[i].element};

		check(c, children.items[i].at, &here);
	}
}

static void check_struct(struct checking *c, struct typed t, const struct place *at)
{
	json_each (member, t.value) {
		const struct schema_field *named = schema_field(t.field->of, json_key(member));
		const struct schema_field *f = named ? named : t.field->of->rest;
		struct place here = {.above = at,
			.element = arena_print(c->arena, "f:%.*s", STRF(json_key(member)))};

		if (f)
			check(c, (struct typed){.field = f, .value = member}, &here);
		else
			say(c, &here, "field not declared in schema");
	}
}

static void check(struct checking *c, struct typed t, const struct place *at)
{
	const struct schema_field *f;

	t = typed_settled(t);
	f = t.field;
	bool list = f->shape == SHAPE_LIST, one = f->shape == SHAPE_ONE;

	if (json_type(t.value) == JSON_NULL)
		return;
	if (one && f->kind != KIND_OBJECT) {
		check_scalar(c, f, t.value, at);
	} else if (list && !json_is(t.value, JSON_ARRAY)) {
		say(c, at, "expected list, got &{%.*s}",
			STRF(go_value(c, go_print_plain, t.value)));
	} else if (!list && !json_is(t.value, JSON_OBJECT)) {
		say(c, at, "expected map, got &{%.*s}", STRF(go_value(c, go_print_plain, t.value)));
	} else if (one) {
		check_struct(c, t, at);
	} else if (f->shape == SHAPE_MAP_OF_LISTS) {
		return;
	} else if (typed_is_atomic(f)) {
		check_atomic_items(c, t, at);
	} else {
		check_children(c, t, at);
	}
}

/* ---- all of it ---- */

static struct str sentence(struct checking *c)
{
	struct str rest = buf_str(&c->text), line;
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	if (c->count == 1)
		return str_skip(rest, 1);
	buf_add_text(&out, "errors:");
	while (str_next(&rest, '\x01', &line))
		if (line.len)
			buf_print(&out, "\n  %.*s", STRF(str_trim(line)));
	return arena_str(c->arena, buf_str(&out));
}

int typed_check(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct err *err)
{
	struct schema_field root;
	struct checking c = {.arena = a, .text = BUF_INIT(1 * MIB)};
	int code = 0;

	check(&c, typed_root(&root, s, object), NULL);
	if (c.count) {
		struct str text = sentence(&c);

		code = err_set(err, ERR_INTERNAL, "%.*s", STRF(text));
	}
	buf_done(&c.text);
	return code;
}
