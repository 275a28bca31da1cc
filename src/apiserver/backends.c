#include "backends.h"
#include "api_options.h"

#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/list.h>
#include <kube/mem.h>
#include <kube/time.h>

/* Beyond that many, who is not called now and was called longest ago loses its connections. */
#define KEPT_MAX 64
/* Certificates, keys and tokens in files are read again. */
#define FILE_AGE  (5 * MINUTE)
#define FILE_MAX  (1 * MIB)
#define CALLS_MAX 1024 /* connections to one: streams that are passed on are one each */

struct backends {
	struct api_server *server;
	struct list all; /* the one used last is the first */
	size_t count;
	bool stopping;
	struct op *stopped;
	size_t ending;
};

struct backend {
	struct link in_all;
	struct backends *pool;
	unsigned char key[32];
	struct http_client *http;
	struct arena arena;
	struct str base, shown, resolved, host, authorization;
	size_t users;
	struct op end;
	bool ends;
};

/* ---- files ---- */

/* *text: the bytes given, or those of the file. */
static int read_part(
	struct backends *b, struct str data, struct str file, struct buf *text, struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (data.len || !file.len) {
		buf_add_str(text, data);
		return 0;
	}
	int code = disk_read_file(b->server->env->disk, arena_str(&a, file).at, text, err);
	return code ? err_wrap(err, code, "unable to read %.*s", STRF(file)) : 0;
}

static void read_system_roots(struct backends *b, struct buf *text)
{
	static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!disk_read_file(b->server->env->disk, places[i], text, NULL))
			return;
		buf_clear(text);
	}
}

/* ---- TLS ---- */

static int read_roots(
	struct backends *b, const struct backend_target *t, struct certs *roots, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	const struct client_config *as = t->as;
	bool system = !t->ca.len && !(as && (as->ca_data.len || as->ca_file.len));
	int code = 0;

	if (t->ca.len)
		buf_add_str(&text, t->ca);
	else if (system)
		read_system_roots(b, &text);
	else
		code = read_part(b, as->ca_data, as->ca_file, &text, err);
	if (code || (system && !text.len))
		return code;
	if (certs_parse_pem(buf_str(&text), roots, NULL))
		return err_set(err, ERR_SYNTAX,
			"unable to load root certificates: unable to parse bytes as PEM block");
	return 0;
}

static int read_identity(struct backends *b, const struct client_config *as, struct certs *chain,
	struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf cert = BUF_INIT(FILE_MAX), secret = BUF_INIT(FILE_MAX);
	int code;

	if (!as || !(as->cert_data.len || as->cert_file.len))
		return 0;
	code = read_part(b, as->cert_data, as->cert_file, &cert, err);
	if (!code)
		code = read_part(b, as->key_data, as->key_file, &secret, err);
	if (!code)
		code = certs_parse_pem(buf_str(&cert), chain, err);
	if (!code)
		code = key_parse(buf_str(&secret), key, err);
	return code;
}

static int make_tls(struct backends *b, const struct backend_target *t, struct tls_config **tls,
	struct tls_config **http1, struct err *err)
{
	static const char *const both[] = {"h2", "http/1.1", NULL}, *const old[] = {
									    "http/1.1", NULL};
	struct certs chain = {0}, roots = {0};
	struct key *key = NULL;
	struct tls_identity identity;
	struct tls_client_options o = {.roots = &roots,
		.alpn = both,
		.insecure = t->insecure || (t->as && t->as->insecure)};
	int code = read_identity(b, t->as, &chain, &key, err);

	if (!code && !o.insecure)
		code = read_roots(b, t, &roots, err);
	identity = (struct tls_identity){.chain = &chain, .key = key};
	o.identity = key ? &identity : NULL;
	if (!code)
		code = tls_config_new_client(&o, tls, err);
	o.alpn = old;
	if (!code)
		code = tls_config_new_client(&o, http1, err);
	certs_done(&chain);
	certs_done(&roots);
	key_unref(key);
	return code;
}

/* ---- who is who ---- */

static void mix(struct sha256 *h, struct str text)
{
	uint64_t len = text.len;

	sha256_add(h, str_make((const char *)&len, sizeof(len)));
	sha256_add(h, text);
}

static void mix_config(struct sha256 *h, const struct client_config *c, int64_t now)
{
	const struct str parts[] = {c->ca_file, c->ca_data, c->tls_server_name, c->cert_file,
		c->cert_data, c->key_file, c->key_data, c->token, c->token_file, c->username,
		c->password};
	bool files = c->ca_file.len || c->cert_file.len || c->key_file.len || c->token_file.len;
	int64_t age = files ? now / FILE_AGE : 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		mix(h, parts[i]);
	sha256_add(h, str_make((const char *)&age, sizeof(age)));
	mix(h, c->insecure ? STR("insecure") : STR(""));
}

/* "https://host:port" of a URL: a view of it. */
static struct str url_base(struct str url)
{
	ssize_t at = str_find(url, STR("://"));
	struct str rest = at < 0 ? url : str_skip(url, (size_t)at + 3);
	size_t end = 0;

	while (end < rest.len && !strchr("/?#", rest.at[end]))
		end++;
	return str_sub(url, 0, url.len - rest.len + end);
}

static void make_key(struct backends *b, const struct backend_target *t,
	const struct backend_place *place, unsigned char key[32])
{
	struct sha256 h;

	sha256_init(&h);
	mix(&h, t->url.len ? STR("url") : STR("service"));
	mix(&h, url_base(t->url));
	mix(&h, t->service.namespace);
	mix(&h, t->service.name);
	mix(&h, place->name);
	sha256_add(&h, str_make((const char *)&t->service.port, sizeof(t->service.port)));
	sha256_add(&h, str_make((const char *)&place->port, sizeof(place->port)));
	mix(&h, str_make((const char *)place->ip.bytes, place->ip.len));
	mix(&h, t->ca);
	mix(&h, t->server_name);
	mix(&h, t->insecure ? STR("insecure") : STR(""));
	mix(&h, t->upgrades ? STR("upgrades") : STR(""));
	if (t->as)
		mix_config(&h, t->as, loop_now(b->server->env->loop));
	sha256_end(&h, key);
}

/* ---- making one ---- */

static struct str basic(struct arena *a, const struct client_config *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	buf_add_text(&out, "Basic ");
	base64_encode(&out, arena_print(a, "%.*s:%.*s", STRF(c->username), STRF(c->password)));
	return arena_str(a, buf_str(&out));
}

static int read_authorization(struct backend *k, const struct client_config *c, struct err *err)
{
	_cleanup_(buf_done) struct buf token = BUF_INIT(64 * KIB);
	int code;

	if (!c)
		return 0;
	code = read_part(
		k->pool, c->token_file.len ? STR("") : c->token, c->token_file, &token, err);
	if (code)
		return code;
	if (token.len)
		k->authorization =
			arena_print(&k->arena, "Bearer %.*s", STRF(str_trim(buf_str(&token))));
	else if (c->username.len)
		k->authorization = basic(&k->arena, c);
	return 0;
}

/* What it is called: by a name of its own, which its certificate must be for. */
static struct str service_name(struct backend *k, const struct backend_target *t)
{
	return arena_print(
		&k->arena, "%.*s.%.*s.svc", STRF(t->service.name), STRF(t->service.namespace));
}

static struct str resolved(struct backend *k, const struct backend_place *place)
{
	_cleanup_(buf_done) struct buf at = BUF_INIT(KIB);
	struct address address = address_of(place->ip, (uint16_t)place->port);

	if (place->ip.len)
		address_print(&at, &address);
	else
		buf_print(&at, "%.*s:%lld", STRF(place->name), (long long)place->port);
	return arena_print(&k->arena, "https://%.*s", STRF(buf_str(&at)));
}

static void name_it(struct backend *k, const struct backend_target *t,
	const struct backend_place *place, struct http_client_options *o)
{
	long long port = t->service.port ? t->service.port : 443;

	o->server_name = t->server_name;
	if (!o->server_name.len && t->as)
		o->server_name = t->as->tls_server_name;
	if (t->url.len) {
		k->base = k->shown = arena_str(&k->arena, url_base(t->url));
		return;
	}
	k->host = arena_print(&k->arena, "%.*s:%lld", STRF(service_name(k, t)), port);
	k->shown = arena_print(&k->arena, "https://%.*s", STRF(k->host));
	k->resolved = resolved(k, place);
	if (!place->ip.len) {
		o->server_name = service_name(k, t);
		k->base = k->resolved;
	} else {
		k->base = k->shown;
		k->host = STR("");
	}
}

static struct backend *backend_new(struct backends *b, const struct backend_target *t,
	const struct backend_place *place, struct err *err)
{
	struct backend *k = mem_new(sizeof(*k));
	struct address at = address_of(place->ip, (uint16_t)place->port);
	struct tls_config *tls = NULL, *http1 = NULL;
	struct http_client_options o = {.name = "backend",
		.no_http2 = t->upgrades,
		.max_per_origin = CALLS_MAX,
		.dial = place->ip.len ? &at : NULL};
	int code;

	k->pool = b;
	arena_init(&k->arena);
	name_it(k, t, place, &o);
	code = read_authorization(k, t->as, err);
	if (!code)
		code = make_tls(b, t, &tls, &http1, err);
	if (code) {
		arena_done(&k->arena);
		mem_free(k);
	} else {
		o.tls = t->upgrades ? http1 : tls;
		o.tls_http1 = http1;
		k->http = http_client_new(b->server->env, &b->server->scope, &o);
	}
	if (tls)
		tls_config_unref(tls);
	if (http1)
		tls_config_unref(http1);
	return code ? NULL : k;
}

/* ---- the end of one ---- */

static void tell_stopped(struct backends *b)
{
	if (b->stopped && !b->ending)
		op_finish(TAKE(b->stopped), 0);
}

static void backend_free(struct backend *k)
{
	http_client_free(k->http);
	arena_done(&k->arena);
	mem_free(k);
}

static void ended(struct op *op, struct err *err)
{
	struct backend *k = CONTAINER_OF(op, struct backend, end);
	struct backends *b = k->pool;

	err_done(err);
	k->ends = false;
	b->ending--;
	if (!k->users)
		backend_free(k);
	tell_stopped(b);
}

static void end(struct backend *k)
{
	struct backends *b = k->pool;

	link_remove(&k->in_all);
	b->count--;
	b->ending++;
	k->ends = true;
	op_init(&k->end, b->server->scope.parent, ended, OP_NO_DEADLINE);
	http_client_stop(k->http, &k->end);
}

static void make_room(struct backends *b)
{
	struct link *l = list_last(&b->all), *before;

	for (; l && b->count > KEPT_MAX; l = before) {
		struct backend *k = LIST_ENTRY(l, struct backend, in_all);

		before = l == list_first(&b->all) ? NULL : l->prev;
		if (!k->users)
			end(k);
	}
}

/* ---- taking and giving back ---- */

static struct backend *find(struct backends *b, const unsigned char key[32])
{
	list_each (l, &b->all) {
		struct backend *k = LIST_ENTRY(l, struct backend, in_all);

		if (!memcmp(k->key, key, sizeof(k->key)))
			return k;
	}
	return NULL;
}

int backend_take(struct backends *b, const struct backend_target *t, struct backend **backend,
	struct err *err)
{
	_cleanup_(arena_done) struct arena scratch;
	struct backend_place place = {0};
	unsigned char key[32];
	struct backend *k;

	arena_init(&scratch);
	if (b->stopping)
		return err_set(err, ERR_CLOSED, "the server is shutting down");
	int code = t->url.len ? 0
			      : backend_resolve(b->server, &scratch, t->service.namespace,
					t->service.name, t->service.port ? t->service.port : 443,
					b->server->options->aggregator_routing, &place, err);
	if (code)
		return code;
	make_key(b, t, &place, key);
	k = find(b, key);
	if (!k) {
		k = backend_new(b, t, &place, err);
		if (!k)
			return err->code;
		memcpy(k->key, key, sizeof(key));
		b->count++;
	} else {
		link_remove(&k->in_all);
	}
	list_push_front(&b->all, &k->in_all);
	k->users++;
	make_room(b);
	*backend = k;
	return 0;
}

void backend_give(struct backend *k)
{
	if (!k || --k->users)
		return;
	if (!link_linked(&k->in_all) && !k->ends)
		backend_free(k);
}

struct http_client *backend_client(const struct backend *k)
{
	return k->http;
}

struct str backend_base(const struct backend *k)
{
	return k->base;
}

struct str backend_shown_base(const struct backend *k)
{
	return k->shown;
}

struct str backend_resolved(const struct backend *k)
{
	return k->resolved;
}

void backend_add_headers(const struct backend *k, struct arena *a, struct http_headers *h)
{
	if (k->host.len)
		http_headers_add(a, h, STR("Host"), k->host);
	if (k->authorization.len)
		http_headers_add(a, h, STR("Authorization"), k->authorization);
}

/* ---- life ---- */

struct backends *backends_new(struct api_server *s)
{
	struct backends *b = mem_new(sizeof(*b));

	b->server = s;
	list_init(&b->all);
	return b;
}

struct loop *backends_loop(const struct backends *b)
{
	return b->server->env->loop;
}

void backends_stop(struct backends *b, struct op *op)
{
	static const struct op_kind kind = {.name = "backends stop"};

	op_begin_always(op, &kind, b);
	b->stopping = true;
	b->stopped = op;
	list_each_safe (l, &b->all)
		end(LIST_ENTRY(l, struct backend, in_all));
	tell_stopped(b);
}

void backends_free(struct backends *b)
{
	mem_free(b);
}
