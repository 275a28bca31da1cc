/* An EncryptionConfiguration of apiserver.config.k8s.io/v1: read, checked as upstream does, asked.
 */
#include "encryption_private.h"
#include "server.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/field.h>
#include <kube/mem.h>
#include <kube/yaml.h>

#define PROVIDERS_MAX 64

static const struct {
	const char *name;
	enum seal_kind kind;
} kinds[] = {{"aesgcm", SEAL_AES_GCM}, {"aescbc", SEAL_AES_CBC}, {"secretbox", SEAL_SECRETBOX}};

/* ---- which rule ---- */

/* "secrets", "deployments.apps", "*.apps", "*." (the core group), "*.*" */
static bool names_resource(struct str spec, struct str group, struct str plural)
{
	struct str name, of = STR("");

	str_cut(spec, '.', &name, &of);
	if (str_eq_text(spec, "*.*"))
		return true;
	return str_eq(of, group) && (str_eq_text(name, "*") || str_eq(name, plural));
}

static struct sealing_rule *rule_for(
	const struct sealing_rules *e, struct str group, struct str plural)
{
	for (size_t i = 0; i < e->count; i++)
		json_each (spec, e->rules[i]->resources)
			if (names_resource(json_str(spec), group, plural))
				return e->rules[i];
	return NULL;
}

/* "/registry/GROUP/PLURAL/", as custom resources lie there. */
static struct sealing_rule *rule_of_custom(const struct sealing_rules *e, struct str bucket)
{
	struct str rest = str_skip(bucket, sizeof("/registry/") - 1), group, plural, end;

	if (!str_cut(rest, '/', &group, &rest) || !str_cut(rest, '/', &plural, &end) || end.len)
		return NULL;
	return rule_for(e, group, plural);
}

const struct sealing_rule *sealing_rules_find(const struct sealing_rules *e, struct str bucket)
{
	return map_has(&e->by_bucket, bucket) ? map_get(&e->by_bucket, bucket)
					      : rule_of_custom(e, bucket);
}

/* ---- reading the file ---- */

struct reading {
	struct sealing_rules *e;
	struct field_errors errors;
};

static void read_key(struct reading *r, struct sealing_rule *rule, size_t kind,
	const struct cJSON *tree, const struct path *at)
{
	_cleanup_(buf_done) struct buf secret = BUF_INIT(KIB);
	_cleanup_(err_done) struct err err = {0};
	struct str name = tree_str(tree, "name"), text = tree_str(tree, "secret");
	struct sealing_key *k = &rule->keys[rule->count];

	if (!name.len)
		field_required(&r->errors, &PATH(at, "name"), "name is mandatory for a key");
	else if (memchr(name.at, ':', name.len))
		field_invalid_str(&r->errors, &PATH(at, "name"), name, "must not have a colon");
	if (!text.len) {
		field_required(&r->errors, &PATH(at, "secret"), "secret is mandatory for a key");
		return;
	}
	if (base64_decode(&secret, text, NULL)) {
		field_invalid_str(&r->errors, &PATH(at, "secret"), STR("REDACTED"),
			"secrets must be base64 encoded");
		return;
	}
	k->prefix = arena_print(&r->e->arena, SEALED "%s:v1:%.*s:", kinds[kind].name, STRF(name));
	for (size_t i = 0; i < rule->count; i++)
		if (str_eq(rule->keys[i].prefix, k->prefix))
			field_duplicate_str(&r->errors, &PATH(at, "name"), name);
	if (seal_key_new(kinds[kind].kind, buf_str(&secret), &k->key, &err))
		field_invalid_str(
			&r->errors, &PATH(at, "secret"), STR("REDACTED"), "%s", err_text(&err));
	else
		rule->count++;
	memset(secret.at, 0, secret.len);
}

static void read_keys(struct reading *r, struct sealing_rule *rule, size_t kind,
	const struct cJSON *provider, const struct path *at)
{
	struct path keys = PATH(at, "keys");
	const struct cJSON *list = json_get(provider, STR("keys"));
	size_t i = 0;

	if (!json_count(list))
		field_required(&r->errors, &keys, "at least one key is required");
	json_each (key, list) {
		if (rule->count == SEALING_KEYS_MAX) {
			field_too_many(
				&r->errors, &keys, (int64_t)json_count(list), SEALING_KEYS_MAX);
			return;
		}
		read_key(r, rule, kind, key, &PATH_INDEX(&keys, i));
		i++;
	}
}

static void read_provider(struct reading *r, struct sealing_rule *rule, const struct cJSON *tree,
	bool first, const struct path *at)
{
	const struct cJSON *only = json_first(tree);

	if (json_count(tree) != 1) {
		field_invalid_raw(&r->errors, at, STR("{}"),
			json_count(tree) ? "more than one provider specified in a single element, "
					   "should split into different list elements"
					 : "provider does not contain any of the expected "
					   "providers: KMS, AESGCM, AESCBC, Secretbox, Identity");
		return;
	}
	if (str_eq_text(json_key(only), "identity")) {
		rule->plain_first |= first;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq_text(json_key(only), kinds[i].name)) {
			read_keys(r, rule, i, only, &PATH(at, kinds[i].name));
			return;
		}
	field_invalid_str(&r->errors, at, json_key(only), "%s",
		str_eq_text(json_key(only), "kms")
			? "KMS plugins are no part of this version: there are aesgcm, aescbc, "
			  "secretbox and identity"
			: "is no provider of this version: there are aesgcm, aescbc, secretbox and "
			  "identity");
}

static void read_rule(struct reading *r, struct sealing_rule *rule, const struct cJSON *tree,
	const struct path *at)
{
	struct path providers = PATH(at, "providers");
	const struct cJSON *list = json_get(tree, STR("providers"));
	size_t i = 0;

	rule->resources = json_get(tree, STR("resources"));
	if (!json_count(rule->resources))
		field_required(
			&r->errors, &PATH(at, "resources"), "at least one resource is required");
	if (!json_count(list))
		field_required(&r->errors, &providers, "at least one provider is required");
	json_each (provider, list) {
		read_provider(r, rule, provider, !i, &PATH_INDEX(&providers, i));
		i++;
	}
}

static int read_rules(struct sealing_rules *e, const struct cJSON *tree, struct err *err)
{
	struct reading r = {.e = e, .errors = {.arena = &e->arena}};
	const struct cJSON *list = json_get(tree, STR("resources"));
	struct path at = PATH(NULL, "resources");

	if (!str_eq_text(tree_str(tree, "kind"), "EncryptionConfiguration") ||
		!str_eq_text(tree_str(tree, "apiVersion"), "apiserver.config.k8s.io/v1"))
		return err_set(err, ERR_USAGE,
			"no kind \"%.*s\" is registered for version \"%.*s\"",
			STRF(tree_str(tree, "kind")), STRF(tree_str(tree, "apiVersion")));
	if (!json_count(list))
		field_required(&r.errors, &at, "at least one resource is required");
	if (json_count(list) > PROVIDERS_MAX)
		field_too_many(&r.errors, &at, (int64_t)json_count(list), PROVIDERS_MAX);
	e->rules = arena_new(&e->arena, PROVIDERS_MAX * sizeof(struct sealing_rule *));
	json_each (rule, list) {
		if (e->count == PROVIDERS_MAX)
			break;
		e->rules[e->count] = arena_new(&e->arena, sizeof(struct sealing_rule));
		read_rule(&r, e->rules[e->count], rule, &PATH_INDEX(&at, e->count));
		e->count++;
	}
	if (!r.errors.count)
		return 0;
	return err_set(err, ERR_USAGE, "invalid encryption config: %.*s",
		STRF(field_errors_text(&e->arena, &r.errors)));
}

static void find_buckets(struct sealing_rules *e)
{
	const struct resource *hub;

	for (size_t i = 0; (hub = resource_at(i)); i++) {
		_cleanup_(buf_done) struct buf prefix = BUF_INIT(KIB);

		if (hub->hub != hub)
			continue;
		server_bucket_prefix(&prefix, hub);
		map_set(&e->by_bucket, buf_str(&prefix), rule_for(e, hub->group, hub->plural));
	}
}

int sealing_rules_read(struct str text, struct sealing_rules **rules, struct err *err)
{
	struct sealing_rules *e = mem_new(sizeof(*e));
	struct cJSON *tree;
	int code;

	arena_init(&e->arena);
	map_init(&e->by_bucket);
	code = yaml_read_any(&e->arena, arena_str(&e->arena, text), NULL, &tree, err);
	if (!code)
		code = read_rules(e, tree, err);
	if (code) {
		sealing_rules_free(e);
		return code;
	}
	find_buckets(e);
	*rules = e;
	return 0;
}

void sealing_rules_free(struct sealing_rules *e)
{
	for (struct sealing_rules *older; e; e = older) {
		older = e->older;
		for (size_t i = 0; i < e->count; i++)
			for (size_t k = 0; k < e->rules[i]->count; k++)
				seal_key_free(e->rules[i]->keys[k].key);
		map_done(&e->by_bucket);
		arena_done(&e->arena);
		mem_free(e);
	}
}
