/* Bootstrap tokens: `id.secret`, kept as Secrets of kube-system, with which nodes join. */
#include "authn_private.h"

#include <kube/codec.h>
#include <kube/key.h>
#include <kube/time.h>

#include <stdlib.h>

#define ID_LEN     6
#define SECRET_LEN 16
#define GROUPS_MAX 64
#define GROUP      "system:bootstrappers"

static bool is_plain(struct str text, const char *more)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (!c || !strchr(more, c)))
			return false;
	}
	return true;
}

static bool split(struct str token, struct str *id, struct str *secret)
{
	return str_cut(token, '.', id, secret) && id->len == ID_LEN && secret->len == SECRET_LEN &&
	       is_plain(*id, "") && is_plain(*secret, "");
}

static struct str datum(struct arena *a, const struct cJSON *secret, const char *name)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct str text = json_str(json_get(json_get(secret, STR("data")), str_from(name)));

	return base64_decode(&out, text, NULL) ? (struct str){0} : arena_str(a, buf_str(&out));
}

/* A time that cannot be read has passed. */
static bool has_expired(struct str when, int64_t now)
{
	int64_t at;

	return when.len && (time_parse(when, &at, NULL) || now >= at);
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Extra groups are below the one that all have; false when one is not. */
static bool read_groups(struct str extra, struct str *groups, size_t *count)
{
	static const struct str prefix = STR_INIT(GROUP ":");
	struct str group;

	groups[(*count)++] = STR(GROUP);
	while (extra.len && str_next(&extra, ',', &group)) {
		struct str own = str_skip(group, prefix.len);

		if (!str_starts(group, prefix) || !own.len || own.len > 256 ||
			!is_plain(own, ":-") || strchr(":-", own.at[own.len - 1]) ||
			*count == GROUPS_MAX)
			return false;
		groups[(*count)++] = group;
	}
	qsort(groups, *count, sizeof(*groups), compare);
	return true;
}

bool bootstrap_token_find(
	struct authn *a, struct arena *arena, struct str token, const struct api_user **user)
{
	struct str id, secret, groups[GROUPS_MAX];
	const struct cJSON *stored;
	size_t count = 0;

	if (!a->server->options->enable_bootstrap_token_auth || !split(token, &id, &secret))
		return false;
	stored = server_read(a->server, arena, "", "secrets", STR("kube-system"),
		arena_print(arena, "bootstrap-token-%.*s", STRF(id)));
	if (!stored || tree_has(stored, "metadata.deletionTimestamp") ||
		!str_eq_text(tree_str(stored, "type"), "bootstrap.kubernetes.io/token") ||
		!secret_equal(datum(arena, stored, "token-secret"), secret) ||
		!str_eq(datum(arena, stored, "token-id"), id) ||
		has_expired(datum(arena, stored, "expiration"), env_wall(a->server->env)) ||
		!str_eq_text(datum(arena, stored, "usage-bootstrap-authentication"), "true") ||
		!read_groups(datum(arena, stored, "auth-extra-groups"), groups, &count))
		return false;
	*user = user_new(arena, arena_print(arena, "system:bootstrap:%.*s", STRF(id)), STR(""),
		groups, count);
	return true;
}
