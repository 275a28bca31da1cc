#include "node_proof.h"
#include "process.h"

#include <kube/log.h>
#include <kube/x509.h>

#define FILE_NAME "kubelet-client-current.pem"

static struct str path_of(
	struct arena *a, struct str kubeconfig, const struct client_config *config)
{
	struct str directory, file;

	if (!config->cert_data.len && str_ends(config->cert_file, STR("/" FILE_NAME)))
		return config->cert_file;
	if (!str_cut_last(kubeconfig, '/', &directory, &file))
		directory = STR(".");
	return arena_print(a, "%.*s/" FILE_NAME, STRF(directory));
}

/* A pair that can be shown now. */
static int check(struct str text, struct err *err)
{
	struct certs chain = {0};
	struct key *key = NULL;
	int code = certs_parse_pem(text, &chain, err);

	if (!code)
		code = key_parse(text, &key, err);
	if (!code && !key_same(key, cert_key(chain.items[0])))
		code = err_set(err, ERR_CERTIFICATE, "the certificate is of another key");
	if (!code && cert_info(chain.items[0])->not_after <= clock_wall())
		code = err_set(err, ERR_CERTIFICATE, "the certificate has ended");
	certs_done(&chain);
	key_unref(key);
	return code;
}

int node_proof_choose(struct arena *a, struct str kubeconfig, struct client_config *config,
	struct kubelet_options *o, struct err *err)
{
	struct str path = path_of(a, kubeconfig, config), text = {0};
	struct err why = {0};

	o->client_certificate_file = path;
	if (!process_read_file(a, "kubeconfig", path, &text, &why) && !check(text, &why)) {
		config->cert_data = config->key_data = (struct str){0};
		config->cert_file = config->key_file = path;
		o->client_certificate = text;
		return 0;
	}
	if (why.code != ERR_NOT_FOUND)
		log_warning(&why, "the node's last certificate is not shown");
	err_done(&why);
	o->client_certificate = config->cert_data;
	if (config->cert_data.len || !config->cert_file.len)
		return 0;
	return process_read_file(a, "kubeconfig", config->cert_file, &o->client_certificate, err);
}
