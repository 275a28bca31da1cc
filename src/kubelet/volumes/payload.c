#include "payload.h"

#include <kube/api_codec.h>
#include <kube/codec.h>

#include <stdlib.h>

#define PATH_MAX_BYTES ((size_t)4096)
#define NAME_MAX_BYTES ((size_t)255)

void payload_add(struct arena *a, struct volume_payload *p, const struct volume_file *file)
{
	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->items[i].path, file->path)) {
			p->items[i] = *file;
			return;
		}
	ARENA_ROOM(a, p->items, p->count, p->cap, 8);
	p->items[p->count++] = *file;
}

/* ---- paths ---- */

static int check_path(struct str path, struct err *err)
{
	struct str rest = path, piece;

	if (!path.len)
		return err_set(err, ERR_INVALID, "invalid path: must not be empty: \"\"");
	if (path.at[0] == '/')
		return err_set(
			err, ERR_INVALID, "invalid path: must be relative path: %.*s", STRF(path));
	if (path.len > PATH_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"invalid path: must be less than or equal to %zu characters",
			PATH_MAX_BYTES);
	while (str_next(&rest, '/', &piece)) {
		if (str_eq(piece, STR("..")))
			return err_set(err, ERR_INVALID,
				"invalid path: must not contain '..': %.*s", STRF(path));
		if (piece.len > NAME_MAX_BYTES)
			return err_set(err, ERR_INVALID,
				"invalid path: filenames must be less than or equal to %zu "
				"characters",
				NAME_MAX_BYTES);
	}
	if (str_starts(path, STR("..")))
		return err_set(err, ERR_INVALID, "invalid path: must not start with '..': %.*s",
			STRF(path));
	return 0;
}

/* Without "." and empty pieces. */
static struct str clean(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.len + 1);
	struct str rest = path, piece;
	size_t len = 0;

	while (str_next(&rest, '/', &piece)) {
		if (!piece.len || str_eq(piece, STR(".")))
			continue;
		if (len)
			out[len++] = '/';
		memcpy(out + len, piece.at, piece.len);
		len += piece.len;
	}
	out[len] = 0;
	return str_make(out, len);
}

static int by_path(const void *x, const void *y)
{
	const struct volume_file *a = x, *b = y;

	return str_cmp(a->path, b->path);
}

int payload_end(struct arena *a, struct volume_payload *p, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		int code = check_path(p->items[i].path, err);

		if (code)
			return code;
		p->items[i].path = clean(a, p->items[i].path);
		if (!p->items[i].path.len || memchr(p->items[i].path.at, 0, p->items[i].path.len))
			return err_set(err, ERR_INVALID, "invalid path: names no file");
	}
	if (p->count)
		qsort(p->items, p->count, sizeof(*p->items), by_path);
	/* "a" and "./a" are one file. */
	for (size_t i = 0; i < p->count; i++) {
		if (kept && str_eq(p->items[kept - 1].path, p->items[i].path))
			kept--;
		p->items[kept++] = p->items[i];
	}
	p->count = kept;
	return 0;
}

const struct volume_file *payload_find(const struct volume_payload *p, struct str path)
{
	struct volume_file key = {.path = path};

	return p->count ? bsearch(&key, p->items, p->count, sizeof(key), by_path) : NULL;
}

/* ---- config maps and secrets ---- */

static int add_value(struct arena *a, struct volume_payload *p, const struct cJSON *value,
	bool encoded, struct volume_file file, struct err *err)
{
	struct str text = json_str(value);

	file.bytes = text;
	file.user = -1;
	if (encoded) {
		_cleanup_(buf_done) struct buf bytes = BUF_INIT(4 * MIB);
		int code = base64_decode(&bytes, text, err);

		if (code)
			return err_wrap(err, code, "%.*s", STRF(json_key(value)));
		file.bytes = arena_str(a, buf_str(&bytes));
	}
	payload_add(a, p, &file);
	return 0;
}

/* The members of an object that hold its files: one of text, one of bytes. */
struct holders {
	const struct cJSON *text, *bytes;
};

static int add_all(struct arena *a, struct volume_payload *p, const struct holders *from,
	uint32_t mode, struct err *err)
{
	int code = 0;

	json_each (value, from->text) {
		struct volume_file file = {.path = json_key(value), .mode = mode};
		if (!code)
			code = add_value(a, p, value, false, file, err);
	}
	json_each (value, from->bytes) {
		struct volume_file file = {.path = json_key(value), .mode = mode};
		if (!code)
			code = add_value(a, p, value, true, file, err);
	}
	return code;
}

int payload_add_source(struct arena *a, struct volume_payload *p,
	const struct volume_reference *ref, const struct cJSON *object, struct err *err)
{
	const struct cJSON *data = json_get(object, STR("data"));
	struct holders from = {
		.text = ref->secret ? NULL : data,
		.bytes = ref->secret ? data : json_get(object, STR("binaryData")),
	};

	if (!json_count(ref->items))
		return add_all(a, p, &from, ref->mode, err);
	json_each (item, ref->items) {
		struct str key = tree_str(item, "key");
		const struct cJSON *value = json_get(from.text, key);
		bool encoded = !value;
		struct volume_file file = {.path = tree_str(item, "path"),
			.mode = (uint32_t)tree_int(item, "mode", ref->mode)};

		if (!value)
			value = json_get(from.bytes, key);
		if (!value && ref->optional)
			continue;
		if (!value)
			return err_set(err, ERR_NOT_FOUND,
				ref->secret ? "references non-existent secret key: %.*s"
					    : "configmap references non-existent config key: "
					      "%.*s",
				STRF(key));
		int code = add_value(a, p, value, encoded, file, err);
		if (code)
			return code;
	}
	return 0;
}
