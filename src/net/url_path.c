#include <kube/url.h>

struct str url_clean_path(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.len + 2);
	struct str rest = path, piece;
	size_t len = 0;

	while (str_next(&rest, '/', &piece)) {
		if (!piece.len || str_eq(piece, STR(".")))
			continue;
		if (str_eq(piece, STR(".."))) {
			while (len && out[--len] != '/')
				;
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, piece.at, piece.len);
		len += piece.len;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return str_make(out, len);
}
