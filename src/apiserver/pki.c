#include "pki_own.h"

#include <kube/log.h>
#include <kube/mem.h>

#define YEAR          (365 * 24 * HOUR)
#define CA_LIFETIME   (10 * YEAR)
#define LEAF_LIFETIME YEAR
/* Renewed when a third of the life is left: clocks may be wrong, and machines switched off. */
#define RENEW_BEFORE (LEAF_LIFETIME / 3)
/*
 * A machine's clock may be ahead when it starts for the first time, and be set right later: what it
 * issued is good then, too.
 */
#define SLACK (24 * HOUR)

/* ---- authorities ---- */

static int64_t begins(struct api_server *s)
{
	return env_wall(s->env) - SLACK;
}

static int authority(struct api_server *s, struct pki *p, const char *name, struct str subject,
	struct key **key, struct certs *certs, struct err *err)
{
	const char *cert_path = pki_path(p, arena_print(&p->arena, "%s.crt", name).at);
	const char *key_path = pki_path(p, arena_print(&p->arena, "%s.key", name).at);
	int code = pki_key_at(s, key_path, KEY_ECDSA_P256, key, err);

	if (!code)
		code = pki_read_certs(s->env, cert_path, certs, err);
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
	code = pki_write_cert(s->env, cert_path, cert, err);
	if (!code) {
		certs->items = mem_new(sizeof(struct cert *));
		certs->items[0] = cert_ref(cert);
		certs->count = 1;
	}
	cert_unref(cert);
	return code;
}

/* ---- leaves ---- */

int pki_issue(struct api_server *s, const struct cert_request *what, struct key *key,
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
	code = pki_issue(s, what, *key, by, by_key, chain, err);
	if (code)
		key_unref(TAKE(*key));
	return code;
}

bool pki_is_fresh(const struct cert *cert, int64_t now)
{
	const struct cert_info *info = cert_info(cert);

	return info->not_before <= now && now < info->not_after - RENEW_BEFORE;
}

/* ---- serving ---- */

/* One that cannot be written serves all the same; the next start makes another. */
static int issue_serving(
	struct api_server *s, struct pki *p, const struct serving_names *n, struct err *err)
{
	_cleanup_(err_done) struct err unwritten = {0};
	const struct cert_request request = {.subject.common_name = STR("kube-apiserver"),
		.usages = CERT_SERVER,
		.dns = n->dns,
		.dns_count = n->dns_count,
		.ips = n->ips,
		.ip_count = n->ip_count};
	int code =
		pki_issue(s, &request, p->serving_key, p->ca.items[0], p->ca_key, &p->serving, err);

	if (code)
		return code;
	if (pki_write_cert(s->env, pki_path(p, "apiserver.crt"), p->serving.items[0], &unwritten))
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
		.only_tls13 = s->options->only_tls13,
		.suites = s->options->tls_suites.items,
		.suite_count = s->options->tls_suites.count,
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
	struct serving_names *names;
	int code;

	if (o->tls_cert_file.len) {
		p->renew_at = INT64_MAX;
		code = pki_read_key(
			s->env, arena_str(&p->arena, o->tls_key_file).at, &p->serving_key, err);
		return code ? code
			    : pki_read_certs(s->env, arena_str(&p->arena, o->tls_cert_file).at,
				      &p->serving, err);
	}
	code = authority(s, p, "ca", STR("kube-ca"), &p->ca_key, &p->ca, err);
	if (!code)
		code = pki_key_at(
			s, pki_path(p, "apiserver.key"), KEY_ECDSA_P256, &p->serving_key, err);
	if (code)
		return code;
	names = arena_new(&p->arena, sizeof(*names));
	serving_names_find(s, names);
	code = pki_read_certs(s->env, pki_path(p, "apiserver.crt"), &p->serving, NULL);
	if (code || !pki_is_fresh(p->serving.items[0], env_wall(s->env)) ||
		!serving_names_covered(p->serving.items[0], names) ||
		!key_same(cert_key(p->serving.items[0]), p->serving_key))
		code = issue_serving(s, p, names, err);
	if (!code)
		p->renew_at = cert_info(p->serving.items[0])->not_after - RENEW_BEFORE;
	return code;
}

int pki_renew(struct api_server *s, struct pki *p, bool *renewed, struct err *err)
{
	struct serving_names *names;
	int code;

	*renewed = false;
	if (p->renew_at == INT64_MAX)
		return 0;
	names = mem_new(sizeof(*names));
	serving_names_find(s, names);
	code = 0;
	if (!pki_is_fresh(p->serving.items[0], env_wall(s->env)) ||
		!serving_names_covered(p->serving.items[0], names)) {
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

/* ---- who this server is to others ---- */

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
	code = pki_read_certs(s->env, arena_str(&p->arena, o->client_ca_file).at, &given, err);
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
	_cleanup_(buf_done) struct buf text = BUF_INIT(PKI_FILE_MAX);
	int code = pki_key_at(s, pki_path(p, "sa.key"), KEY_RSA_2048, &p->signing, err);

	if (code)
		return code;
	key_print_public_pem(p->signing, &text);
	return pki_keep_file(s->env, pki_path(p, "sa.pub"), buf_str(&text), 0644, err);
}

static int open_signing(struct api_server *s, struct pki *p, struct err *err)
{
	const struct api_options *o = s->options;
	const char *signing =
		o->sa_signing_key_file.len ? arena_str(&p->arena, o->sa_signing_key_file).at : NULL;
	int code =
		signing ? pki_read_key(s->env, signing, &p->signing, err) : own_signing(s, p, err);

	if (code)
		return code;
	p->verifying = mem_new((1 + o->sa_key_files.count) * sizeof(struct key *));
	p->verifying[p->verifying_count++] = key_ref(p->signing);
	for (size_t i = 0; i < o->sa_key_files.count && !code; i++) {
		struct key *key;

		code = pki_read_key(
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
