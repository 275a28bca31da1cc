/*
 * Config files: the flags' names as keys of a YAML mapping. Keys are matched without regard to
 * case, `-` and `_`, so that `clientCAFile` is client-ca-file.
 */
#include <kube/flags.h>

#include "flags_value.h"

#include <kube/yaml.h>

struct config {
	struct flag *flags;
	struct arena *arena;
	struct key_line {
		struct key_line *next;
		struct str key;
		int line;
	} * lines;
	bool *given; /* by flag: two spellings of a name are one key given twice */
	struct str duplicate;
	int duplicate_line;
};

static void note_key(void *ctx, struct str key, int line)
{
	struct config *c = ctx;
	struct key_line *l = arena_new(c->arena, sizeof(*l));

	*l = (struct key_line){.next = c->lines, .key = arena_str(c->arena, key), .line = line};
	c->lines = l;
}

static void note_duplicate(void *ctx, const struct yaml_duplicate *duplicate)
{
	struct config *c = ctx;

	if (c->duplicate_line)
		return;
	c->duplicate = arena_str(c->arena, duplicate->path);
	c->duplicate_line = duplicate->line;
}

static int line_of(const struct config *c, struct str key)
{
	for (const struct key_line *l = c->lines; l; l = l->next)
		if (str_eq(l->key, key))
			return l->line;
	return 0;
}

static char plain(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_mark(char c)
{
	return c == '-' || c == '_';
}

static bool key_matches(const char *name, struct str key)
{
	size_t i = 0;

	for (;; name++, i++) {
		while (is_mark(*name))
			name++;
		while (i < key.len && is_mark(key.at[i]))
			i++;
		if (*name == '\0' || i == key.len)
			return *name == '\0' && i == key.len;
		if (plain(*name) != plain(key.at[i]))
			return false;
	}
}

static struct flag *find_flag(const struct config *c, struct str key)
{
	for (struct flag *f = c->flags; f->name; f++)
		if (key_matches(f->name, key))
			return f;
	return NULL;
}

/* camelCase as a flag's name, for the suggestion only. */
static struct str dashed(struct arena *a, struct str key)
{
	struct buf out = BUF_INIT(KIB);
	bool upper = true;

	for (size_t i = 0; i < key.len; i++) {
		bool now = key.at[i] >= 'A' && key.at[i] <= 'Z';
		if (now && !upper)
			buf_add_char(&out, '-');
		buf_add_char(&out, plain(key.at[i]));
		upper = now;
	}
	struct str name = arena_str(a, buf_str(&out));
	buf_done(&out);
	return name;
}

static int scalar_text(struct arena *a, const struct cJSON *n, struct str *text, struct err *err)
{
	switch (json_type(n)) {
	case JSON_STRING:
		*text = json_str(n);
		return 0;
	case JSON_BOOL:
		*text = json_bool(n) ? STR("true") : STR("false");
		return 0;
	case JSON_NUMBER:
		*text = json_number_text(a, n);
		return 0;
	default:
		return err_set(err, ERR_USAGE, "a single value is wanted, not %s",
			json_type_name(json_type(n)));
	}
}

static int set_items(struct flag *f, struct arena *a, const struct cJSON *array, struct err *err)
{
	struct flag_list list = {0};

	json_each (item, array) {
		struct str text;
		if (scalar_text(a, item, &text, err) || flags_add_item(&list, a, text, err))
			return ERR_USAGE;
	}
	*(struct flag_list *)f->target = list;
	return 0;
}

static int set_pairs(struct flag *f, struct arena *a, const struct cJSON *object, struct err *err)
{
	struct flag_map map = {0};

	json_each (item, object) {
		struct str text;
		if (scalar_text(a, item, &text, err) ||
			(f->kind == FLAG_KIND_GATES &&
				flags_check_gate(f->gates, json_key(item), &text, err)) ||
			flags_put_pair(&map, a, json_key(item), text, err))
			return ERR_USAGE;
	}
	*(struct flag_map *)f->target = map;
	return 0;
}

static int set_value(struct flag *f, struct arena *a, const struct cJSON *n, struct err *err)
{
	bool list = f->kind == FLAG_KIND_LIST || f->kind == FLAG_KIND_STRINGS;
	bool map = f->kind == FLAG_KIND_MAP || f->kind == FLAG_KIND_GATES;
	struct str text;

	if (list && json_is(n, JSON_ARRAY))
		return set_items(f, a, n, err);
	if (map && json_is(n, JSON_OBJECT))
		return set_pairs(f, a, n, err);
	if (scalar_text(a, n, &text, err))
		return ERR_USAGE;
	return flags_set(f, a, text, true, err);
}

static int given_twice(int line, struct str key, struct err *err)
{
	return err_set(err, ERR_USAGE, "line %d: key \"%.*s\" is given twice", line,
		STRF(str_sub(key, 0, 256)));
}

static int set_key(const struct config *c, const struct cJSON *n, struct err *err)
{
	struct flag *f = find_flag(c, json_key(n));
	struct str key = str_sub(json_key(n), 0, 256);
	int line = line_of(c, json_key(n));
	struct err why = {0};

	if (!f)
		return err_set(err, ERR_USAGE, "line %d: unknown key \"%.*s\"%.*s", line, STRF(key),
			STRF(flags_suggest(c->flags, c->arena, dashed(c->arena, key), "")));
	if (c->given[f - c->flags])
		return given_twice(line, key, err);
	c->given[f - c->flags] = true;
	if (f->from_line || json_is(n, JSON_NULL))
		return 0;
	if (set_value(f, c->arena, n, &why)) {
		err_set(err, ERR_USAGE, "line %d: invalid value for \"%.*s\": %s", line, STRF(key),
			err_text(&why));
		err_done(&why);
		return ERR_USAGE;
	}
	f->set = true;
	return 0;
}

int flags_parse_config(struct flag *flags, struct arena *a, struct str yaml, struct err *err)
{
	struct config c = {.flags = flags, .arena = a};
	struct yaml_options options = {
		.limits = {.max_bytes = FLAGS_MAX_FILE, .max_depth = 16},
		.duplicate = note_duplicate,
		.key = note_key,
		.ctx = &c,
	};
	struct cJSON *root;

	if (yaml_read(a, yaml, &options, &root, err)) {
		if (err)
			err->code = ERR_USAGE;
		return ERR_USAGE;
	}
	if (c.duplicate_line)
		return given_twice(c.duplicate_line, c.duplicate, err);
	if (json_is(root, JSON_NULL))
		return 0;
	if (!json_is(root, JSON_OBJECT))
		return err_set(err, ERR_USAGE, "a mapping of flag names is wanted, not %s",
			json_type_name(json_type(root)));
	size_t count = 0;
	while (flags[count].name)
		count++;
	c.given = arena_new(a, count + 1);
	json_each (n, root) {
		if (set_key(&c, n, err))
			return ERR_USAGE;
	}
	return 0;
}
