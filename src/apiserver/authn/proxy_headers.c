#include "proxy_headers.h"

#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/url.h>
#include <kube/x509.h>

#define FILE_MAX   (1 * MIB)
#define GROUPS_MAX 1000
#define EXTRAS_MAX 200
#define KNOWN_MAX  1000

struct proxy_headers {
	struct certs authorities;
	const struct api_options *options;
	struct map known; /* SHA-256 of certificates that were good: verified once */
};

int proxy_headers_new(struct api_server *s, struct proxy_headers **out, struct err *err)
{
	const struct api_options *o = s->options;
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	struct proxy_headers *p;
	int code;

	*out = NULL;
	if (!o->proxy_ca_file.len)
		return 0;
	p = mem_new(sizeof(*p));
	p->options = o;
	map_init(&p->known);
	code = disk_read_file(s->env->disk, arena_str(&s->arena, o->proxy_ca_file).at, &text, err);
	if (!code)
		code = certs_parse_pem(buf_str(&text), &p->authorities, err);
	if (code) {
		proxy_headers_free(p);
		return err_wrap(err, code, "--requestheader-client-ca-file");
	}
	*out = p;
	return 0;
}

void proxy_headers_free(struct proxy_headers *p)
{
	if (!p)
		return;
	certs_done(&p->authorities);
	map_done(&p->known);
	mem_free(p);
}

/* ---- is it a proxy ---- */

static bool is_signed(struct proxy_headers *p, const struct certs *chain, int64_t now)
{
	struct cert_check check = {.roots = &p->authorities, .now = now, .usage = CERT_CLIENT};
	const struct cert_info *info = cert_info(chain->items[0]);
	unsigned char digest[32];
	struct str key = str_make((const char *)digest, sizeof(digest));

	if (now < info->not_before || now > info->not_after)
		return false;
	sha256_of(cert_der(chain->items[0]), digest);
	if (map_has(&p->known, key))
		return true;
	if (cert_verify(chain, &check, NULL))
		return false;
	if (p->known.count >= KNOWN_MAX) {
		map_done(&p->known);
		map_init(&p->known);
	}
	map_set(&p->known, key, NULL);
	return true;
}

static bool is_allowed(const struct proxy_headers *p, struct str name)
{
	const struct flag_list *names = &p->options->proxy_names;

	for (size_t i = 0; i < names->count; i++)
		if (str_eq(names->items[i], name))
			return true;
	return !names->count;
}

/* ---- whom it speaks for ---- */

static struct str first_value(const struct api_request *r, const struct flag_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct str value =
			http_headers_get(&r->x->request.headers, str_trim(names->items[i]));

		if (value.len)
			return value;
	}
	return (struct str){0};
}

static size_t all_values(
	const struct api_request *r, const struct flag_list *names, struct str *values, size_t max)
{
	const struct http_headers *h = &r->x->request.headers;
	size_t count = 0;

	for (size_t i = 0; i < names->count; i++)
		for (size_t k = 0; k < h->count && count < max; k++)
			if (str_eq_nocase(h->items[k].name, str_trim(names->items[i])) &&
				h->items[k].value.len)
				values[count++] = h->items[k].value;
	return count;
}

/* Lower case; %xx stands for what no header's name can hold. */
static struct str extra_key(struct arena *a, struct str name)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(64 * KIB);
	char *lower = arena_alloc(a, name.len + 1);

	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] | 0x20 : name.at[i];
	if (url_unescape_path(&plain, str_make(lower, name.len), NULL))
		return str_make(lower, name.len);
	return arena_str(a, buf_str(&plain));
}

static struct user_extra *extra_of(struct api_user *u, struct str key)
{
	for (size_t i = 0; i < u->extra_count; i++)
		if (str_eq(u->extra[i].key, key))
			return &u->extra[i];
	if (u->extra_count == EXTRAS_MAX)
		return NULL;
	u->extra[u->extra_count] = (struct user_extra){.key = key};
	return &u->extra[u->extra_count++];
}

static void add_extra(
	const struct proxy_headers *p, const struct api_request *r, struct api_user *u)
{
	const struct flag_list *prefixes = &p->options->proxy_extra_prefixes;
	const struct http_headers *h = &r->x->request.headers;

	u->extra = arena_new(r->arena, EXTRAS_MAX * sizeof(*u->extra));
	for (size_t i = 0; i < prefixes->count; i++)
		for (size_t k = 0; k < h->count; k++) {
			struct str prefix = str_trim(prefixes->items[i]);
			struct user_extra *e = NULL;

			if (str_starts_nocase(h->items[k].name, prefix))
				e = extra_of(u, extra_key(r->arena,
							str_skip(h->items[k].name, prefix.len)));
			if (!e)
				continue;
			if (!e->values)
				e->values = arena_new(r->arena, h->count * sizeof(*e->values));
			if (e->count < h->count)
				e->values[e->count++] = h->items[k].value;
		}
}

enum token_outcome proxy_headers_find(struct proxy_headers *p, struct api_request *r)
{
	const struct http_peer *peer = r->x->peer;
	const struct certs *chain = peer && peer->tls ? peer->tls_info.peer : NULL;
	struct str name, uid, *groups;
	struct api_user *u;
	size_t count;

	if (!p || !chain || !chain->count || !is_signed(p, chain, r->now))
		return TOKEN_UNKNOWN;
	if (!is_allowed(p, cert_info(chain->items[0])->subject.common_name))
		return TOKEN_BAD;
	name = first_value(r, &p->options->proxy_username_headers);
	if (!name.len)
		return TOKEN_UNKNOWN;
	uid = first_value(r, &p->options->proxy_uid_headers);
	groups = arena_new(r->arena, GROUPS_MAX * sizeof(*groups));
	count = all_values(r, &p->options->proxy_group_headers, groups, GROUPS_MAX);
	u = user_new(r->arena, name, uid, groups, count);
	add_extra(p, r, u);
	r->user = u;
	return TOKEN_GOOD;
}
