#include "own_certificates.h"
#include "asked_certificate.h"
#include "server.h"

#include <kube/mem.h>
#include <kube/tls.h>

struct own_certificates {
	struct kubelet *k;
	struct asked_certificate *server, *client; /* NULL: it is not the cluster's */
	char *name;                                /* that of a node among users */
	struct str common_name;
};

static const struct str organization = STR_INIT("system:nodes");

static struct cert_request wish_of(const struct own_certificates *c)
{
	return (struct cert_request){.subject = {.common_name = c->common_name,
					     .organizations = &organization,
					     .organization_count = 1}};
}

/* ---- of the server ---- */

static bool is_for(const struct cert_info *i, const struct kubelet_options *o)
{
	bool all = false;

	for (size_t n = 0; n < i->dns_count; n++)
		all |= str_eq(i->dns[n], o->hostname);
	for (size_t k = 0; k < o->node_ip_count; k++) {
		bool found = false;

		for (size_t n = 0; n < i->ip_count; n++)
			found |= ip_eq(&i->ips[n], &o->node_ips[k]);
		all &= found;
	}
	return all;
}

static int serve_with(
	void *ctx, const struct cert_info *info, struct str chain, struct str key, struct err *err)
{
	struct own_certificates *c = ctx;
	const struct kubelet_options *o = &c->k->options;
	struct tls_config *tls;

	if (!is_for(info, o))
		return err_set(err, ERR_CERTIFICATE, "the certificate is for other addresses");
	if (o->serve_tls(o->tls_ctx, chain, key, &tls, err))
		return err->code;
	kubelet_server_set_tls(c->k->server, tls);
	tls_config_unref(tls);
	return 0;
}

static struct asked_certificate *ask_for_server(struct own_certificates *c)
{
	struct kubelet *k = c->k;
	const struct kubelet_options *o = &k->options;
	struct asked_options options = {.env = k->base.env,
		.client = k->base.client,
		.scope = &k->scope,
		.what = "the node's server",
		.signer = "kubernetes.io/kubelet-serving",
		.usage = "server auth",
		.wish = wish_of(c),
		.use = serve_with,
		.ctx = c};

	if (!k->server || !k->configuration.server_tls_bootstrap || !o->serve_tls)
		return NULL;
	options.wish.dns = &o->hostname;
	options.wish.dns_count = 1;
	options.wish.ips = o->node_ips;
	options.wish.ip_count = o->node_ip_count;
	options.path =
		arena_print(&k->arena, "%.*s/pki/kubelet-server-current.pem", STRF(o->root_dir));
	return asked_certificate_new(&options);
}

/* ---- of the client ---- */

static int show(
	void *ctx, const struct cert_info *info, struct str chain, struct str key, struct err *err)
{
	struct own_certificates *c = ctx;

	if (!str_eq(info->subject.common_name, c->common_name))
		return err_set(err, ERR_CERTIFICATE, "the certificate is somebody else's");
	return client_show(c->k->base.client, chain, key, err);
}

static struct asked_certificate *ask_for_client(struct own_certificates *c)
{
	struct kubelet *k = c->k;
	const struct kubelet_options *o = &k->options;
	const struct asked_options options = {.env = k->base.env,
		.client = k->base.client,
		.scope = &k->scope,
		.what = "the node's requests",
		.signer = "kubernetes.io/kube-apiserver-client-kubelet",
		.usage = "client auth",
		.wish = wish_of(c),
		.path = o->client_certificate_file,
		.first = o->client_certificate,
		.use = show,
		.ctx = c};

	if (!k->configuration.rotate_certificates || !o->client_certificate_file.len ||
		!client_shows(k->base.client))
		return NULL;
	return asked_certificate_new(&options);
}

/* ---- both ---- */

struct own_certificates *own_certificates_new(struct kubelet *k)
{
	struct own_certificates *c = mem_new(sizeof(*c));

	c->k = k;
	c->name = mem_print("system:node:%.*s", STRF(k->options.node_name));
	c->common_name = str_from(c->name);
	c->server = ask_for_server(c);
	c->client = ask_for_client(c);
	return c;
}

void own_certificates_free(struct own_certificates *c)
{
	asked_certificate_free(c->server);
	asked_certificate_free(c->client);
	mem_free(c->name);
	mem_free(c);
}
