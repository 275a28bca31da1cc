/* Certificate requests: who may approve, who may sign, and what no one may ask for. */
#include "plugins.h"

#include "access.h"

#include <kube/codec.h>
#include <kube/x509.h>

#define GROUP "certificates.k8s.io"

static bool is_request(const struct admission_review *a, const char *subresource)
{
	return resource_is(a->resource, "certificatesigningrequests") &&
	       str_eq_text(a->subresource, subresource);
}

/* For the signer itself, or for all of its domain: "example.com/" and a star. */
static bool may(
	struct admission_review *a, const char *verb, const char *resource, struct str signer)
{
	struct access_query q = {.user = a->user,
		.verb = str_from(verb),
		.is_resource = true,
		.group = STR(GROUP),
		.version = STR("*"),
		.resource = str_from(resource),
		.name = signer,
		.request = a->request};
	struct str domain, path, reason;

	if (authz_ask(a->server->authz, a->arena, &q, &reason) == ACCESS_ALLOW)
		return true;
	if (!str_cut(signer, '/', &domain, &path))
		return false;
	q.name = arena_print(a->arena, "%.*s/*", STRF(domain));
	return authz_ask(a->server->authz, a->arena, &q, &reason) == ACCESS_ALLOW;
}

struct status *validate_approval(struct admission_review *a)
{
	struct str signer = tree_str(a->object, "spec.signerName");

	if (!is_request(a, "approval") || may(a, "approve", "signers", signer))
		return NULL;
	return admission_forbidden(
		a, "user not permitted to approve requests with signerName \"%.*s\"", STRF(signer));
}

/* Conditions of failure are the signer's to set, too. */
static bool signs(const struct admission_review *a)
{
	if (!json_equal(json_path(a->object, "status.certificate"),
		    json_path(a->old, "status.certificate")))
		return true;
	return !json_equal(
		json_path(a->object, "status.conditions"), json_path(a->old, "status.conditions"));
}

struct status *validate_signing(struct admission_review *a)
{
	struct str signer = tree_str(a->old, "spec.signerName");

	if (!is_request(a, "status") || !signs(a) || may(a, "sign", "signers", signer))
		return NULL;
	return admission_forbidden(
		a, "user not permitted to sign requests with signerName \"%.*s\"", STRF(signer));
}

struct status *validate_attest(struct admission_review *a)
{
	struct str now = tree_str(a->object, "spec.signerName");
	struct str before = tree_str(a->old, "spec.signerName");

	if (!resource_is(a->resource, "clustertrustbundles") || !now.len)
		return NULL;
	if (a->old && json_equal(json_get(a->object, STR("spec")), json_get(a->old, STR("spec"))))
		return NULL;
	if (before.len && !may(a, "attest", "signers", before))
		return admission_forbidden(
			a, "user not permitted to attest for signerName \"%.*s\"", STRF(before));
	if (may(a, "attest", "signers", now))
		return NULL;
	return admission_forbidden(
		a, "user not permitted to attest for signerName \"%.*s\"", STRF(now));
}

/* ---- subjects ---- */

static bool asks_for_masters(struct str pem)
{
	struct cert *csr = NULL;
	bool found = false;

	if (csr_parse_pem(pem, &csr, NULL))
		return false;
	const struct cert_name *subject = &cert_info(csr)->subject;
	for (size_t i = 0; i < subject->organization_count; i++)
		found |= str_eq_text(subject->organizations[i], "system:masters");
	cert_unref(csr);
	return found;
}

struct status *validate_subject(struct admission_review *a)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);

	if (!is_request(a, "") || a->operation != ADMIT_CREATE ||
		!str_eq_text(tree_str(a->object, "spec.signerName"),
			"kubernetes.io/kube-apiserver-client"))
		return NULL;
	if (base64_decode(&pem, tree_str(a->object, "spec.request"), NULL) ||
		!asks_for_masters(buf_str(&pem)))
		return NULL;
	return admission_forbidden(a, "use of kubernetes.io/kube-apiserver-client signer with "
				      "system:masters group is not allowed");
}
