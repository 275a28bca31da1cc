/*
 * Who this server is to webhooks: users of a kubeconfig file that the plugin's configuration
 * names. Their names say whom they are for: "hook.ns.svc:8443", "*.example.com", "*".
 */
#include "hooks.h"
#include "settings.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/mem.h>

#define FILE_MAX (3 * MIB)

struct hook_identities {
	struct arena arena;
	struct kubeconfig config;
};

/* ---- reading ---- */

static struct str folder_of(struct str file)
{
	while (file.len && file.at[file.len - 1] != '/')
		file.len--;
	return str_sub(file, 0, file.len > 1 ? file.len - 1 : file.len);
}

int hook_identities_read(struct hook_identities **out, struct api_server *s,
	const struct cJSON *plugin, struct err *err)
{
	struct str file = tree_str(plugin, "kubeConfigFile");
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	struct hook_identities *h;
	int code;

	*out = NULL;
	if (!file.len)
		return 0;
	h = mem_new(sizeof(*h));
	arena_init(&h->arena);
	*out = h;
	code = disk_read_file(s->env->disk, arena_str(&h->arena, file).at, &text, err);
	if (!code)
		code = kubeconfig_parse(
			&h->arena, buf_str(&text), folder_of(file), &h->config, err);
	return code ? err_wrap(err, code, "kubeConfigFile \"%.*s\"", STRF(file)) : 0;
}

void hook_identities_free(struct hook_identities *h)
{
	if (!h)
		return;
	arena_done(&h->arena);
	mem_free(h);
}

/* ---- choosing ---- */

static const struct cJSON *user_named(const struct hook_identities *h, struct str name)
{
	json_each (user, json_get(h->config.root, STR("users")))
		if (str_eq(tree_str(user, "name"), name))
			return user;
	return NULL;
}

/* As it is, then ever wider: "*.example.com", "*.com". */
static const struct cJSON *user_for(
	const struct hook_identities *h, struct arena *a, struct str target)
{
	const struct cJSON *user = user_named(h, target);
	ssize_t dot;

	while (!user && (dot = str_find_char(target, '.')) >= 0) {
		target = str_skip(target, (size_t)dot + 1);
		user = user_named(h, arena_print(a, "*.%.*s", STRF(target)));
	}
	return user;
}

static struct str target_of(struct arena *a, const struct hook *h)
{
	const struct backend_target *t = &h->target;
	struct str rest = t->url, host;
	ssize_t at = str_find(rest, STR("://"));

	if (!rest.len)
		return arena_print(a, "%.*s.%.*s.svc:%lld", STRF(t->service.name),
			STRF(t->service.namespace), (long long)t->service.port);
	rest = str_skip(rest, at < 0 ? 0 : (size_t)at + 3);
	str_cut(rest, '/', &host, &rest);
	str_cut(host, '?', &host, &rest);
	return str_find_char(host, ':') < 0 ? arena_print(a, "%.*s:443", STRF(host)) : host;
}

static struct str data_of(struct arena *a, const struct cJSON *user, const char *member)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(FILE_MAX);

	if (base64_decode(&bytes, tree_str(user, member), NULL))
		return STR("");
	return arena_str(a, buf_str(&bytes));
}

static const struct client_config *config_of(struct arena *a, const struct cJSON *user)
{
	struct client_config *c = arena_new(a, sizeof(*c));

	c->cert_file = tree_str(user, "client-certificate");
	c->key_file = tree_str(user, "client-key");
	c->cert_data = data_of(a, user, "client-certificate-data");
	c->key_data = data_of(a, user, "client-key-data");
	c->token = tree_str(user, "token");
	c->token_file = tree_str(user, "tokenFile");
	c->username = tree_str(user, "username");
	c->password = tree_str(user, "password");
	return c;
}

const struct client_config *hook_identity_find(
	const struct hook_identities *h, struct arena *a, const struct hook *hook)
{
	const struct cJSON *user;
	struct str target;

	if (!h)
		return NULL;
	target = target_of(a, hook);
	user = user_for(h, a, target);
	if (!user && str_ends(target, STR(":443")))
		user = user_for(h, a, str_sub(target, 0, target.len - 4));
	if (!user)
		user = user_named(h, STR("*"));
	return user ? config_of(a, json_get(user, STR("user"))) : NULL;
}
