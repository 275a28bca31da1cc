#include "certificate_requests.h"

#include "certificate_signers.h"

#include <kube/codec.h>

#define BACKDATE     (5 * MINUTE)
#define SHORT        (8 * HOUR) /* so short a life is not made shorter by the backdating */
#define SHORTEST     (10 * MINUTE)
#define KEPT_DECIDED HOUR
#define KEPT_PENDING (24 * HOUR)

/* ---- reading ---- */

static const struct cJSON *condition_of(const struct cJSON *request, const char *type)
{
	json_each (condition, json_path(request, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

static bool is_true(const struct cJSON *request, const char *type)
{
	return str_eq_text(tree_str(condition_of(request, type), "status"), "True");
}

static bool has_certificate(const struct cJSON *request)
{
	return tree_str(request, "status.certificate").len > 0;
}

/* The first block of base64 text that holds PEM. */
static bool first_block(struct str base64, const char *label, struct buf *der)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct pem_block block;
	struct str rest;
	bool found;

	if (base64_decode(&text, base64, NULL))
		return false;
	rest = buf_str(&text);
	if (!pem_next(&rest, &block, NULL))
		return false;
	found = str_eq_text(block.label, label);
	if (found)
		buf_add_str(der, buf_str(&block.der));
	pem_block_done(&block);
	return found;
}

static struct cert *read_request(const struct cJSON *request, struct plan *p)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cert *csr = NULL;

	if (!first_block(tree_str(request, "spec.request"), "CERTIFICATE REQUEST", &der))
		plan_fail(p,
			"unable to parse csr \"%.*s\": PEM block type must be CERTIFICATE "
			"REQUEST",
			STRF(tree_str(request, "metadata.name")));
	else if (csr_parse_der(buf_str(&der), &csr, &err))
		plan_fail(p, "unable to parse csr \"%.*s\": %s",
			STRF(tree_str(request, "metadata.name")), err_text(&err));
	return csr;
}

/* ---- approving ---- */

static struct cJSON *review_of(struct arena *a, const struct cJSON *request, const char *right)
{
	static const char *const copied[] = {"uid", "groups", "extra"};
	struct cJSON *spec = json_new(a, JSON_OBJECT);
	const struct cJSON *from = json_get(request, STR("spec"));

	tree_set_str(a, spec, "user", tree_str(from, "username"));
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		if (json_get(from, str_from(copied[i])))
			tree_set(a, spec, copied[i],
				json_copy(a, json_get(from, str_from(copied[i]))));
	tree_set_str(a, spec, "resourceAttributes.group", STR("certificates.k8s.io"));
	tree_set_str(a, spec, "resourceAttributes.resource", STR("certificatesigningrequests"));
	tree_set_str(a, spec, "resourceAttributes.verb", STR("create"));
	tree_set_str(a, spec, "resourceAttributes.subresource", str_from(right));
	return spec;
}

static void add_condition(struct arena *a, struct cJSON *request, const char *type,
	const char *reason, const char *message)
{
	struct cJSON *list = json_path(request, "status.conditions");
	struct cJSON *condition = json_new(a, JSON_OBJECT);

	if (!json_is(list, JSON_ARRAY)) {
		list = json_new(a, JSON_ARRAY);
		tree_set(a, request, "status.conditions", list);
	}
	tree_set_str(a, condition, "type", str_from(type));
	tree_set_str(a, condition, "status", STR("True"));
	tree_set_str(a, condition, "reason", str_from(reason));
	tree_set_str(a, condition, "message", str_from(message));
	json_append(list, condition);
}

void certificate_approve(struct plan *p, const struct resource *r, struct cJSON *request, int asked)
{
	static const struct {
		const char *right, *message;
	} ways[] = {
		{"selfnodeclient", "Auto approving self kubelet client certificate after "
				   "SubjectAccessReview."},
		{"nodeclient",
			"Auto approving kubelet client certificate after SubjectAccessReview."},
	};
	struct cert *csr;

	if (has_certificate(request) || condition_of(request, "Approved") ||
		condition_of(request, "Denied") ||
		certificate_signer_of(tree_str(request, "spec.signerName")) !=
			SIGNER_KUBELET_CLIENT)
		return;
	csr = read_request(request, p);
	if (!csr)
		return;
	const struct cert_info *info = cert_info(csr);
	bool own = str_eq(tree_str(request, "spec.username"), info->subject.common_name);
	int way = asked ? 1 : own ? 0 : 1;
	if (!certificate_client_fault(info, request) && asked < (own ? 2 : 1)) {
		plan_allowed(p, review_of(p->arena, request, ways[way].right));
		add_condition(p->arena, request, "Approved", "AutoApproved", ways[way].message);
		plan_approve(p, r, request);
	}
	cert_unref(csr);
}

/* ---- signing ---- */

static int64_t lifetime_of(const struct cJSON *request, int64_t most)
{
	int64_t seconds = tree_int(request, "spec.expirationSeconds", -1), asked;

	if (seconds < 0)
		return most;
	asked = seconds > most / SEC ? most : seconds * SEC;
	return asked < SHORTEST ? SHORTEST : asked;
}

static int issue(const struct cJSON *request, const struct cert *csr,
	const struct certificate_signer *s, int64_t now, struct buf *pem, struct err *err)
{
	const struct cert_info *info = cert_info(csr);
	int64_t lifetime = lifetime_of(request, s->lifetime);
	struct cert_request wish = {.subject_der = info->subject_der,
		.now = now,
		.lifetime = lifetime < SHORT ? lifetime : lifetime - BACKDATE,
		.backdate = BACKDATE,
		.path_length = -1,
		.asked = true,
		.dns = info->dns,
		.dns_count = info->dns_count,
		.ips = info->ips,
		.ip_count = info->ip_count,
		.uris = info->uris,
		.uri_count = info->uri_count,
		.emails = info->emails,
		.email_count = info->email_count};
	struct cert *made;

	json_each (usage, json_path(request, "spec.usages"))
		if (!certificate_add_usage(json_str(usage), &wish))
			return err_set(err, ERR_INVALID, "unrecognized usage values: [%.*s]",
				STRF(json_str(usage)));
	int code = cert_issue(&wish, cert_key(csr), s->chain.items[0], s->key, &made, err);
	if (code)
		return code;
	cert_print_pem(made, pem);
	cert_unref(made);
	return 0;
}

static void sign(struct plan *p, const struct resource *r, struct cJSON *request,
	const struct cert *csr, const struct certificate_signer *s, int64_t now)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB), text = BUF_INIT(2 * MIB);
	_cleanup_(err_done) struct err err = {0};

	if (issue(request, csr, s, now, &pem, &err)) {
		plan_fail(p, "error auto signing csr: %s", err_text(&err));
		return;
	}
	base64_encode(&text, buf_str(&pem));
	tree_set_str(p->arena, request, "status.certificate", buf_str(&text));
	plan_update_status(p, r, request);
}

void certificate_sign(struct plan *p, const struct resource *r, struct cJSON *request,
	const struct certificate_signer *s, int64_t now)
{
	const char *fault;
	struct cert *csr;

	if (has_certificate(request) || !is_true(request, "Approved") ||
		condition_of(request, "Denied") || is_true(request, "Failed"))
		return;
	csr = read_request(request, p);
	if (!csr)
		return;
	if (certificate_is_ours(p->arena, cert_info(csr), request, &fault)) {
		if (!fault) {
			sign(p, r, request, csr, s, now);
		} else {
			add_condition(
				p->arena, request, "Failed", "SignerValidationFailure", fault);
			plan_update_status(p, r, request);
		}
	}
	cert_unref(csr);
}

/* ---- forgetting ---- */

static void sooner(int64_t *at, int64_t other)
{
	if (!*at || other < *at)
		*at = other;
}

static bool when(const struct cJSON *object, const char *path, int64_t *at)
{
	struct str text = tree_str(object, path);

	return text.len && !time_parse(text, at, NULL);
}

static void note_expiry(const struct cJSON *request, int64_t *over)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(MIB);
	struct cert *cert;

	if (!first_block(tree_str(request, "status.certificate"), "CERTIFICATE", &der) ||
		cert_parse_der(buf_str(&der), &cert, NULL))
		return;
	sooner(over, cert_info(cert)->not_after);
	cert_unref(cert);
}

void certificate_clean(
	struct plan *p, const struct resource *r, const struct cJSON *request, int64_t now)
{
	const struct cJSON *conditions = json_path(request, "status.conditions");
	int64_t over = 0, at;

	json_each (condition, conditions) {
		struct str type = tree_str(condition, "type");
		bool issued = str_eq_text(type, "Approved") && has_certificate(request);

		if ((issued || str_eq_text(type, "Denied") || str_eq_text(type, "Failed")) &&
			when(condition, "lastUpdateTime", &at))
			sooner(&over, at + KEPT_DECIDED);
		if (issued)
			note_expiry(request, &over);
	}
	bool unsigned_yet = condition_of(request, "Approved") && !has_certificate(request);
	if ((!json_count(conditions) || unsigned_yet) &&
		when(request, "metadata.creationTimestamp", &at))
		sooner(&over, at + KEPT_PENDING);
	if (!over)
		return;
	if (over >= now)
		plan_requeue_after(p, over - now + SEC);
	else
		plan_delete(p, r, STR(""), tree_str(request, "metadata.name"),
			tree_str(request, "metadata.uid"), NULL);
}
