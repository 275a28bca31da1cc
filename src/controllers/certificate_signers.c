/* What each of upstream's signers wants to see in a request. */
#include "certificate_signers.h"

#define KUBELET_CLIENT  "kubernetes.io/kube-apiserver-client-kubelet"
#define KUBELET_SERVING "kubernetes.io/kubelet-serving"
#define API_CLIENT      "kubernetes.io/kube-apiserver-client"
#define LEGACY          "kubernetes.io/legacy-unknown"

int certificate_signer_of(struct str name)
{
	static const char *const names[CONTROLLERS_SIGNERS] = {
		[SIGNER_KUBELET_SERVING] = KUBELET_SERVING,
		[SIGNER_KUBELET_CLIENT] = KUBELET_CLIENT,
		[SIGNER_API_CLIENT] = API_CLIENT,
		[SIGNER_LEGACY] = LEGACY};

	for (int i = 0; i < CONTROLLERS_SIGNERS; i++)
		if (str_eq_text(name, names[i]))
			return i;
	return -1;
}

/* ---- usages ---- */

static const struct {
	const char *name;
	unsigned key, extended;
} usages[] = {
	{"signing", CERT_DIGITAL_SIGNATURE, 0},
	{"digital signature", CERT_DIGITAL_SIGNATURE, 0},
	{"content commitment", CERT_CONTENT_COMMITMENT, 0},
	{"key encipherment", CERT_KEY_ENCIPHERMENT, 0},
	{"key agreement", CERT_KEY_AGREEMENT, 0},
	{"data encipherment", CERT_DATA_ENCIPHERMENT, 0},
	{"cert sign", CERT_SIGN_CERTIFICATES, 0},
	{"crl sign", CERT_SIGN_REVOCATIONS, 0},
	{"encipher only", CERT_ENCIPHER_ONLY, 0},
	{"decipher only", CERT_DECIPHER_ONLY, 0},
	{"any", 0, CERT_ANY_USAGE},
	{"server auth", 0, CERT_SERVER},
	{"client auth", 0, CERT_CLIENT},
	{"code signing", 0, CERT_CODE_SIGNING},
	{"email protection", 0, CERT_EMAIL},
	{"s/mime", 0, CERT_EMAIL},
	{"ipsec end system", 0, CERT_IPSEC_END_SYSTEM},
	{"ipsec tunnel", 0, CERT_IPSEC_TUNNEL},
	{"ipsec user", 0, CERT_IPSEC_USER},
	{"timestamping", 0, CERT_TIME_STAMPING},
	{"ocsp signing", 0, CERT_OCSP_SIGNING},
	{"microsoft sgc", 0, CERT_MICROSOFT_SGC},
	{"netscape sgc", 0, CERT_NETSCAPE_SGC},
};

bool certificate_add_usage(struct str name, struct cert_request *to)
{
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		if (str_eq_text(name, usages[i].name)) {
			to->key_usage |= usages[i].key;
			to->usages |= usages[i].extended;
			return true;
		}
	return false;
}

/* Exactly these, key encipherment apart, which only RSA keys need. */
static bool has_usages(const struct cJSON *request, const char *auth)
{
	bool signature = false, right = false;

	json_each (usage, json_path(request, "spec.usages")) {
		struct str name = json_str(usage);

		if (str_eq_text(name, "digital signature"))
			signature = true;
		else if (str_eq_text(name, auth))
			right = true;
		else if (!str_eq_text(name, "key encipherment"))
			return false;
	}
	return signature && right;
}

/* ---- what a signer wants ---- */

static bool is_of_nodes(const struct cert_info *info)
{
	return info->subject.organization_count == 1 &&
	       str_eq_text(info->subject.organizations[0], "system:nodes");
}

static bool is_of_node(const struct cert_info *info)
{
	return str_starts(info->subject.common_name, STR("system:node:"));
}

const char *certificate_client_fault(const struct cert_info *info, const struct cJSON *request)
{
	if (!is_of_nodes(info))
		return "subject organization is not system:nodes";
	if (info->dns_count)
		return "DNS subjectAltNames are not allowed";
	if (info->email_count)
		return "Email subjectAltNames are not allowed";
	if (info->ip_count)
		return "IP subjectAltNames are not allowed";
	if (info->uri_count)
		return "URI subjectAltNames are not allowed";
	if (!is_of_node(info))
		return "subject common name does not begin with system:node:";
	if (!has_usages(request, "client auth"))
		return "usages did not match [client auth digital signature key encipherment]";
	return NULL;
}

static const char *serving_fault(const struct cert_info *info, const struct cJSON *request)
{
	if (!is_of_nodes(info))
		return "subject organization is not system:nodes";
	if (!info->dns_count && !info->ip_count)
		return "DNS or IP subjectAltName is required";
	if (info->email_count)
		return "Email subjectAltNames are not allowed";
	if (info->uri_count)
		return "URI subjectAltNames are not allowed";
	if (!has_usages(request, "server auth"))
		return "usages did not match [digital signature key encipherment server auth]";
	if (!is_of_node(info))
		return "subject common name does not begin with system:node:";
	return NULL;
}

static const char *api_client_fault(struct arena *a, const struct cJSON *request)
{
	bool right = false;

	json_each (usage, json_path(request, "spec.usages")) {
		struct str name = json_str(usage);

		if (str_eq_text(name, "client auth"))
			right = true;
		else if (!str_eq_text(name, "digital signature") &&
			 !str_eq_text(name, "key encipherment"))
			return arena_print(
				a, "invalid usage for client certificate: %.*s", STRF(name))
				.at;
	}
	return right ? NULL : "missing required usage for client certificate: client auth";
}

bool certificate_is_ours(struct arena *a, const struct cert_info *info, const struct cJSON *request,
	const char **fault)
{
	struct str signer = tree_str(request, "spec.signerName");

	*fault = NULL;
	if (str_eq_text(signer, KUBELET_CLIENT))
		*fault = certificate_client_fault(info, request);
	else if (str_eq_text(signer, KUBELET_SERVING))
		*fault = serving_fault(info, request);
	else if (str_eq_text(signer, API_CLIENT))
		*fault = api_client_fault(a, request);
	else
		return str_eq_text(signer, LEGACY);
	return true;
}
