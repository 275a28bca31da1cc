/* Paths and queries of requests. */
#include "send.h"

#include <kube/url.h>

#define TARGET_MAX (64 * KIB)

void target_begin(struct target *t, const struct resource *r, struct str namespace, struct str name,
	struct str subresource)
{
	*t = (struct target){.out = BUF_INIT(TARGET_MAX)};
	buf_add_text(&t->out, r->group.len ? "/apis/" : "/api/");
	buf_add_str(&t->out, r->api_version);
	if (r->namespaced && namespace.len) {
		buf_add_text(&t->out, "/namespaces/");
		url_escape_path(&t->out, namespace);
	}
	buf_add_char(&t->out, '/');
	buf_add_str(&t->out, r->plural);
	if (name.len) {
		buf_add_char(&t->out, '/');
		url_escape_path(&t->out, name);
	}
	if (subresource.len) {
		buf_add_char(&t->out, '/');
		buf_add_str(&t->out, subresource);
	}
}

void target_query(struct target *t, const char *key, struct str value)
{
	if (!value.len)
		return;
	buf_add_char(&t->out, t->queried ? '&' : '?');
	t->queried = true;
	buf_add_text(&t->out, key);
	buf_add_char(&t->out, '=');
	url_escape_query(&t->out, value);
}

void target_flag(struct target *t, const char *key, bool value)
{
	target_query(t, key, value ? STR("true") : STR(""));
}

struct str target_end(struct target *t, struct arena *a)
{
	/* Too long for any server: an empty target is refused by sending_start. */
	struct str target = buf_over(&t->out) ? STR("") : arena_str(a, buf_str(&t->out));

	buf_done(&t->out);
	return target;
}
