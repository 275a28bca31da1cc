/* How registries are reached: where, and with which authorities. */
#include "image_store_private.h"

#include <kube/mem.h>
#include <kube/tls_engine.h>

#define AUTHORITIES_MAX (4 * MIB)

static const char *const system_authorities[] = {"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

void image_registries_copy(
	struct image_store *s, const struct image_registry *registries, size_t count)
{
	s->registries = arena_new(&s->arena, (count + 1) * sizeof(s->registries[0]));
	for (size_t i = 0; i < count; i++) {
		const struct image_registry *from = &registries[i];
		struct str *mirrors =
			arena_new(&s->arena, (from->mirror_count + 1) * sizeof(mirrors[0]));
		for (size_t k = 0; k < from->mirror_count; k++)
			mirrors[k] = arena_str(&s->arena, from->mirrors[k]);
		s->registries[s->registry_count++] =
			(struct image_registry){.host = arena_str(&s->arena, from->host),
				.mirrors = mirrors,
				.mirror_count = from->mirror_count,
				.insecure = from->insecure};
	}
}

static int read_authorities(const struct image_store *s, struct buf *pem, struct err *err)
{
	if (s->authorities) {
		int failed = disk_read_file(s->env->disk, s->authorities, pem, err);
		/* "not found" is what is said of images */
		return failed ? err_wrap(err, ERR_IO, "authorities of registries") : 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(system_authorities); i++) {
		if (!disk_read_file(s->env->disk, system_authorities[i], pem, NULL))
			return 0;
		buf_clear(pem);
	}
	return 0; /* then nobody is believed */
}

int image_registry_tls(const struct image_store *s, struct tls_config **tls, struct err *err)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(AUTHORITIES_MAX);
	static const char *const alpn[] = {"http/1.1", NULL};
	struct certs roots = {0};
	int failed = read_authorities(s, &pem, err);

	if (!failed && pem.len)
		failed = certs_parse_pem(buf_str(&pem), &roots, err);
	if (!failed) {
		struct tls_client_options options = {.roots = &roots, .alpn = alpn};
		failed = tls_config_new_client(&options, tls, err);
	}
	certs_done(&roots);
	return failed;
}

/* HTTP/1.1: a layer gets a connection and its whole window. */
void image_registry_open(struct image_store *s, struct tls_config *tls)
{
	struct http_client_options options = {.tls = tls, .no_http2 = true, .name = "registry"};

	http_proxy_from_env(&options);
	s->http = http_client_new(s->env, s->parent, &options);
}

static const struct image_registry *find_registry(const struct image_store *s, struct str domain)
{
	for (size_t i = 0; i < s->registry_count; i++)
		if (str_eq(s->registries[i].host, domain))
			return &s->registries[i];
	return NULL;
}

static bool is_loopback(struct str domain)
{
	struct str host = domain, port;

	if (str_starts(domain, STR("[::1]")))
		return true;
	str_cut(domain, ':', &host, &port);
	return str_eq_text(host, "localhost") || str_starts(host, STR("127."));
}

static struct str without_slash(struct str url)
{
	while (str_ends(url, STR("/")))
		url = str_sub(url, 0, url.len - 1);
	return url;
}

size_t image_registry_endpoints(const struct image_store *s, struct arena *a, struct str domain,
	struct str **urls, size_t *own_from)
{
	const struct image_registry *r = find_registry(s, domain);
	const struct image_registry *from =
		r && r->mirror_count ? r : find_registry(s, STR(IMAGE_REGISTRY_ANY));
	struct str host = str_eq_text(domain, "docker.io") ? STR("registry-1.docker.io") : domain;
	size_t n = 0;

	*urls = arena_new(a, ((from ? from->mirror_count : 0) + 2) * sizeof(**urls));
	for (; from && n < from->mirror_count; n++)
		(*urls)[n] = arena_str(a, without_slash(from->mirrors[n]));
	*own_from = n;
	if (!r || !r->insecure)
		(*urls)[n++] = arena_print(a, "https://%.*s", STRF(host));
	/* On this machine nobody listens in between. */
	if ((r && r->insecure) || is_loopback(domain))
		(*urls)[n++] = arena_print(a, "http://%.*s", STRF(host));
	return n;
}
