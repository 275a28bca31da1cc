/* JSON patch: one operation after the other; what fails, fails in the words of upstream's library.
 */
#include "codec_parts.h"

#include <kube/field.h>
#include <kube/patch.h>

#define OPERATIONS_MAX 10000
#define MISSING        ": missing value"
#define INVALID_INDEX  ": invalid index referenced"

/* One operation on its way. */
struct step {
	struct arena *arena;
	struct cJSON **root;
	const struct cJSON *op, *value; /* value NULL: none, or null */
	struct str path, from;
	struct err *err;
};

/* ---- pointers ---- */

static struct str unescape(struct arena *a, struct str token)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);

	for (size_t i = 0; i < token.len; i++) {
		bool escaped = token.at[i] == '~' && i + 1 < token.len;

		if (escaped && token.at[i + 1] == '1')
			buf_add_char(&out, '/');
		else if (escaped && token.at[i + 1] == '0')
			buf_add_char(&out, '~');
		else
			buf_add_char(&out, token.at[i]);
		i += escaped && (token.at[i + 1] == '0' || token.at[i + 1] == '1');
	}
	return arena_str(a, buf_str(&out));
}

/* Where it stands in a list; `past`: or behind the last. */
static int find_index(
	struct step *s, const struct cJSON *in, struct str token, bool past, size_t *index)
{
	int64_t i, end = (int64_t)json_count(in) + past;

	if (!str_to_i64(token, &i))
		return err_set(s->err, ERR_INVALID, "strconv.Atoi: parsing %.*s: invalid syntax",
			STRF(field_quote(s->arena, token)));
	if (i >= end || i < -end)
		return err_set(s->err, ERR_INVALID,
			"Unable to access invalid index: %lld" INVALID_INDEX, (long long)i);
	*index = (size_t)(i < 0 ? i + end : i);
	return 0;
}

/* What a container has there; an object that has nothing has NULL, as one that has null. */
static int get(struct step *s, struct cJSON *in, struct str token, struct cJSON **found)
{
	size_t index;
	int code = 0;

	if (json_is(in, JSON_OBJECT)) {
		*found = json_get(in, token);
	} else {
		code = find_index(s, in, token, false, &index);
		*found = code ? NULL : json_at(in, index);
	}
	if (json_is(*found, JSON_NULL))
		*found = NULL;
	return code;
}

/* The container the path ends in, and the last token. NULL: the way does not exist. */
static struct cJSON *container(struct step *s, struct str path, struct str *last)
{
	struct step quiet = {.arena = s->arena};
	struct str token = {0}, before;
	struct cJSON *at = *s->root;

	if (!str_cut(path, '/', &before, &path)) /* what stands before the first slash is nothing */
		return NULL;
	while (str_cut(path, '/', &token, &path))
		if (get(&quiet, at, unescape(s->arena, token), &at) ||
			(!json_is(at, JSON_OBJECT) && !json_is(at, JSON_ARRAY)))
			return NULL;
	*last = unescape(s->arena, token);
	return at;
}

/* ---- containers ---- */

static struct cJSON *copy_of(struct step *s, const struct cJSON *value)
{
	return value ? json_copy(s->arena, value) : json_new(s->arena, JSON_NULL);
}

static int put(struct step *s, struct cJSON *in, struct str last, const struct cJSON *value)
{
	size_t index = json_count(in);

	if (json_is(in, JSON_OBJECT)) {
		json_set(s->arena, in, last, copy_of(s, value));
		return 0;
	}
	if (!str_eq_text(last, "-")) {
		int64_t number;
		int code = find_index(s, in, last, true, &index);

		if (code && !str_to_i64(last, &number))
			return err_wrap(s->err, code, "value was not a proper array index: '%.*s'",
				STRF(last));
		if (code)
			return code;
	}
	json_insert(in, index, copy_of(s, value));
	return 0;
}

static int take(struct step *s, struct cJSON *in, struct str last)
{
	struct cJSON *found = json_get(in, last);
	size_t index;
	int code;

	if (json_is(in, JSON_OBJECT)) {
		if (!found)
			return err_set(s->err, ERR_INVALID,
				"Unable to remove nonexistent key: %.*s" MISSING, STRF(last));
		json_remove(in, found);
		return 0;
	}
	code = find_index(s, in, last, false, &index);
	if (!code)
		json_remove(in, json_at(in, index));
	return code;
}

/* ---- operations ---- */

static int no_place(struct step *s, const char *why, struct str path)
{
	return err_set(s->err, ERR_INVALID, "%s: %.*s" MISSING, why, STRF(path));
}

static int run_add(struct step *s)
{
	struct str last;
	struct cJSON *in = container(s, s->path, &last);

	if (!in)
		return err_set(s->err, ERR_INVALID,
			"add operation does not apply: doc is missing path: \"%.*s\"" MISSING,
			STRF(s->path));
	int code = put(s, in, last, s->value);
	return code ? err_wrap(s->err, code, "error in add for path: '%.*s'", STRF(s->path)) : 0;
}

static int run_remove(struct step *s)
{
	struct str last;
	struct cJSON *in = container(s, s->path, &last);

	if (!in)
		return err_set(s->err, ERR_INVALID,
			"remove operation does not apply: doc is missing path: \"%.*s\"" MISSING,
			STRF(s->path));
	int code = take(s, in, last);
	return code ? err_wrap(s->err, code, "error in remove for path: '%.*s'", STRF(s->path)) : 0;
}

static int replace_root(struct step *s)
{
	if (!json_is(s->value, JSON_OBJECT) && !json_is(s->value, JSON_ARRAY))
		return err_set(s->err, ERR_INVALID,
			"replace operation value must be object or array: %.*s",
			STRF(STR("%!w(<nil>)")));
	*s->root = json_copy(s->arena, s->value);
	return 0;
}

static int run_replace(struct step *s)
{
	struct step quiet = {.arena = s->arena};
	struct cJSON *in, *found;
	struct str last;
	size_t index;

	if (!s->path.len)
		return replace_root(s);
	in = container(s, s->path, &last);
	if (!in)
		return no_place(
			s, "replace operation does not apply: doc is missing path", s->path);
	if (get(&quiet, in, last, &found))
		return no_place(s, "replace operation does not apply: doc is missing key", s->path);
	if (json_is(in, JSON_OBJECT)) {
		json_set(s->arena, in, last, copy_of(s, s->value));
		return 0;
	}
	find_index(&quiet, in, last, false, &index);
	json_remove(in, json_at(in, index));
	json_insert(in, index, copy_of(s, s->value));
	return 0;
}

static int run_test(struct step *s)
{
	struct cJSON *in, *found = *s->root;
	struct str last;
	int code;

	if (s->path.len) {
		in = container(s, s->path, &last);
		if (!in)
			return no_place(
				s, "test operation does not apply: is missing path", s->path);
		code = get(s, in, last, &found);
		if (code)
			return err_wrap(
				s->err, code, "error in test for path: '%.*s'", STRF(s->path));
	}
	if (found ? s->value && json_equal(found, s->value) : !s->value)
		return 0;
	return err_set(s->err, ERR_UNTRUE, "testing value %.*s failed: test failed", STRF(s->path));
}

static int run_copy(struct step *s)
{
	struct str last;
	struct cJSON *in = container(s, s->from, &last), *found;
	int code;

	if (!in)
		return no_place(
			s, "copy operation does not apply: doc is missing from path", s->from);
	code = get(s, in, last, &found);
	if (code)
		return err_wrap(s->err, code, "error in copy for from: '%.*s'", STRF(s->from));
	in = container(s, s->path, &last);
	if (!in)
		return no_place(s, "copy operation does not apply: doc is missing destination path",
			s->path);
	code = put(s, in, last, found);
	return code ? err_wrap(s->err, code, "error while adding value during copy") : 0;
}

static int run_move(struct step *s)
{
	struct str last;
	struct cJSON *in = container(s, s->from, &last), *found;
	int code;

	if (!in)
		return no_place(
			s, "move operation does not apply: doc is missing from path", s->from);
	code = get(s, in, last, &found);
	found = copy_of(s, found);
	if (!code)
		code = take(s, in, last);
	if (code)
		return err_wrap(s->err, code, "error in move for path: '%.*s'", STRF(last));
	in = container(s, s->path, &last);
	if (!in)
		return no_place(s, "move operation does not apply: doc is missing destination path",
			s->path);
	code = put(s, in, last, found);
	return code ? err_wrap(s->err, code, "error in move for path: '%.*s'", STRF(s->path)) : 0;
}

#define NO_PATH "operation missing path field" MISSING
#define NO_FROM "operation, missing from field" MISSING

static const struct {
	const char *name;
	int (*run)(struct step *s);
	const char *no_path, *no_from; /* what is said of the lack; NULL: it needs none */
} operations[] = {
	{"add", run_add, "add operation failed to decode path" MISSING, NULL},
	{"remove", run_remove, "remove operation failed to decode path" MISSING, NULL},
	{"replace", run_replace, "replace operation failed to decode path: " NO_PATH, NULL},
	{"move", run_move, "move operation failed to decode path: " NO_PATH,
		"move operation failed to decode from: " NO_FROM},
	{"test", run_test, "test operation failed to decode path: " NO_PATH, NULL},
	{"copy", run_copy, "copy operation failed to decode path" MISSING,
		"copy operation failed to decode from: " NO_FROM},
};

static int run_one(struct step *s)
{
	const struct cJSON *name = json_get(s->op, STR("op"));
	bool path = json_is(json_get(s->op, STR("path")), JSON_STRING);
	bool from = json_is(json_get(s->op, STR("from")), JSON_STRING);

	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		if (!str_eq_text(json_str(name), operations[i].name))
			continue;
		if (!from && operations[i].no_from)
			return err_set(s->err, ERR_INVALID, "%s", operations[i].no_from);
		return path ? operations[i].run(s)
			    : err_set(s->err, ERR_INVALID, "%s", operations[i].no_path);
	}
	return err_set(s->err, ERR_INVALID, "Unexpected kind: %.*s",
		STRF(json_is(name, JSON_STRING) ? json_str(name) : STR("unknown")));
}

static int check_shape(const struct cJSON *patch, struct err *err)
{
	if (!json_is(patch, JSON_ARRAY) && json_type(patch) != JSON_NULL)
		return err_set(err, ERR_BAD_REQUEST,
			"error decoding patch: json: cannot unmarshal %s into Go value of type "
			"[]handlers.jsonPatchOp",
			json_type_name(json_type(patch)));
	json_each (op, patch)
		if (!json_is(op, JSON_OBJECT))
			return err_set(err, ERR_BAD_REQUEST,
				"error decoding patch: json: cannot unmarshal %s into Go value of "
				"type handlers.jsonPatchOp",
				json_type_name(json_type(op)));
	if (json_count(patch) > OPERATIONS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			"Request entity too large: The allowed maximum operations in a JSON patch "
			"is %d, got %zu",
			OPERATIONS_MAX, json_count(patch));
	return 0;
}

static void note_strangers(
	struct arena *a, const struct cJSON *op, size_t index, struct decode_notes *notes)
{
	static const char *const known[] = {"op", "path", "from", "value", NULL};

	json_each (member, op) {
		bool is_known = false;

		for (size_t i = 0; known[i]; i++)
			is_known |= str_eq_text(json_key(member), known[i]);
		if (!is_known && notes)
			decode_note(notes, arena_print(a, "json patch unknown field \"[%zu].%.*s\"",
						   index, STRF(json_key(member))));
	}
}

int patch_json(struct arena *a, const struct cJSON *object, const struct cJSON *patch,
	struct decode_notes *notes, struct cJSON **out, struct err *err)
{
	struct cJSON *root = json_copy(a, object);
	int code = check_shape(patch, err);
	size_t i = 0;

	if (code)
		return code;
	json_each (op, patch) {
		struct step s = {.arena = a,
			.root = &root,
			.op = op,
			.value = json_get(op, STR("value")),
			.path = tree_str(op, "path"),
			.from = tree_str(op, "from"),
			.err = err};

		if (json_is(s.value, JSON_NULL))
			s.value = NULL;
		note_strangers(a, op, i++, notes);
		code = run_one(&s);
		if (code)
			return code;
	}
	*out = root;
	return 0;
}
