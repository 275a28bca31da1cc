#include "bootstrap_tokens.h"

#include <kube/codec.h>
#include <kube/jwt.h>

#define TYPE      "bootstrap.kubernetes.io/token"
#define NAME      "bootstrap-token-"
#define SIGNATURE "jws-kubeconfig-"
#define SPACE     "kube-system"

/* ---- a token ---- */

static struct str datum(struct arena *a, const struct cJSON *secret, const char *name)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct str text = json_str(json_get(json_get(secret, STR("data")), str_from(name)));

	return base64_decode(&out, text, NULL) ? (struct str){0} : arena_str(a, buf_str(&out));
}

static bool is_token(const struct cJSON *secret)
{
	return str_eq_text(tree_str(secret, "type"), TYPE);
}

/* A time that cannot be read has come. INT64_MAX: it stays. */
static int64_t ends_at(struct arena *a, const struct cJSON *secret)
{
	struct str text = datum(a, secret, "expiration");
	int64_t at;

	if (!text.len)
		return INT64_MAX;
	return time_parse(text, &at, NULL) ? INT64_MIN : at;
}

static bool may_sign(
	struct arena *a, const struct cJSON *secret, int64_t now, struct str *id, struct str *key)
{
	*id = datum(a, secret, "token-id");
	*key = datum(a, secret, "token-secret");
	return is_token(secret) && id->len && key->len && ends_at(a, secret) > now &&
	       str_eq(tree_str(secret, "metadata.name"), arena_print(a, NAME "%.*s", STRF(*id))) &&
	       str_eq_text(datum(a, secret, "usage-bootstrap-signing"), "true");
}

/* ---- signatures ---- */

/* Takes all that there are out of the map. */
static struct cJSON *take_signatures(struct arena *a, struct cJSON *data)
{
	struct cJSON *taken = json_new(a, JSON_OBJECT), *item = json_first(data);

	while (item) {
		struct cJSON *next = json_next(item);

		if (str_starts(json_key(item), STR(SIGNATURE))) {
			json_set(a, taken, json_key(item), json_copy(a, item));
			json_remove(data, item);
		}
		item = next;
	}
	return taken;
}

bool bootstrap_sign(
	struct arena *a, struct cJSON *map, struct cJSON *const *secrets, size_t count, int64_t now)
{
	struct cJSON *data = json_get(map, STR("data")), *before, *after;
	struct str content = json_str(json_get(data, STR("kubeconfig"))), id, key;

	if (!json_get(data, STR("kubeconfig")))
		return false;
	before = take_signatures(a, data);
	after = json_new(a, JSON_OBJECT);
	for (size_t i = 0; i < count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

		if (!may_sign(a, secrets[i], now, &id, &key))
			continue;
		jws_sign_detached(key, id, content, &text);
		struct cJSON *value = json_new_str(a, buf_str(&text));
		struct str name = arena_print(a, SIGNATURE "%.*s", STRF(id));
		json_set(a, after, name, value);
		json_set(a, data, name, json_copy(a, value));
	}
	return !json_equal(before, after);
}

/* ---- the end ---- */

void bootstrap_clean(
	struct plan *p, const struct resource *secrets, const struct cJSON *secret, int64_t now)
{
	int64_t end = ends_at(p->arena, secret);

	if (!is_token(secret) || end == INT64_MAX)
		return;
	if (end > now)
		plan_requeue_after(p, end - now);
	else
		plan_delete(p, secrets, STR(SPACE), tree_str(secret, "metadata.name"),
			tree_str(secret, "metadata.uid"), NULL);
}
