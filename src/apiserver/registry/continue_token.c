/* Continue tokens: base64url of {"v":"meta.k8s.io/v1","rv":N,"start":"key\u0000"}. */
#include "registry.h"

#include <kube/codec.h>

struct str continue_print(struct arena *a, int64_t revision, struct str key, struct str prefix)
{
	_cleanup_(buf_done) struct buf json = BUF_INIT(64 * KIB), text = BUF_INIT(128 * KIB);

	buf_print(&json, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%lld,\"start\":\"%.*s\\u0000\"}\n",
		(long long)revision, STRF(str_skip(key, prefix.len)));
	base64url_encode(&text, buf_str(&json));
	return arena_str(a, buf_str(&text));
}

static struct status *bad_token(struct api_request *r, const char *why)
{
	return status_new(r->arena, ERR_BAD_REQUEST,
		"invalid continue token: continue key is not valid: %s", why);
}

struct status *continue_parse(
	struct api_request *r, struct str prefix, int64_t *revision, struct str *from)
{
	_cleanup_(buf_done) struct buf json = BUF_INIT(64 * KIB);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree;

	if (base64url_decode(&json, r->options.continue_, &err))
		return bad_token(r, err_text(&err));
	if (body_parse(r->arena, buf_str(&json), false, NULL, &tree, &err))
		return bad_token(r, err_text(&err));
	if (!str_eq_text(tree_str(tree, "v"), "meta.k8s.io/v1"))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"invalid continue token: continue key is not valid: server does not "
			"recognize this encoded version %.*s",
			STRF(tree_str(tree, "v")));
	struct str start = tree_str(tree, "start");
	*revision = tree_int(tree, "rv", 0);
	if (!start.len)
		return bad_token(r, "encoded start key empty (version meta.k8s.io/v1)");
	if (*revision == 0)
		return bad_token(
			r, "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
	if (start.at[0] == '/' || str_find(start, STR("..")) >= 0)
		return bad_token(r, arena_print(r->arena, "%.*s", STRF(start)).at);
	*from = arena_print(r->arena, "%.*s%.*s", STRF(prefix), STRF(start));
	from->len = prefix.len + start.len; /* with its final NUL: the key behind it is next */
	if (start.len && start.at[start.len - 1] == '\0') {
		char *copy = arena_alloc(r->arena, from->len + 1);

		memcpy(copy, prefix.at, prefix.len);
		memcpy(copy + prefix.len, start.at, start.len);
		*from = str_make(copy, from->len);
	}
	return NULL;
}
