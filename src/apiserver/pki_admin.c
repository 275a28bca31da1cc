/* The administrator's certificate, and the kubeconfig that has it. */
#include "pki_own.h"

#include <kube/codec.h>
#include <kube/log.h>

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
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB), ca = BUF_INIT(PKI_FILE_MAX),
				       crt = BUF_INIT(PKI_FILE_MAX),
				       private_ = BUF_INIT(PKI_FILE_MAX);
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
	return pki_keep_file(s->env, admin_path(s), buf_str(&out), 0600, err);
}

static int write_admin(struct api_server *s, uint16_t port, struct err *err)
{
	struct pki *p = s->pki;
	static const struct str masters = STR_INIT("system:masters");
	struct certs certs = {0};
	struct key *key = NULL;
	int code = pki_key_at(s, pki_path(p, "admin.key"), KEY_ECDSA_P256, &key, err);

	if (!code && (pki_read_certs(s->env, pki_path(p, "admin.crt"), &certs, NULL) ||
			     !pki_is_fresh(certs.items[0], env_wall(s->env)))) {
		const struct cert_request request = {
			.subject = {.common_name = STR("kubernetes-admin"),
				.organizations = &masters,
				.organization_count = 1},
			.usages = CERT_CLIENT};

		code = pki_issue(
			s, &request, key, p->client_roots.items[0], p->client_ca_key, &certs, err);
		if (!code)
			code = pki_write_cert(
				s->env, pki_path(p, "admin.crt"), certs.items[0], err);
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
