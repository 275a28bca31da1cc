/* Secret */
#include "config_data.h"

#include <kube/codec.h>

/* ---- defaults ---- */

/* stringData is how clients write; what is kept is data. */
static void defaults(struct change *c)
{
	struct cJSON *text = json_get(c->object, STR("stringData"));
	struct cJSON *data = json_get(c->object, STR("data"));

	if (!json_count(text)) {
		tree_drop(c->object, "stringData");
		return;
	}
	if (!data) {
		tree_set(c->arena, c->object, "data", json_new(c->arena, JSON_OBJECT));
		data = json_get(c->object, STR("data"));
	}
	json_each (item, text) {
		_cleanup_(buf_done) struct buf encoded = BUF_INIT(8 * MIB);

		base64_encode(&encoded, json_str(item));
		json_set(c->arena, data, json_key(item), json_new_str(c->arena, buf_str(&encoded)));
	}
	tree_drop(c->object, "stringData");
}

/* ---- types ---- */

static void require(struct field_errors *e, const struct cJSON *data, const char *key)
{
	struct path root = PATH(NULL, "data"), at = PATH_KEY(&root, str_from(key));

	if (!json_get(data, str_from(key)))
		field_required(e, &at, "%s", "");
}

/* The key must be there and its value JSON. */
static void require_json(struct change *c, struct field_errors *e, const char *key)
{
	struct path root = PATH(NULL, "data"), at = PATH_KEY(&root, str_from(key));
	const struct cJSON *value = json_path(c->object, "data");
	_cleanup_(buf_done) struct buf plain = BUF_INIT(4 * MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree;

	value = json_get(value, str_from(key));
	if (!value) {
		field_required(e, &at, "%s", "");
		return;
	}
	base64_decode(&plain, json_str(value), NULL);
	if (json_parse(c->arena, buf_str(&plain), NULL, &tree, &err)) {
		struct str text = str_from(err_text(&err));
		ssize_t where = str_find(text, STR(" at offset"));

		field_invalid_str(e, &at, STR("<secret contents redacted>"), "%.*s",
			STRF(where < 0 ? text : str_sub(text, 0, (size_t)where)));
	}
}

static void check_type(struct change *c, struct field_errors *e)
{
	const struct cJSON *data = json_get(c->object, STR("data"));
	const struct cJSON *annotations = json_path(c->object, "metadata.annotations");
	struct path meta = PATH(NULL, "metadata"), list = PATH(&meta, "annotations");
	struct path account = PATH_KEY(&list, STR("kubernetes.io/service-account.name"));
	struct path root = PATH(NULL, "data"), user = PATH_KEY(&root, STR("username"));
	struct path password = PATH_KEY(&root, STR("password"));
	struct str type = tree_str(c->object, "type");

	if (str_eq_text(type, "kubernetes.io/service-account-token")) {
		if (!json_str(json_get(annotations, STR("kubernetes.io/service-account.name"))).len)
			field_required(e, &account, "%s", "");
	} else if (str_eq_text(type, "kubernetes.io/dockercfg")) {
		require_json(c, e, ".dockercfg");
	} else if (str_eq_text(type, "kubernetes.io/dockerconfigjson")) {
		require_json(c, e, ".dockerconfigjson");
	} else if (str_eq_text(type, "kubernetes.io/basic-auth")) {
		if (!json_get(data, STR("username")) && !json_get(data, STR("password"))) {
			field_required(e, &user, "%s", "");
			field_required(e, &password, "%s", "");
		}
	} else if (str_eq_text(type, "kubernetes.io/ssh-auth")) {
		require(e, data, "ssh-privatekey");
	} else if (str_eq_text(type, "kubernetes.io/tls")) {
		require(e, data, "tls.crt");
		require(e, data, "tls.key");
	}
}

/* ---- warnings ---- */

static bool has_pem(const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * MIB);

	return base64_decode(&text, json_str(value), NULL) == 0 &&
	       str_find(buf_str(&text), STR("-----BEGIN ")) >= 0;
}

/* Whether the two fit each other is left to those who serve with them. */
static void warn(struct change *c)
{
	const struct cJSON *data = json_get(c->object, STR("data"));

	if (!str_eq_text(tree_str(c->object, "type"), "kubernetes.io/tls"))
		return;
	if (!has_pem(json_get(data, STR("tls.crt"))))
		change_warn(c, "tls: failed to find any PEM data in certificate input");
	else if (!has_pem(json_get(data, STR("tls.key"))))
		change_warn(c, "tls: failed to find any PEM data in key input");
}

/* ---- the strategy ---- */

static void validate(struct change *c, struct field_errors *e)
{
	struct path data = PATH(NULL, "data");

	if (check_data_keys(e, "data", json_get(c->object, STR("data")), true) > CONFIG_DATA_MAX)
		field_too_long(e, &data, CONFIG_DATA_MAX);
	check_type(c, e);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const members[] = {"data", NULL};
	struct path type = PATH(NULL, "type");

	if (!str_eq(tree_str(c->object, "type"), tree_str(c->old, "type")))
		field_invalid_str(e, &type, tree_str(c->object, "type"), "field is immutable");
	check_immutable(c, e, members);
	validate(c, e);
}

/* An update that says nothing of the type keeps it. */
static void prepare_update(struct change *c)
{
	if (!tree_str(c->object, "type").len)
		tree_set_str(c->arena, c->object, "type", tree_str(c->old, "type"));
}

static const char *const labels[] = {"type", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	(void)a;
	(void)label;
	return tree_str(object, "type");
}

const struct strategy strategy_secrets = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.defaults = defaults,
	.prepare_update = prepare_update,
	.warn = warn,
	.validate = validate,
	.validate_update = validate_update,
	.field_labels = labels,
	.field_value = value,
};
