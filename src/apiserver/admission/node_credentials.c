/* NodeRestriction: tokens of a node's own pods, certificates of its own name. */
#include "node_restriction.h"

#include "access.h"
#include "api_options.h"

#include <kube/codec.h>
#include <kube/x509.h>

struct status *node_pod_not_found(struct admission_review *a)
{
	struct status *s = status_not_found(a->arena, a->resource, a->name);

	s->kind = STR("pod");
	s->message = arena_print(a->arena, "pod \"%.*s\" not found", STRF(a->name));
	return s;
}

const struct cJSON *node_standing_pod(struct admission_review *a, struct str name)
{
	return server_read(a->server, a->arena, "", "pods", a->namespace, name);
}

/* ---- tokens ---- */

static bool driver_wants(struct admission_review *a, struct str driver, struct str audience)
{
	const struct cJSON *tree =
		server_read(a->server, a->arena, "storage.k8s.io", "csidrivers", STR(""), driver);

	json_each (token, json_path(tree, "spec.tokenRequests"))
		if (str_eq(tree_str(token, "audience"), audience))
			return true;
	return false;
}

static struct str driver_of_claim(struct admission_review *a, struct str claim)
{
	const struct cJSON *tree =
		server_read(a->server, a->arena, "", "persistentvolumeclaims", a->namespace, claim);
	struct str volume = tree_str(tree, "spec.volumeName");

	return volume.len ? tree_str(server_read(a->server, a->arena, "", "persistentvolumes",
					     STR(""), volume),
				    "spec.csi.driver")
			  : (struct str){0};
}

static bool volume_wants(struct admission_review *a, const struct cJSON *pod,
	const struct cJSON *volume, struct str audience)
{
	struct str driver = tree_str(volume, "csi.driver");
	struct str claim = tree_str(volume, "persistentVolumeClaim.claimName");

	json_each (source, json_path(volume, "projected.sources"))
		if (tree_has(source, "serviceAccountToken") &&
			str_eq(tree_str(source, "serviceAccountToken.audience"), audience))
			return true;
	if (tree_has(volume, "ephemeral"))
		claim = arena_print(a->arena, "%.*s-%.*s", STRF(tree_str(pod, "metadata.name")),
			STRF(tree_str(volume, "name")));
	if (claim.len)
		driver = driver_of_claim(a, claim);
	return driver.len && driver_wants(a, driver, audience);
}

/* A node may ask for what the pod's volumes show, or what it was granted by name. */
static struct status *check_audience(struct node_check *c, const struct cJSON *pod)
{
	struct admission_review *a = c->review;
	const struct cJSON *audiences = json_path(a->object, "spec.audiences");
	struct str audience = json_str(json_first(audiences)), reason;
	struct access_query q = {.user = a->user,
		.verb = STR("request-serviceaccounts-token-audience"),
		.is_resource = true,
		.group = STR(""),
		.version = STR("v1"),
		.resource = audience,
		.namespace = a->namespace,
		.name = a->name,
		.request = a->request};

	if (json_count(audiences) > 1)
		return admission_forbidden(a, "node may only request 0 or 1 audiences");
	json_each (volume, json_path(pod, "spec.volumes"))
		if (volume_wants(a, pod, volume, audience))
			return NULL;
	if (authz_ask(a->server->authz, a->arena, &q, &reason) == ACCESS_ALLOW)
		return NULL;
	return admission_forbidden(a, "audience %.*s not found in pod spec volume",
		STRF(field_quote(a->arena, audience)));
}

struct status *node_check_token(struct node_check *c)
{
	struct admission_review *a = c->review;
	const struct cJSON *ref = json_path(a->object, "spec.boundObjectRef"), *pod;
	struct str uid = tree_str(ref, "uid"), name = tree_str(ref, "name");

	if (a->operation != ADMIT_CREATE || !str_eq_text(a->subresource, "token"))
		return NULL;
	if (!str_eq_text(tree_str(ref, "apiVersion"), "v1") ||
		!str_eq_text(tree_str(ref, "kind"), "Pod") || !name.len)
		return admission_forbidden(a, "node requested token not bound to a pod");
	if (!uid.len)
		return admission_forbidden(
			a, "node requested token with a pod binding without a uid");
	pod = node_standing_pod(a, name);
	if (!pod) {
		struct admission_review of_pod = *a;

		of_pod.name = name;
		return node_pod_not_found(&of_pod);
	}
	if (!str_eq(uid, tree_str(pod, "metadata.uid")))
		return admission_forbidden(a,
			"the UID in the bound object reference (%.*s) does not match the UID in "
			"record. The object might have been deleted and then recreated",
			STRF(uid));
	if (!str_eq(tree_str(pod, "spec.nodeName"), c->node))
		return admission_forbidden(
			a, "node requested token bound to a pod scheduled on a different node");
	return check_audience(c, pod);
}

/* ---- certificates ---- */

struct status *node_check_request(struct node_check *c)
{
	struct admission_review *a = c->review;
	struct str signer = tree_str(a->object, "spec.signerName"), name, text;
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cert *csr = NULL;

	if (a->operation != ADMIT_CREATE ||
		(!str_eq_text(signer, "kubernetes.io/kubelet-serving") &&
			!str_eq_text(signer, "kubernetes.io/kube-apiserver-client-kubelet")) ||
		api_gate(a->server->options, "AllowInsecureKubeletCertificateSigningRequests"))
		return NULL;
	if (base64_decode(&pem, tree_str(a->object, "spec.request"), &err) ||
		csr_parse_pem(buf_str(&pem), &csr, &err))
		return admission_forbidden(a, "unable to parse csr: %s", err_text(&err));
	name = arena_str(a->arena, cert_info(csr)->subject.common_name);
	cert_unref(csr);
	text = arena_print(a->arena, "system:node:%.*s", STRF(c->node));
	if (str_eq(name, text))
		return NULL;
	return admission_forbidden(a, "can only create a node CSR with CN=%.*s", STRF(text));
}
