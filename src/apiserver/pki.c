#include "pki.h"
#include "api_options.h"

#include <kube/codec.h>
#include <kube/log.h>
#include <kube/mem.h>

#include <fcntl.h>

#define YEAR          (365 * 24 * HOUR)
#define CA_LIFETIME   (10 * YEAR)
#define LEAF_LIFETIME YEAR
/* Renewed when a third of the life is left: clocks may be wrong, and machines switched off. */
#define RENEW_BEFORE (LEAF_LIFETIME / 3)
#define FILE_MAX     (256 * KIB)
/*
 * A machine's clock may be ahead when it starts for the first time, and be set right later: what it
 * issued is good then, too.
 */
#define SLACK (24 * HOUR)

/* ---- files ---- */

static const char *path_of(struct pki *p, const char *name)
{
	return arena_print(&p->arena, "%.*s/%s", STRF(p->dir), name).at;
}

static int read_file(struct env *env, const char *path, struct buf *out, struct err *err)
{
	return disk_read_file(env->disk, path, out, err);
}

static int read_key(struct env *env, const char *path, struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	int code = read_file(env, path, &text, err);

	if (!code) {
		code = key_parse(buf_str(&text), key, err);
		if (code)
			err_wrap(err, code, "%s", path);
	}
	return code;
}

static int read_certs(struct env *env, const char *path, struct certs *certs, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	int code = read_file(env, path, &text, err);

	if (!code) {
		code = certs_parse_pem(buf_str(&text), certs, err);
		if (code)
			err_wrap(err, code, "%s", path);
	}
	return code;
}

static int write_key(struct env *env, const char *path, const struct key *key, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);

	key_print_pem(key, &text);
	return disk_write_file(env->disk, path, buf_str(&text), 0600, err);
}

static int write_cert(struct env *env, const char *path, const struct cert *cert, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);

	cert_print_pem(cert, &text);
	return disk_write_file(env->disk, path, buf_str(&text), 0644, err);
}

/* Nothing is written that stands there already: a full disk keeps no cluster from starting. */
static int keep_file(
	struct env *env, const char *path, struct str text, unsigned mode, struct err *err)
{
	_cleanup_(buf_done) struct buf old = BUF_INIT(MIB);

	if (!read_file(env, path, &old, NULL) && str_eq(buf_str(&old), text))
		return 0;
	return disk_write_file(env->disk, path, text, mode, err);
}

/* The key of that file, made when the file is missing. */
static int key_at(struct api_server *s, const char *path, enum key_kind kind, struct key **key,
	struct err *err)
{
	int code = read_key(s->env, path, key, err);

	if (code != ERR_NOT_FOUND)
		return code;
	err_done(err);
	code = key_generate(kind, key, err);
	if (!code)
		code = write_key(s->env, path, *key, err);
	return code;
}

/* ---- authorities ---- */

static int64_t begins(struct api_server *s)
{
	return env_wall(s->env) - SLACK;
}

static int authority(struct api_server *s, struct pki *p, const char *name, struct str subject,
	struct key **key, struct certs *certs, struct err *err)
{
	const char *cert_path = path_of(p, arena_print(&p->arena, "%s.crt", name).at);
	const char *key_path = path_of(p, arena_print(&p->arena, "%s.key", name).at);
	int code = key_at(s, key_path, KEY_ECDSA_P256, key, err);

	if (!code)
		code = read_certs(s->env, cert_path, certs, err);
	if (code != ERR_NOT_FOUND)
		return code;
	err_done(err);
	struct cert_request request = {.subject.common_name = subject,
		.now = begins(s),
		.lifetime = CA_LIFETIME + SLACK,
		.is_ca = true,
		.path_length = -1};
	struct cert *cert;
	code = cert_issue(&request, *key, NULL, *key, &cert, err);
	if (code)
		return code;
	code = write_cert(s->env, cert_path, cert, err);
	if (!code) {
		certs->items = mem_new(sizeof(struct cert *));
		certs->items[0] = cert_ref(cert);
		certs->count = 1;
	}
	cert_unref(cert);
	return code;
}

/* ---- leaves ---- */

/* What it is for is the request's; that it begins before today, and how long it lives, is ours. */
static int issue(struct api_server *s, const struct cert_request *what, struct key *key,
	struct cert *by, struct key *by_key, struct certs *chain, struct err *err)
{
	struct cert_request request = *what;
	struct cert *cert;
	int code;

	request.now = begins(s);
	request.lifetime = LEAF_LIFETIME + SLACK;
	request.path_length = -1;
	code = cert_issue(&request, key, by, by_key, &cert, err);
	if (code)
		return code;
	certs_done(chain);
	chain->items = mem_new(sizeof(struct cert *));
	chain->items[0] = cert;
	chain->count = 1;
	return 0;
}

/* The same with a key that is made for it. */
static int issue_with_key(struct api_server *s, const struct cert_request *what, struct cert *by,
	struct key *by_key, struct certs *chain, struct key **key, struct err *err)
{
	int code = key_generate(KEY_ECDSA_P256, key, err);

	if (code)
		return code;
	code = issue(s, what, *key, by, by_key, chain, err);
	if (code)
		key_unref(TAKE(*key));
	return code;
}

/* ---- what the serving certificate is for ---- */

#define NAMES_MAX 64
struct names {
	struct str dns[NAMES_MAX];
	struct ip ips[NAMES_MAX];
	size_t dns_count, ip_count;
};

static void add_dns(struct names *n, struct str name)
{
	for (size_t i = 0; i < n->dns_count; i++)
		if (str_eq_nocase(n->dns[i], name))
			return;
	if (name.len && n->dns_count < NAMES_MAX)
		n->dns[n->dns_count++] = name;
}

static void add_ip(struct names *n, struct ip ip)
{
	if (!ip.len || ip_is_unspecified(&ip))
		return;
	for (size_t i = 0; i < n->ip_count; i++)
		if (ip_eq(&n->ips[i], &ip))
			return;
	if (n->ip_count < NAMES_MAX)
		n->ips[n->ip_count++] = ip;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->len == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
			    : ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Link-local addresses come and go, and nobody names a server by them. */
static void add_machine(struct env *env, struct names *n)
{
	struct addresses own;

	net_own_addresses(env, &own);
	for (size_t i = 0; i < own.count; i++)
		if (!is_link_local(&own.items[i]))
			add_ip(n, own.items[i]);
	mem_free(own.items);
}

struct ip cidr_first(const struct cidr *c)
{
	struct ip ip = c->ip;

	for (unsigned bit = c->bits; bit < ip.len * 8u; bit++)
		ip.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	ip.bytes[ip.len - 1] |= 1;
	return ip;
}

static void find_names(struct api_server *s, struct names *n)
{
	const struct api_options *o = s->options;
	struct ip named;

	add_dns(n, STR("kubernetes"));
	add_dns(n, STR("kubernetes.default"));
	add_dns(n, STR("kubernetes.default.svc"));
	add_dns(n, STR("kubernetes.default.svc.cluster.local"));
	add_dns(n, STR("localhost"));
	add_dns(n, str_from(s->env->host));
	if (ip_parse(o->external_hostname, &named))
		add_ip(n, named);
	else
		add_dns(n, o->external_hostname);
	for (size_t i = 0; i < o->service_cidr_count; i++)
		add_ip(n, cidr_first(&o->services[i]));
	add_ip(n, o->bind);
	add_ip(n, o->advertise);
	add_ip(n, ip_v4(127, 0, 0, 1));
	add_ip(n, (struct ip){.len = 16, .bytes[15] = 1});
	add_machine(s->env, n);
}

static bool covers(const struct cert *cert, const struct names *n)
{
	const struct cert_info *info = cert_info(cert);

	for (size_t i = 0; i < n->dns_count; i++) {
		bool found = false;

		for (size_t k = 0; k < info->dns_count && !found; k++)
			found = str_eq_nocase(info->dns[k], n->dns[i]);
		if (!found)
			return false;
	}
	for (size_t i = 0; i < n->ip_count; i++) {
		bool found = false;

		for (size_t k = 0; k < info->ip_count && !found; k++)
			found = ip_eq(&info->ips[k], &n->ips[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool fresh(const struct cert *cert, int64_t now)
{
	const struct cert_info *info = cert_info(cert);

	return info->not_before <= now && now < info->not_after - RENEW_BEFORE;
}

/* ---- serving ---- */

/* One that cannot be written serves all the same; the next start makes another. */
static int issue_serving(
	struct api_server *s, struct pki *p, const struct names *n, struct err *err)
{
	_cleanup_(err_done) struct err unwritten = {0};
	const struct cert_request request = {.subject.common_name = STR("kube-apiserver"),
		.usages = CERT_SERVER,
		.dns = n->dns,
		.dns_count = n->dns_count,
		.ips = n->ips,
		.ip_count = n->ip_count};
	int code = issue(s, &request, p->serving_key, p->ca.items[0], p->ca_key, &p->serving, err);

	if (code)
		return code;
	if (write_cert(s->env, path_of(p, "apiserver.crt"), p->serving.items[0], &unwritten))
		log_warning(&unwritten, "the serving certificate is in memory alone");
	return 0;
}

static int configure(struct api_server *s, struct pki *p, struct err *err)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_identity identity = {.chain = &p->serving, .key = p->serving_key};
	struct tls_server_options options = {.identities = &identity,
		.identity_count = 1,
		.client_certs = TLS_CERTS_OPTIONAL,
		.client_roots = &p->client_roots,
		.client_roots_untold = s->options->proxy_ca_file.len > 0,
		.alpn = alpn};
	struct tls_config *tls;
	int code = tls_config_new_server(&options, &tls, err);

	if (code)
		return code;
	if (p->tls) {
		tls_config_adopt_tickets(tls, p->tls);
		tls_config_unref(p->tls);
	}
	p->tls = tls;
	return 0;
}

static int open_serving(struct api_server *s, struct pki *p, struct err *err)
{
	const struct api_options *o = s->options;
	struct names *names;
	int code;

	if (o->tls_cert_file.len) {
		p->renew_at = INT64_MAX;
		code = read_key(
			s->env, arena_str(&p->arena, o->tls_key_file).at, &p->serving_key, err);
		return code ? code
			    : read_certs(s->env, arena_str(&p->arena, o->tls_cert_file).at,
				      &p->serving, err);
	}
	code = authority(s, p, "ca", STR("kube-ca"), &p->ca_key, &p->ca, err);
	if (!code)
		code = key_at(s, path_of(p, "apiserver.key"), KEY_ECDSA_P256, &p->serving_key, err);
	if (code)
		return code;
	names = arena_new(&p->arena, sizeof(*names));
	find_names(s, names);
	code = read_certs(s->env, path_of(p, "apiserver.crt"), &p->serving, NULL);
	if (code || !fresh(p->serving.items[0], env_wall(s->env)) ||
		!covers(p->serving.items[0], names) ||
		!key_same(cert_key(p->serving.items[0]), p->serving_key))
		code = issue_serving(s, p, names, err);
	if (!code)
		p->renew_at = cert_info(p->serving.items[0])->not_after - RENEW_BEFORE;
	return code;
}

int pki_renew(struct api_server *s, struct pki *p, bool *renewed, struct err *err)
{
	struct names *names;
	int code;

	*renewed = false;
	if (p->renew_at == INT64_MAX)
		return 0;
	names = mem_new(sizeof(*names));
	find_names(s, names);
	code = 0;
	if (!fresh(p->serving.items[0], env_wall(s->env)) || !covers(p->serving.items[0], names)) {
		code = issue_serving(s, p, names, err);
		if (!code)
			code = configure(s, p, err);
		if (!code) {
			p->renew_at = cert_info(p->serving.items[0])->not_after - RENEW_BEFORE;
			*renewed = true;
		}
	}
	mem_free(names);
	return code;
}

/* ---- the administrator ---- */

static void add_server_url(struct api_server *s, uint16_t port, struct buf *out)
{
	const struct api_options *o = s->options;
	struct ip at = o->bind;

	if (ip_is_unspecified(&at))
		at = ip_v4(127, 0, 0, 1);
	struct address address = address_of(at, port);
	buf_add_text(out, "https://");
	address_print(out, &address);
}

static const char *admin_path(struct api_server *s)
{
	return arena_print(&s->pki->arena, "%.*s/admin.kubeconfig", STRF(s->options->data_dir)).at;
}

static int write_kubeconfig(struct api_server *s, uint16_t port, const struct cert *cert,
	const struct key *key, struct err *err)
{
	struct pki *p = s->pki;
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB), ca = BUF_INIT(FILE_MAX),
				       crt = BUF_INIT(FILE_MAX), private_ = BUF_INIT(FILE_MAX);
	const struct certs *roots = p->ca.count ? &p->ca : &p->serving;

	for (size_t i = 0; i < roots->count; i++)
		cert_print_pem(roots->items[i], &ca);
	cert_print_pem(cert, &crt);
	key_print_pem(key, &private_);
	buf_add_text(&out, "apiVersion: v1\nkind: Config\nclusters:\n- name: kube\n  cluster:\n"
			   "    server: ");
	add_server_url(s, port, &out);
	buf_add_text(&out, "\n    certificate-authority-data: ");
	base64_encode(&out, buf_str(&ca));
	buf_add_text(&out, "\nusers:\n- name: admin\n  user:\n    client-certificate-data: ");
	base64_encode(&out, buf_str(&crt));
	buf_add_text(&out, "\n    client-key-data: ");
	base64_encode(&out, buf_str(&private_));
	buf_add_text(&out, "\ncontexts:\n- name: kube\n  context:\n    cluster: kube\n"
			   "    user: admin\ncurrent-context: kube\n");
	return keep_file(s->env, admin_path(s), buf_str(&out), 0600, err);
}

static int write_admin(struct api_server *s, uint16_t port, struct err *err)
{
	struct pki *p = s->pki;
	static const struct str masters = STR_INIT("system:masters");
	struct certs certs = {0};
	struct key *key = NULL;
	int code = key_at(s, path_of(p, "admin.key"), KEY_ECDSA_P256, &key, err);

	if (!code && (read_certs(s->env, path_of(p, "admin.crt"), &certs, NULL) ||
			     !fresh(certs.items[0], env_wall(s->env)))) {
		const struct cert_request request = {
			.subject = {.common_name = STR("kubernetes-admin"),
				.organizations = &masters,
				.organization_count = 1},
			.usages = CERT_CLIENT};

		code = issue(
			s, &request, key, p->client_roots.items[0], p->client_ca_key, &certs, err);
		if (!code)
			code = write_cert(s->env, path_of(p, "admin.crt"), certs.items[0], err);
	}
	if (!code)
		code = write_kubeconfig(s, port, certs.items[0], key, err);
	certs_done(&certs);
	key_unref(key);
	return code;
}

static bool has_admin(struct api_server *s)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	return disk_read_file(s->env->disk, admin_path(s), &text, NULL) == 0;
}

/* An older one is better than no server: what cannot be renewed today is at the next start. */
int pki_write_admin(struct api_server *s, uint16_t port, struct err *err)
{
	_cleanup_(err_done) struct err unwritten = {0};
	int code = write_admin(s, port, &unwritten);

	if (!code)
		return 0;
	if (!has_admin(s))
		return err_move(err, &unwritten);
	log_warning(&unwritten, "admin.kubeconfig stays as it was");
	return 0;
}

int pki_issue_client(struct api_server *s, struct str name, struct str organization,
	struct certs *chain, struct key **key, struct err *err)
{
	struct pki *p = s->pki;
	const struct cert_request request = {.subject = {.common_name = name,
						     .organizations = &organization,
						     .organization_count = 1},
		.usages = CERT_CLIENT};

	return issue_with_key(
		s, &request, p->client_roots.items[0], p->client_ca_key, chain, key, err);
}

int pki_front_proxy_roots(struct api_server *s, const struct certs **roots, struct err *err)
{
	struct pki *p = s->pki;
	int code = 0;

	if (!p->front_proxy_roots.count)
		code = authority(s, p, "front-proxy-ca", STR("front-proxy-ca"), &p->front_proxy_key,
			&p->front_proxy_roots, err);
	*roots = &p->front_proxy_roots;
	return code;
}

int pki_issue_front_proxy(
	struct api_server *s, struct certs *chain, struct key **key, struct err *err)
{
	const struct cert_request request = {
		.subject.common_name = STR("front-proxy-client"), .usages = CERT_CLIENT};
	const struct certs *roots;
	int code = pki_front_proxy_roots(s, &roots, err);

	return code ? code
		    : issue_with_key(s, &request, roots->items[0], s->pki->front_proxy_key, chain,
			      key, err);
}

static int open_client_roots(struct api_server *s, struct pki *p, struct err *err)
{
	const struct api_options *o = s->options;
	struct certs given = {0};
	int code = authority(
		s, p, "client-ca", STR("kube-client-ca"), &p->client_ca_key, &p->client_roots, err);

	if (code || !o->client_ca_file.len)
		return code;
	/* Those of the flag besides our own, so that admin.kubeconfig works in any case. */
	code = read_certs(s->env, arena_str(&p->arena, o->client_ca_file).at, &given, err);
	if (code)
		return code;
	size_t have = p->client_roots.count;
	p->client_roots.items =
		mem_resize(p->client_roots.items, (have + given.count) * sizeof(struct cert *));
	for (size_t i = 0; i < given.count; i++)
		p->client_roots.items[have + i] = cert_ref(given.items[i]);
	p->client_roots.count = have + given.count;
	certs_done(&given);
	return 0;
}

/* ---- service account tokens ---- */

/* RSA: every library that verifies tokens knows RS256, some know nothing else. */
static int own_signing(struct api_server *s, struct pki *p, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	int code = key_at(s, path_of(p, "sa.key"), KEY_RSA_2048, &p->signing, err);

	if (code)
		return code;
	key_print_public_pem(p->signing, &text);
	return keep_file(s->env, path_of(p, "sa.pub"), buf_str(&text), 0644, err);
}

static int open_signing(struct api_server *s, struct pki *p, struct err *err)
{
	const struct api_options *o = s->options;
	const char *signing =
		o->sa_signing_key_file.len ? arena_str(&p->arena, o->sa_signing_key_file).at : NULL;
	int code = signing ? read_key(s->env, signing, &p->signing, err) : own_signing(s, p, err);

	if (code)
		return code;
	p->verifying = mem_new((1 + o->sa_key_files.count) * sizeof(struct key *));
	p->verifying[p->verifying_count++] = key_ref(p->signing);
	for (size_t i = 0; i < o->sa_key_files.count && !code; i++) {
		struct key *key;

		code = read_key(
			s->env, arena_str(&p->arena, o->sa_key_files.items[i]).at, &key, err);
		if (code)
			break;
		if (key_same(key, p->signing))
			key_unref(key);
		else
			p->verifying[p->verifying_count++] = key;
	}
	return code;
}

/* ---- together ---- */

int pki_open(struct api_server *s, struct pki **pki, struct err *err)
{
	struct pki *p = mem_new(sizeof(*p));

	arena_init(&p->arena);
	p->dir = s->options->cert_dir;
	*pki = s->pki = p;
	int code = disk_make_dirs(s->env->disk, arena_str(&p->arena, p->dir).at, 0700, err);
	if (!code)
		code = open_client_roots(s, p, err);
	if (!code)
		code = open_serving(s, p, err);
	if (!code)
		code = open_signing(s, p, err);
	if (!code)
		code = configure(s, p, err);
	return code;
}

void pki_close(struct pki *p)
{
	if (!p)
		return;
	certs_done(&p->ca);
	certs_done(&p->client_roots);
	certs_done(&p->serving);
	certs_done(&p->front_proxy_roots);
	key_unref(p->front_proxy_key);
	key_unref(p->ca_key);
	key_unref(p->client_ca_key);
	key_unref(p->serving_key);
	key_unref(p->signing);
	for (size_t i = 0; i < p->verifying_count; i++)
		key_unref(p->verifying[i]);
	mem_free(p->verifying);
	if (p->tls)
		tls_config_unref(p->tls);
	arena_done(&p->arena);
	mem_free(p);
}
