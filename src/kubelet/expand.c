#include "environment.h"

#include <kube/buf.h>

#define EXPANDED_MOST (3 * MIB)

struct piece {
	struct str text;
	bool is_name;
	size_t taken; /* bytes behind the dollar */
};

/* What stands behind a dollar that is not the last byte. */
static struct piece read_piece(struct str rest)
{
	if (rest.at[0] == '$')
		return (struct piece){str_sub(rest, 0, 1), false, 1};
	if (rest.at[0] == '(') {
		ssize_t end = str_find_char(rest, ')');

		if (end > 0)
			return (struct piece){str_sub(rest, 1, (size_t)end), true, (size_t)end + 1};
		return (struct piece){STR("$("), false, 1};
	}
	/* Not ours: the dollar and what follows it stay. */
	return (struct piece){str_make(rest.at - 1, 2), false, 1};
}

static void add_name(
	struct buf *out, struct str name, const struct environment *known, struct str *unknown)
{
	struct str value;

	if (environment_get(known, name, &value)) {
		buf_add_str(out, value);
		return;
	}
	if (!unknown->at)
		*unknown = name;
	buf_print(out, "$(%.*s)", STRF(name));
}

static struct str walk(
	struct arena *a, struct str text, const struct environment *known, struct str *unknown)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(EXPANDED_MOST);

	*unknown = (struct str){0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] != '$' || i + 1 == text.len) {
			buf_add_char(&out, text.at[i]);
			continue;
		}
		struct piece piece = read_piece(str_skip(text, i + 1));
		if (piece.is_name)
			add_name(&out, piece.text, known, unknown);
		else
			buf_add_str(&out, piece.text);
		i += piece.taken;
	}
	return arena_str(a, buf_str(&out));
}

struct str expand(struct arena *a, struct str text, const struct environment *known)
{
	struct str unknown;

	return walk(a, text, known, &unknown);
}

int expand_strictly(struct arena *a, struct str text, const struct environment *known,
	struct str *out, struct err *err)
{
	struct str unknown, expanded = walk(a, text, known, &unknown);

	if (unknown.at)
		return err_set(err, ERR_INVALID, "missing value for \"%.*s\"", STRF(unknown));
	*out = expanded;
	return 0;
}
