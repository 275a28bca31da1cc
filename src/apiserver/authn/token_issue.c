/* New tokens: what they claim, signed on a worker thread. */
#include "authn_private.h"
#include "pki.h"

#include <kube/jwt.h>
#include <kube/random.h>
#include <kube/time.h>

static void add_text(struct arena *a, struct cJSON *object, const char *name, struct str text)
{
	json_add_borrowed(object, str_from(name), json_new_str(a, text));
}

static void add_ref(
	struct arena *a, struct cJSON *own, const char *kind, const struct token_ref *ref)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	if (!ref->name.len)
		return;
	add_text(a, tree, "name", ref->name);
	if (ref->uid.len)
		add_text(a, tree, "uid", ref->uid);
	json_add_borrowed(own, str_from(kind), tree);
}

static struct cJSON *own_claims(struct arena *a, const struct token_claims *c)
{
	struct cJSON *own = json_new(a, JSON_OBJECT);

	add_text(a, own, "namespace", c->namespace);
	add_ref(a, own, "node", &c->node);
	add_ref(a, own, "pod", &c->pod);
	add_ref(a, own, "secret", &c->secret);
	add_ref(a, own, "serviceaccount", &c->account);
	if (c->warn_after)
		json_add_borrowed(own, STR("warnafter"), json_new_int(a, c->warn_after));
	return own;
}

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static struct cJSON *claims_tree(
	struct authn *authn, struct arena *a, const struct token_claims *c, const char *id)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *aud = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < c->audience_count; i++)
		json_append(aud, json_new_str(a, c->audiences[i]));
	json_add_borrowed(tree, STR("aud"), aud);
	json_add_borrowed(tree, STR("exp"), json_new_int(a, c->expires));
	json_add_borrowed(tree, STR("iat"), json_new_int(a, c->issued));
	add_text(a, tree, "iss", authn->server->options->sa_issuers.items[0]);
	add_text(a, tree, "jti", str_from(id));
	json_add_borrowed(tree, STR("kubernetes.io"), own_claims(a, c));
	json_add_borrowed(tree, STR("nbf"), json_new_int(a, c->issued));
	add_text(a, tree, "sub",
		arena_print(a, "system:serviceaccount:%.*s:%.*s", STRF(c->namespace),
			STRF(c->account.name)));
	return tree;
}

/* On a worker thread: an RSA signature takes milliseconds. */
static void sign(struct work *w)
{
	struct token_issue *i = CONTAINER_OF(w, struct token_issue, work);

	jwt_sign(i->key, buf_str(&i->claims), &i->token, &w->err);
}

void token_issue(
	struct authn *a, struct op *op, struct token_issue *i, const struct token_claims *claims)
{
	struct arena scratch;

	arena_init(&scratch);
	i->claims = BUF_INIT(JWT_MAX / 2);
	i->token = BUF_INIT(JWT_MAX);
	i->key = a->server->pki->signing;
	uuid_make(i->id, random_of_env, a->server->env);
	json_print(&i->claims, claims_tree(a, &scratch, claims, i->id), JSON_COMPACT);
	arena_done(&scratch);
	work_start(&i->work, op, WORK_CRYPTO, sign);
}

void token_issue_done(struct token_issue *i)
{
	buf_done(&i->claims);
	buf_done(&i->token);
}
