/*
 * A key is a host with a path, as the config has it, without scheme and without the /v1/ or /v2/
 * that docker wrote. Keys are tried from the last to the first in byte order: longer paths before
 * shorter ones.
 */
#include <kube/image_keychain.h>

#include <kube/codec.h>
#include <kube/json.h>
#include <kube/url.h>

#define CONFIG_MAX (MIB) /* of a secret */
#define AUTH_MAX   ((size_t)64 * KIB)

static const struct str default_key = STR_INIT("index.docker.io");

/* ---- adding ---- */

/* Base64 with padding or without. */
static int decode_auth(struct arena *a, struct str field, struct image_auth *auth, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(AUTH_MAX), plain = BUF_INIT(AUTH_MAX);
	struct str trimmed = str_trim(field);

	buf_add_str(&text, trimmed);
	while (!str_ends(trimmed, STR("=")) && text.len % 4 && text.len < AUTH_MAX)
		buf_add_char(&text, '=');
	int failed = base64_decode(&plain, buf_str(&text), err);
	if (failed)
		return err_wrap(err, failed, "unable to decode the auth field");
	struct str pair = arena_str(a, buf_str(&plain));
	if (!str_cut(pair, ':', &auth->user, &auth->password))
		return err_set(err, ERR_INVALID,
			"unable to parse auth field, must be formatted as "
			"base64(username:password)");
	return 0;
}

static bool split_key(struct arena *a, struct str location, struct image_keychain_entry *e)
{
	struct str value = location;
	struct url url;

	if (!str_starts(value, STR("https://")) && !str_starts(value, STR("http://")))
		value = arena_print(a, "https://%.*s", STRF(location));
	if (url_parse(a, value, &url, NULL))
		return false;
	if (str_starts(url.path, STR("/v2/")) || str_starts(url.path, STR("/v1/")))
		url.path = str_skip(url.path, 3);
	if (str_eq_text(url.path, "/"))
		url.path = (struct str){0};
	e->host = url.host;
	e->port = url.port;
	e->path = url.path;
	e->key = arena_print(a, "%.*s%s%.*s%.*s", STRF(url.host), url.port.len ? ":" : "",
		STRF(url.port), STRF(url.path));
	return true;
}

static void insert(struct image_keychain *k, struct arena *a, const struct image_keychain_entry *e)
{
	size_t at = k->count;

	if (k->count == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 8;
		struct image_keychain_entry *grown = arena_new(a, cap * sizeof(grown[0]));
		if (k->count)
			memcpy(grown, k->entries, k->count * sizeof(grown[0]));
		k->entries = grown;
		k->cap = cap;
	}
	for (; at > 0 && str_cmp(k->entries[at - 1].key, e->key) < 0; at--)
		k->entries[at] = k->entries[at - 1];
	k->entries[at] = *e;
	k->count++;
}

static int add_entries(
	struct image_keychain *k, struct arena *a, const struct cJSON *auths, struct err *err)
{
	if (json_type(auths) == JSON_NULL)
		return 0;
	if (!json_is(auths, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "pull secret: auths is no object");
	json_each (n, auths) {
		struct image_keychain_entry e = {
			.auth = {.user = json_str(json_get(n, STR("username"))),
				.password = json_str(json_get(n, STR("password")))}};
		struct str field = json_str(json_get(n, STR("auth")));
		int failed = field.len ? decode_auth(a, field, &e.auth, err) : 0;
		if (failed)
			return failed;
		if (split_key(a, json_key(n), &e))
			insert(k, a, &e);
	}
	return 0;
}

static int parse(struct arena *a, struct str text, struct cJSON **root, struct err *err)
{
	struct json_options options = {.limits = {.max_bytes = CONFIG_MAX, .max_depth = 100}};
	int failed = json_parse(a, text, &options, root, err);

	return failed ? err_wrap(err, failed, "pull secret") : 0;
}

int image_keychain_add_config(
	struct image_keychain *k, struct arena *a, struct str text, struct err *err)
{
	struct cJSON *root;
	int failed = parse(a, text, &root, err);

	return failed ? failed : add_entries(k, a, json_get(root, STR("auths")), err);
}

int image_keychain_add_legacy(
	struct image_keychain *k, struct arena *a, struct str text, struct err *err)
{
	struct cJSON *root;
	int failed = parse(a, text, &root, err);

	return failed ? failed : add_entries(k, a, root, err);
}

/* ---- matching ---- */

/* Go's filepath.Match knows more signs than '*'; none of them can stand in a host. */
static bool glob_match(struct str pattern, struct str text)
{
	struct str star = {0}, retry = {0};

	while (text.len || pattern.len) {
		if (pattern.len && pattern.at[0] == '*') {
			star = pattern = str_skip(pattern, 1);
			retry = text;
		} else if (pattern.len && text.len && pattern.at[0] == text.at[0]) {
			pattern = str_skip(pattern, 1);
			text = str_skip(text, 1);
		} else if (star.at && retry.len) {
			pattern = star;
			text = retry = str_skip(retry, 1);
		} else {
			return false;
		}
	}
	return true;
}

static bool hosts_match(struct str pattern, struct str host)
{
	for (;;) {
		struct str p, h;
		bool more_p = str_cut(pattern, '.', &p, &pattern);
		bool more_h = str_cut(host, '.', &h, &host);
		if (more_p != more_h || !glob_match(p, h))
			return false;
		if (!more_p)
			return true;
	}
}

/* An image's name as host, port and path. */
static bool split_image(struct str image, struct image_keychain_entry *e)
{
	struct str host, path;
	bool has_path = str_cut(image, '/', &host, &path);
	ssize_t colon = str_find_last_char(host, ':');

	*e = (struct image_keychain_entry){.host = host};
	if (colon >= 0 && !str_ends(host, STR("]"))) {
		e->host = str_sub(host, 0, (size_t)colon);
		e->port = str_skip(host, (size_t)colon + 1);
	}
	if (str_starts(e->host, STR("[")) && str_ends(e->host, STR("]")))
		e->host = str_sub(e->host, 1, e->host.len - 1);
	e->path = has_path ? str_skip(image, host.len) : (struct str){0};
	return host.len > 0;
}

static bool fits(const struct image_keychain_entry *e, const struct image_keychain_entry *image)
{
	return str_eq(e->port, image->port) && str_starts(image->path, e->path) &&
	       hosts_match(e->host, image->host);
}

static bool is_default_registry(struct str image)
{
	struct str first, rest;

	if (!str_cut(image, '/', &first, &rest))
		return first.len > 0;
	if (str_eq_text(first, "docker.io") || str_eq(first, default_key))
		return true;
	return first.len && str_find_char(first, '.') < 0 && str_find_char(first, ':') < 0;
}

/* Places [0, count) are those that fit; [count, 2 count) docker's own, when none did. */
const struct image_auth *image_keychain_next(
	const struct image_keychain *k, struct str image, size_t *at)
{
	struct image_keychain_entry wanted;

	if (!split_image(image, &wanted))
		return NULL;
	for (; *at < k->count; ++*at)
		if (fits(&k->entries[*at], &wanted))
			return &k->entries[(*at)++].auth;
	for (size_t i = 0; i < k->count; i++)
		if (fits(&k->entries[i], &wanted))
			return NULL;
	for (; is_default_registry(image) && *at < 2 * k->count; ++*at)
		if (str_eq(k->entries[*at - k->count].key, default_key))
			return &k->entries[(*at)++ - k->count].auth;
	return NULL;
}
