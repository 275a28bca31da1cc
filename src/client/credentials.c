#include "credentials.h"

#include "kubeconfig_exec.h"

#include <kube/codec.h>
#include <kube/mem.h>
#include <kube/url.h>

#define PART_MAX   MIB
#define RELOAD_AGE MINUTE

/* ---- the beginning ---- */

static struct str copy(struct arena *a, struct str s)
{
	return s.len ? arena_str(a, s) : (struct str){0};
}

static void copy_config(struct client_config *to, struct arena *a, const struct client_config *from)
{
	*to = *from;
	struct str *all[] = {&to->server, &to->proxy_url, &to->ca_file, &to->ca_data,
		&to->tls_server_name, &to->cert_file, &to->cert_data, &to->key_file, &to->key_data,
		&to->token, &to->token_file, &to->username, &to->password, &to->as, &to->as_uid};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		*all[i] = copy(a, *all[i]);
	to->as_groups = arena_new(a, (from->as_group_count + 1) * sizeof(*to->as_groups));
	for (size_t i = 0; i < from->as_group_count; i++)
		to->as_groups[i] = copy(a, from->as_groups[i]);
	if (from->as_extra)
		to->as_extra = json_copy(a, from->as_extra);
	to->exec = client_exec_copy(a, from->exec);
}

static void make_basic(struct credentials *cr)
{
	_cleanup_(buf_done) struct buf pair = BUF_INIT(8 * KIB);
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);

	if (!cr->config.username.len && !cr->config.password.len)
		return;
	buf_add_str(&pair, cr->config.username);
	buf_add_char(&pair, ':');
	buf_add_str(&pair, cr->config.password);
	buf_add_text(&text, "Basic ");
	base64_encode(&text, buf_str(&pair));
	cr->authorization = arena_str(cr->arena, buf_str(&text));
}

void credentials_init(struct credentials *cr, struct arena *a, struct env *env, struct scope *scope,
	const struct client_config *config)
{
	*cr = (struct credentials){.arena = a};
	for (int i = 0; i < PARTS; i++)
		buf_init(&cr->parts[i], PART_MAX);
	copy_config(&cr->config, a, config);
	cr->token = cr->config.token;
	make_basic(cr);
	if (config->exec)
		cr->plugin = exec_plugin_new(env, scope, &cr->config);
}

void credentials_done(struct credentials *cr)
{
	exec_plugin_free(TAKE(cr->plugin));
	for (int i = 0; i < PARTS; i++)
		buf_done(&cr->parts[i]);
}

/* ---- reading ---- */

/* The file of a part: none where the config has the bytes themselves. */
static struct str file_of(const struct client_config *c, int part)
{
	switch (part) {
	case PART_CA:
		return c->ca_data.len || c->insecure ? (struct str){0} : c->ca_file;
	case PART_CERT:
		return c->cert_data.len ? (struct str){0} : c->cert_file;
	case PART_KEY:
		return c->key_data.len ? (struct str){0} : c->key_file;
	default:
		return c->token_file;
	}
}

static struct str data_of(const struct client_config *c, int part)
{
	switch (part) {
	case PART_CA:
		return c->insecure ? (struct str){0} : c->ca_data;
	case PART_CERT:
		return c->cert_data;
	case PART_KEY:
		return c->key_data;
	default:
		return (struct str){0};
	}
}

static bool has_files(const struct client_config *c)
{
	for (int i = 0; i < PARTS; i++)
		if (file_of(c, i).len)
			return true;
	return false;
}

bool credentials_due(const struct credentials *cr, struct env *env)
{
	if (!cr->loaded)
		return true;
	return has_files(&cr->config) && loop_now(env->loop) - cr->at >= RELOAD_AGE;
}

/* Where systems keep the authorities they believe. */
static const char *const system_roots[] = {"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

/* Nobody said whom to believe. None found: nobody is believed. */
static void load_system_roots(struct credentials_load *load)
{
	for (size_t i = 0; i < ARRAY_LEN(system_roots); i++) {
		if (!disk_read_file(load->disk, system_roots[i], &load->parts[PART_CA], NULL))
			return;
		buf_clear(&load->parts[PART_CA]);
	}
}

static bool wants_system_roots(const struct client_config *c)
{
	return !c->insecure && !c->ca_data.len && !c->ca_file.len &&
	       !str_starts(c->server, STR("http://"));
}

static void load_files(struct work *w)
{
	struct credentials_load *load = CONTAINER_OF(w, struct credentials_load, work);
	const struct client_config *c = &load->credentials->config;

	for (int i = 0; i < PARTS; i++) {
		struct str file = file_of(c, i), data = data_of(c, i);

		if (file.len && disk_read_file(load->disk, file.at, &load->parts[i], &w->err)) {
			err_wrap(&w->err, w->err.code, "unable to read %s", file.at);
			w->err.code = ERR_IO; /* "not found" is what the API says */
			return;
		}
		if (!file.len)
			buf_add_str(&load->parts[i], data);
	}
	if (wants_system_roots(c))
		load_system_roots(load);
}

void credentials_load(
	struct credentials *cr, struct credentials_load *load, struct op *op, struct env *env)
{
	cr->at = loop_now(env->loop); /* others go on with what there is */
	load->credentials = cr;
	load->disk = env->disk;
	for (int i = 0; i < PARTS; i++)
		buf_init(&load->parts[i], PART_MAX);
	work_start(&load->work, op, WORK_DISK, load_files);
}

/* ---- taking it ---- */

struct shown { /* in handshakes */
	struct str ca, cert, key;
};

/* A certificate of the config's own goes before a plugin's. */
static struct shown shown_of(const struct credentials *cr, const struct buf parts[PARTS])
{
	struct shown s = {.ca = buf_str(&parts[PART_CA]),
		.cert = buf_str(&parts[PART_CERT]),
		.key = buf_str(&parts[PART_KEY])};

	if (!s.cert.len && cr->plugin) {
		s.cert = exec_plugin_credential(cr->plugin)->cert;
		s.key = exec_plugin_credential(cr->plugin)->key;
	}
	return s;
}

static int make_tls(const struct shown *s, const struct client_config *c, const char *const *alpn,
	struct tls_config **tls, struct err *err)
{
	struct certs roots = {0}, chain = {0};
	struct key *key = NULL;
	struct str ca = s->ca, cert = s->cert;
	int code = 0;

	if (ca.len && certs_parse_pem(ca, &roots, err))
		code = err_wrap(err, err->code, "unable to load root certificates");
	if (!code && cert.len && certs_parse_pem(cert, &chain, err))
		code = err_wrap(err, err->code, "unable to load the client certificate");
	if (!code && cert.len && key_parse(s->key, &key, err))
		code = err_wrap(err, err->code, "unable to load the client key");
	if (!code) {
		struct tls_identity identity = {.chain = &chain, .key = key};
		struct tls_client_options options = {.identity = cert.len ? &identity : NULL,
			.roots = &roots,
			.insecure = c->insecure,
			.alpn = alpn};

		code = tls_config_new_client(&options, tls, err);
	}
	certs_done(&roots);
	certs_done(&chain);
	key_unref(key);
	return code;
}

static int give_tls(struct credentials *cr, const struct buf parts[PARTS], struct http_client *http,
	struct err *err)
{
	static const char *const both[] = {"h2", "http/1.1", NULL};
	static const char *const old[] = {"http/1.1", NULL};
	struct tls_config *tls = NULL, *tls_http1 = NULL;
	const struct shown shown = shown_of(cr, parts);
	int code = make_tls(&shown, &cr->config, both, &tls, err);

	if (!code)
		code = make_tls(&shown, &cr->config, old, &tls_http1, err);
	if (!code)
		http_client_set_tls(http, tls, tls_http1);
	tls_config_unref(tls);
	tls_config_unref(tls_http1);
	return code;
}

static int take_parts(struct credentials *cr, struct credentials_load *load,
	struct http_client *http, struct err *err)
{
	bool changed = !cr->loaded;

	for (int i = 0; i < PART_TOKEN; i++)
		changed |= !str_eq(buf_str(&cr->parts[i]), buf_str(&load->parts[i]));
	if (cr->config.token_file.len && !str_trim(buf_str(&load->parts[PART_TOKEN])).len)
		return err_set(err, ERR_SYNTAX, "read empty token from file %.*s",
			STRF(cr->config.token_file));
	if (changed && give_tls(cr, load->parts, http, err))
		return err->code;
	for (int i = 0; i < PARTS; i++) {
		struct buf was = cr->parts[i];

		cr->parts[i] = load->parts[i];
		load->parts[i] = was;
	}
	if (cr->config.token_file.len)
		cr->token = str_trim(buf_str(&cr->parts[PART_TOKEN]));
	return 0;
}

static void keep_told(const struct credentials *cr, struct credentials_load *load)
{
	for (int i = PART_CERT; i <= PART_KEY && cr->told; i++) {
		buf_clear(&load->parts[i]);
		buf_add_str(&load->parts[i], buf_str(&cr->parts[i]));
	}
}

void credentials_loaded(struct credentials *cr, struct credentials_load *load, struct env *env,
	struct http_client *http, struct err *err)
{
	keep_told(cr, load);
	if (!err->code && !take_parts(cr, load, http, err))
		cr->loaded = true;
	/* What was good a minute ago is tried on, unless it is us who were told to stop. */
	if (err->code && cr->loaded && err->code != ERR_CANCELLED && err->code != ERR_TIMEOUT)
		err_done(err);
	cr->at = loop_now(env->loop);
	for (int i = 0; i < PARTS; i++)
		buf_done(&load->parts[i]);
}

/* ---- what it is told to show ---- */

static void swap(struct buf *a, struct buf *b)
{
	struct buf was = *a;

	*a = *b;
	*b = was;
}

int credentials_show(struct credentials *cr, struct str certificate, struct str key,
	struct http_client *http, struct err *err)
{
	_cleanup_(buf_done) struct buf cert = BUF_INIT(PART_MAX);
	_cleanup_(buf_done) struct buf own_key = BUF_INIT(PART_MAX);

	buf_add_str(&cert, certificate);
	buf_add_str(&own_key, key);
	swap(&cert, &cr->parts[PART_CERT]);
	swap(&own_key, &cr->parts[PART_KEY]);
	/* Before the first reading nobody knows whom to believe: TLS is made after it. */
	if (!cr->loaded || !give_tls(cr, cr->parts, http, err)) {
		cr->told = true;
		return 0;
	}
	swap(&cert, &cr->parts[PART_CERT]);
	swap(&own_key, &cr->parts[PART_KEY]);
	return err->code;
}

/* ---- a plugin's ---- */

void credentials_ask(
	struct credentials *cr, struct exec_wait *wait, struct op *op, uint64_t refused)
{
	const struct client_config *c = &cr->config;
	struct str ca = {0};

	/* What the system believes is nothing to tell. */
	if (c->ca_data.len || c->ca_file.len)
		ca = buf_str(&cr->parts[PART_CA]);
	if (refused)
		exec_plugin_renew(cr->plugin, wait, op, ca, refused);
	else
		exec_plugin_get(cr->plugin, wait, op, ca);
}

void credentials_answered(struct credentials *cr, struct http_client *http, struct err *err)
{
	uint64_t pairs = exec_plugin_pairs(cr->plugin);

	/* Another token needs no other connections. */
	if (!err->code && cr->plugin_pairs != pairs && !cr->parts[PART_CERT].len &&
		!give_tls(cr, cr->parts, http, err))
		cr->plugin_pairs = pairs;
	if (err->code)
		err_wrap(err, err->code, "getting credentials");
}

/* ---- showing it ---- */

static void add_extra(const struct credentials *cr, struct arena *a, struct http_headers *h)
{
	json_each (extra, cr->config.as_extra) {
		_cleanup_(buf_done) struct buf name = BUF_INIT(4 * KIB);

		buf_add_text(&name, "Impersonate-Extra-");
		url_escape_path(&name, json_key(extra));
		json_each (value, extra)
			http_headers_add(a, h, arena_str(a, buf_str(&name)), json_str(value));
	}
}

void credentials_add(const struct credentials *cr, struct arena *a, struct http_headers *h)
{
	const struct client_config *c = &cr->config;
	struct str token = cr->token;

	if (!token.len && !cr->authorization.len && cr->plugin)
		token = exec_plugin_credential(cr->plugin)->token;
	if (token.len)
		http_headers_add(
			a, h, STR("Authorization"), arena_print(a, "Bearer %.*s", STRF(token)));
	else if (cr->authorization.len)
		http_headers_add(a, h, STR("Authorization"), cr->authorization);
	if (!c->as.len)
		return;
	http_headers_add(a, h, STR("Impersonate-User"), c->as);
	if (c->as_uid.len)
		http_headers_add(a, h, STR("Impersonate-Uid"), c->as_uid);
	for (size_t i = 0; i < c->as_group_count; i++)
		http_headers_add(a, h, STR("Impersonate-Group"), c->as_groups[i]);
	add_extra(cr, a, h);
}
