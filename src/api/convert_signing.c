/* Signing requests of the beta: whom they are for was guessed from what they ask for. */
#include "certificate_rules.h"
#include "convert.h"

#include <kube/x509.h>

#define SIGNING   (1 << 0)
#define ENCIPHERS (1 << 1)
#define CLIENT    (1 << 2)
#define SERVER    (1 << 3)
#define OTHER     (1 << 4)

static unsigned usage_set(const struct cJSON *spec)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = {{"digital signature", SIGNING}, {"key encipherment", ENCIPHERS},
		{"client auth", CLIENT}, {"server auth", SERVER}};
	unsigned set = 0;

	json_each (usage, json_get(spec, STR("usages"))) {
		unsigned bit = OTHER;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (str_eq_text(json_str(usage), known[i].name))
				bit = known[i].bit;
		set |= bit;
	}
	return set;
}

static bool is_of_node(const struct cert_info *info)
{
	return info->subject.organization_count == 1 &&
	       str_eq_text(info->subject.organizations[0], "system:nodes") &&
	       str_starts(info->subject.common_name, STR("system:node:")) && !info->email_count &&
	       !info->uri_count;
}

/* Keys that cannot encipher need not say that they will. */
static const char *signer_of(const struct cert_info *info, unsigned usages)
{
	bool names = info->dns_count || info->ip_count;

	usages &= ~(unsigned)ENCIPHERS;
	if (is_of_node(info) && !names && usages == (SIGNING | CLIENT))
		return "kubernetes.io/kube-apiserver-client-kubelet";
	if (is_of_node(info) && names && usages == (SIGNING | SERVER))
		return "kubernetes.io/kubelet-serving";
	return "kubernetes.io/legacy-unknown";
}

static const char *guess_signer(struct arena *a, const struct cJSON *spec)
{
	const char *signer = "kubernetes.io/legacy-unknown";
	struct cert *csr = NULL;
	struct str label, der;

	if (!pem_first(a, json_str(json_get(spec, STR("request"))), &label, &der) ||
		!str_eq_text(label, "CERTIFICATE REQUEST") || csr_parse_der(der, &csr, NULL))
		return signer;
	signer = signer_of(cert_info(csr), usage_set(spec));
	cert_unref(csr);
	return signer;
}

static void default_usages(struct arena *a, struct cJSON *object)
{
	struct cJSON *usages = json_new(a, JSON_ARRAY);

	if (json_count(json_path(object, "spec.usages")))
		return;
	json_append(usages, json_new_str(a, STR("digital signature")));
	json_append(usages, json_new_str(a, STR("key encipherment")));
	tree_set(a, object, "spec.usages", usages);
}

void signing_defaults_beta1(struct arena *a, struct cJSON *object)
{
	default_usages(a, object);
	if (!tree_has(object, "spec.signerName"))
		tree_set_str(a, object, "spec.signerName",
			str_from(guess_signer(a, json_get(object, STR("spec")))));
	json_each (condition, json_path(object, "status.conditions"))
		if (!tree_str(condition, "status").len)
			tree_set_str(a, condition, "status", STR("True"));
}
