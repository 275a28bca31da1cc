/* For those who verify our tokens elsewhere: OpenID discovery and the public keys. */
#include "access.h"
#include "api_options.h"
#include "authn.h"
#include "pki.h"
#include "respond.h"

#include <kube/jwt.h>

#define CACHE "public, max-age=3600"

/* There is one type only: who wants another gets nothing. */
static bool accepted(struct api_request *r, const char *type)
{
	struct str rest = request_header(r, "Accept"), one, parameters;

	if (!rest.len)
		return true;
	while (str_next(&rest, ',', &one)) {
		str_cut(one, ';', &one, &parameters);
		one = str_trim(one);
		if (str_eq_text(one, "*/*") || str_eq_text(one, "application/*") ||
			str_eq_text(one, type))
			return true;
	}
	request_fail(r, status_new(r->arena, ERR_NOT_ACCEPTABLE, "406: Not Acceptable"));
	return false;
}

static void answer(struct api_request *r, const char *type, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct ready_answer ready = {.content_type = type, .cache_control = CACHE};

	json_print(&out, tree, JSON_COMPACT);
	ready.body = arena_str(r->arena, buf_str(&out));
	answer_ready(r, &ready);
}

void serve_jwks(struct api_request *r)
{
	const struct pki *pki = r->server->pki;
	struct cJSON *tree = json_new(r->arena, JSON_OBJECT);
	struct cJSON *keys = json_new(r->arena, JSON_ARRAY);

	if (!accepted(r, "application/jwk-set+json"))
		return;
	for (size_t i = 0; i < pki->verifying_count; i++) {
		struct cJSON *key = jwt_public_key(r->arena, pki->verifying[i]);

		if (key)
			json_append(keys, key);
	}
	json_add_borrowed(tree, STR("keys"), keys);
	answer(r, "application/jwk-set+json", tree);
}

/* ---- discovery ---- */

static struct str keys_address(struct api_request *r)
{
	const struct api_options *o = r->server->options;
	struct str host = o->external_hostname;
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	if (o->sa_jwks_uri.len)
		return o->sa_jwks_uri;
	buf_add_text(&out, "https://");
	if (host.len) {
		buf_print(&out, "%.*s:%d", STRF(host), (int)r->server->port);
	} else {
		struct address at = address_of(r->server->advertise, r->server->port);

		address_print(&out, &at);
	}
	buf_add_text(&out, "/openid/v1/jwks");
	return arena_str(r->arena, buf_str(&out));
}

static struct cJSON *list_of(struct arena *a, const char *text)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	json_append(list, json_new_str(a, str_from(text)));
	return list;
}

static struct cJSON *algorithms(struct api_request *r)
{
	const struct pki *pki = r->server->pki;
	struct cJSON *list = json_new(r->arena, JSON_ARRAY);

	for (size_t i = 0; i < pki->verifying_count; i++) {
		const char *name = jwt_algorithm(pki->verifying[i]);
		bool told = !name;

		json_each (one, list)
			told |= str_eq_text(json_str(one), name);
		if (!told)
			json_append(list, json_new_str(r->arena, str_from(name)));
	}
	return list;
}

void serve_openid_configuration(struct api_request *r)
{
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	if (!accepted(r, "application/json"))
		return;
	json_add_borrowed(
		tree, STR("issuer"), json_new_str(a, r->server->options->sa_issuers.items[0]));
	json_add_borrowed(tree, STR("jwks_uri"), json_new_str(a, keys_address(r)));
	json_add_borrowed(tree, STR("response_types_supported"), list_of(a, "id_token"));
	json_add_borrowed(tree, STR("subject_types_supported"), list_of(a, "public"));
	json_add_borrowed(tree, STR("id_token_signing_alg_values_supported"), algorithms(r));
	answer(r, "application/json", tree);
}
