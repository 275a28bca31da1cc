#include "account_tokens.h"

#include "workload.h"

#include <kube/codec.h>
#include <kube/jwt.h>
#include <kube/log.h>

#define TYPE "kubernetes.io/service-account-token"
#define NAME "kubernetes.io/service-account.name"
#define UID  "kubernetes.io/service-account.uid"
#define OLD  "kubernetes.io/serviceaccount/"

/* ---- the token ---- */

static void add_claim(struct arena *a, struct cJSON *claims, const char *name, struct str value)
{
	json_add_borrowed(claims, str_from(name), json_new_str(a, value));
}

static int sign(struct arena *a, const struct cJSON *secret, const struct cJSON *account,
	const struct account_signer *s, struct buf *token, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(JWT_MAX);
	struct cJSON *claims = json_new(a, JSON_OBJECT);
	struct str space = tree_str(secret, "metadata.namespace");
	struct str name = tree_str(account, "metadata.name");

	add_claim(a, claims, "iss", STR("kubernetes/serviceaccount"));
	add_claim(a, claims, OLD "namespace", space);
	add_claim(a, claims, OLD "secret.name", tree_str(secret, "metadata.name"));
	add_claim(a, claims, OLD "service-account.name", name);
	add_claim(a, claims, OLD "service-account.uid", tree_str(account, "metadata.uid"));
	add_claim(a, claims, "sub",
		arena_print(a, "system:serviceaccount:%.*s:%.*s", STRF(space), STRF(name)));
	json_print(&text, claims, JSON_COMPACT);
	return jwt_sign(s->key, buf_str(&text), token, err);
}

/* ---- the secret ---- */

static struct cJSON *member(struct arena *a, struct cJSON *object, const char *path)
{
	struct cJSON *found = json_path(object, path);

	if (json_is(found, JSON_OBJECT))
		return found;
	tree_set(a, object, path, json_new(a, JSON_OBJECT));
	return json_path(object, path);
}

static void set_datum(struct arena *a, struct cJSON *data, const char *name, struct str value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	base64_encode(&text, value);
	json_set(a, data, str_from(name), json_new_str(a, buf_str(&text)));
}

static bool is_datum(const struct cJSON *data, const char *name, struct str value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	base64_encode(&text, value);
	return str_eq(json_str(json_get(data, str_from(name))), buf_str(&text));
}

static bool has_datum(const struct cJSON *data, const char *name)
{
	return json_str(json_get(data, str_from(name))).len > 0;
}

static bool is_whole(const struct cJSON *data, const struct account_signer *s)
{
	return has_datum(data, "token") && has_datum(data, "namespace") &&
	       (!s->root_ca.len || is_datum(data, "ca.crt", s->root_ca));
}

void account_token_fill(struct plan *p, const struct resource *secrets, struct cJSON *secret,
	const struct cJSON *account, const struct account_signer *s)
{
	struct arena *a = p->arena;
	_cleanup_(buf_done) struct buf token = BUF_INIT(JWT_MAX);
	_cleanup_(err_done) struct err err = {0};
	const struct cJSON *notes = json_path(secret, "metadata.annotations");
	struct str uid = json_str(json_get(notes, STR(UID)));
	struct cJSON *data;

	if (!str_eq_text(tree_str(secret, "type"), TYPE) || is_being_deleted(secret))
		return;
	if (!account || (uid.len && !str_eq(uid, tree_str(account, "metadata.uid")))) {
		plan_delete(p, secrets, tree_str(secret, "metadata.namespace"),
			tree_str(secret, "metadata.name"), tree_str(secret, "metadata.uid"), NULL);
		return;
	}
	data = member(a, secret, "data");
	if (is_whole(data, s))
		return;
	if (!has_datum(data, "token")) {
		if (sign(a, secret, account, s, &token, &err)) {
			plan_fail(p, "error generating token: %s", err_text(&err));
			return;
		}
		set_datum(a, data, "token", buf_str(&token));
	}
	if (s->root_ca.len)
		set_datum(a, data, "ca.crt", s->root_ca);
	if (!has_datum(data, "namespace"))
		set_datum(a, data, "namespace", tree_str(secret, "metadata.namespace"));
	struct cJSON *annotations = member(a, secret, "metadata.annotations");
	json_set(a, annotations, STR(NAME), json_new_str(a, tree_str(account, "metadata.name")));
	json_set(a, annotations, STR(UID), json_new_str(a, tree_str(account, "metadata.uid")));
	plan_update(p, secrets, secret);
}

/* ---- the controller ---- */

static bool is_ours(struct object *o)
{
	return str_eq_text(object_scan(o, "type"), TYPE);
}

static void secret_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh && is_ours(fresh))
		usual_enqueue_object(u, fresh);
}

/* Which of the namespace's secrets are its is seen when they are looked at. */
static void account_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct str namespace = client_object_namespace(fresh ? fresh : old);

	if (old && fresh)
		return;
	informer_each(it, informer_by(usual_informer(u, "secrets"), "namespace",
				  namespace)) if (is_ours(it.object))
		usual_enqueue_object(u, it.object);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "secrets"), key), *account;

	(void)now;
	if (!o)
		return;
	struct cJSON *secret = object_tree(p->arena, o);
	struct str name = json_str(json_get(json_path(secret, "metadata.annotations"), STR(NAME)));
	account = name.len ? informer_get(usual_informer(u, "serviceaccounts"),
				     tree_str(secret, "metadata.namespace"), name)
			   : NULL;
	account_token_fill(p, usual_resource(u, "secrets"), secret,
		account ? object_lean_tree(p->arena, account) : NULL, usual_ctx(u));
}

static void signer_free(void *ctx)
{
	struct account_signer *s = ctx;

	key_unref(s->key);
	mem_free(s);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "secrets", secret_changed},
		{"", "v1", "serviceaccounts", account_changed}, {0}};
	const struct controllers_options *o = w->options;
	struct account_signer *s;
	_cleanup_(err_done) struct err err = {0};

	if (!o->account_key.len)
		return NULL;
	s = mem_new(sizeof(*s));
	s->root_ca = o->root_ca;
	if (key_parse(o->account_key, &s->key, &err)) {
		log_error(&err, "tokens of service accounts cannot be signed");
		signer_free(s);
		return NULL;
	}
	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = reconcile, .ctx = s, .done = signer_free});
}

const struct controller_kind account_tokens_kind = {.name = "serviceaccount-token-controller",
	.aliases = "serviceaccount-token",
	.start = start};
