#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/object.h>

/* ---- references ---- */

struct object *object_ref(struct object *o)
{
	o->refs++;
	return o;
}

void object_unref(struct object *o)
{
	if (o && --o->refs == 0)
		mem_free(o);
}

/* ---- reading ---- */

struct cJSON *object_tree(struct arena *a, const struct object *o)
{
	struct cJSON *tree = NULL;

	if (json_parse(a, object_text(o), NULL, &tree, NULL))
		assert(!"what is stored is JSON");
	return tree;
}

struct str object_labels(const struct object *o)
{
	return str_make(o->text + o->labels_at, o->labels_size);
}

/* Behind the string that begins at i (a quote). */
static size_t skip_string(struct str s, size_t i)
{
	for (;;) {
		const char *quote = memchr(s.at + i + 1, '"', s.len - i - 1);
		size_t end = quote ? (size_t)(quote - s.at) : s.len, slash = end;

		/* An even number of backslashes before it are pairs of their own. */
		while (s.at[slash - 1] == '\\')
			slash--;
		if (!quote || (end - slash) % 2 == 0)
			return end + 1;
		i = end;
	}
}

enum mark { MARK_NONE, MARK_STRING, MARK_OPEN, MARK_CLOSE, MARK_COMMA };
static const unsigned char marks[256] = {['"'] = MARK_STRING,
	['{'] = MARK_OPEN,
	['['] = MARK_OPEN,
	['}'] = MARK_CLOSE,
	[']'] = MARK_CLOSE,
	[','] = MARK_COMMA};

/* Behind the value that begins at i. The text is our own: compact and valid. */
static size_t skip_value(struct str s, size_t i)
{
	size_t depth = 0;

	for (; i < s.len; i++) {
		switch ((enum mark)marks[(unsigned char)s.at[i]]) {
		case MARK_NONE:
			break;
		case MARK_STRING:
			i = skip_string(s, i) - 1;
			if (!depth)
				return i + 1;
			break;
		case MARK_OPEN:
			depth++;
			break;
		case MARK_CLOSE:
			if (!depth)
				return i;
			if (--depth == 0)
				return i + 1;
			break;
		case MARK_COMMA:
			if (!depth)
				return i;
			break;
		}
	}
	return i;
}

/*
 * Where the member's value begins in the object text that begins at `at`. `last`, if given, is a
 * key that stands behind it: there the search ends, before a value that may be long.
 */
static bool find_key(struct str s, size_t at, struct str key, struct str last, size_t *from)
{
	if (at >= s.len || s.at[at] != '{')
		return false;
	for (size_t i = at + 1; i < s.len && s.at[i] == '"';) {
		size_t end = skip_string(s, i);
		struct str name = str_sub(s, i + 1, end - 1);

		*from = end + 1;
		if (str_eq(name, key))
			return true;
		if (last.len && str_eq(name, last))
			return false;
		i = skip_value(s, *from) + 1;
	}
	return false;
}

static bool find_member(struct str s, size_t at, struct str key, size_t *from, size_t *to)
{
	if (!find_key(s, at, key, STR(""), from))
		return false;
	*to = skip_value(s, *from);
	return true;
}

struct str object_scan(const struct object *o, const char *dotted)
{
	struct str text = object_text(o), rest = str_from(dotted), step;
	size_t from = 0, to = text.len;

	while (str_next(&rest, '.', &step))
		if (!find_member(text, from, step, &from, &to))
			return (struct str){0};
	struct str value = str_sub(text, from, to);
	if (value.len >= 2 && value.at[0] == '"')
		value = str_sub(value, 1, value.len - 1);
	return value;
}

struct cJSON *object_lean_tree(struct arena *a, const struct object *o)
{
	static const struct str key = STR_INIT("\"managedFields\":");
	struct str text = object_text(o);
	size_t meta, from, to;

	if (!find_key(text, 0, STR("metadata"), STR(""), &meta) ||
		!find_member(text, meta, STR("managedFields"), &from, &to))
		return object_tree(a, o);
	/* With the comma before it, or the one behind it where it is the first. */
	from -= key.len;
	if (text.at[from - 1] == ',')
		from--;
	else if (text.at[to] == ',')
		to++;
	char *lean = arena_alloc(a, text.len - (to - from));
	struct cJSON *tree = NULL;
	memcpy(lean, text.at, from);
	memcpy(lean + from, text.at + to, text.len - to);
	if (json_parse(a, str_make(lean, text.len - (to - from)), NULL, &tree, NULL))
		assert(!"what is stored is JSON");
	return tree;
}

/* ---- drafts ---- */

#define DRAFT_MAX (64 * MIB)

static struct str take_text(struct buf *text)
{
	size_t len;
	char *at = buf_take(text, &len);

	return str_make(at, len);
}

/* Where things stand in a text whose resourceVersion may be missing. */
static void locate(struct draft *d)
{
	struct str s = d->text;
	size_t from, to, meta;

	d->rest_at = 1;
	if (find_member(s, 0, STR("apiVersion"), &from, &to))
		d->rest_at = (uint32_t)to + 1; /* behind the comma */
	bool has = find_key(s, 0, STR("metadata"), STR(""), &meta);
	assert(has);
	d->labels_size = 0;
	/* Managed fields stand behind labels, in the order of the types and in the alphabet. */
	if (find_key(s, meta, STR("labels"), STR("managedFields"), &from)) {
		d->labels_at = (uint32_t)from;
		d->labels_size = (uint32_t)(skip_value(s, from) - from);
	}
}

/* Fields of ObjectMeta that stand before resourceVersion: by the types, or by the alphabet. */
static bool before_version(struct str key, bool sorted)
{
	static const char *const names[] = {
		"name", "generateName", "namespace", "selfLink", "uid", NULL};

	if (sorted)
		return str_cmp(key, STR("resourceVersion")) < 0;
	for (size_t i = 0; names[i]; i++)
		if (str_eq_text(key, names[i]))
			return true;
	return false;
}

static void print_meta(struct buf *out, const struct cJSON *meta, bool sorted, size_t *rv_at)
{
	bool placed = false, first = true;

	buf_add_char(out, '{');
	json_each (member, meta) {
		if (str_eq_text(json_key(member), "resourceVersion"))
			continue;
		if (!placed && !before_version(json_key(member), sorted)) {
			placed = true;
			buf_print(out, "%s\"resourceVersion\":\"", first ? "" : ",");
			*rv_at = out->len;
			buf_add_char(out, '"');
			first = false;
		}
		if (!first)
			buf_add_char(out, ',');
		first = false;
		json_print_str(out, json_key(member));
		buf_add_char(out, ':');
		json_print(out, member, JSON_COMPACT);
	}
	if (!placed) {
		buf_print(out, "%s\"resourceVersion\":\"", first ? "" : ",");
		*rv_at = out->len;
		buf_add_char(out, '"');
	}
	buf_add_char(out, '}');
}

void draft_from_tree(struct draft *d, const struct cJSON *object)
{
	struct buf out = BUF_INIT(DRAFT_MAX);
	size_t rv_at = 0;
	bool first = true;
	/* Custom objects have their keys in the order of the alphabet, others kind first. */
	bool sorted = str_eq_text(json_key(json_first(object)), "apiVersion");

	buf_add_char(&out, '{');
	json_each (member, object) {
		if (!first)
			buf_add_char(&out, ',');
		first = false;
		json_print_str(&out, json_key(member));
		buf_add_char(&out, ':');
		if (str_eq_text(json_key(member), "metadata"))
			print_meta(&out, member, sorted, &rv_at);
		else
			json_print(&out, member, JSON_COMPACT);
	}
	buf_add_char(&out, '}');
	assert(rv_at && !buf_over(&out));
	*d = (struct draft){.text = take_text(&out), .rv_at = (uint32_t)rv_at};
	locate(d);
}

void draft_from_object(struct draft *d, const struct object *o)
{
	struct str text = object_text(o);
	struct buf out = BUF_INIT(DRAFT_MAX);
	size_t from, to, meta;

	bool has = find_key(text, 0, STR("metadata"), STR(""), &meta) &&
		   find_member(text, meta, STR("resourceVersion"), &from, &to);
	assert(has);
	buf_add_str(&out, str_sub(text, 0, from + 1));
	buf_add_str(&out, str_skip(text, to - 1));
	*d = (struct draft){.text = take_text(&out), .rv_at = (uint32_t)from + 1};
	locate(d);
}

void draft_done(struct draft *d)
{
	mem_free((char *)(uintptr_t)d->text.at);
	*d = (struct draft){0};
}

struct object *object_new(const struct draft *d, int64_t revision)
{
	_cleanup_(buf_done) struct buf digits = BUF_INIT(32);

	buf_add_i64(&digits, revision);
	size_t size = d->text.len + digits.len;
	struct object *o = mem_alloc(sizeof(*o) + size + 1);
	*o = (struct object){.refs = 1,
		.size = (uint32_t)size,
		.revision = revision,
		.rest_at = d->rest_at,
		.labels_at = d->labels_at + (d->labels_at > d->rv_at ? (uint32_t)digits.len : 0),
		.labels_size = d->labels_size};
	memcpy(o->text, d->text.at, d->rv_at);
	memcpy(o->text + d->rv_at, digits.at, digits.len);
	memcpy(o->text + d->rv_at + digits.len, d->text.at + d->rv_at, d->text.len - d->rv_at);
	o->text[size] = 0;
	return o;
}

struct object *object_from_text(struct str text, int64_t revision)
{
	struct draft d = {.text = text};
	struct object *o = mem_alloc(sizeof(*o) + text.len + 1);

	locate(&d);
	*o = (struct object){.refs = 1,
		.size = (uint32_t)text.len,
		.revision = revision,
		.rest_at = d.rest_at,
		.labels_at = d.labels_at,
		.labels_size = d.labels_size};
	memcpy(o->text, text.at, text.len);
	o->text[text.len] = 0;
	return o;
}
