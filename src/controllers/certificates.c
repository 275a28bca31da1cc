/* The three controllers of CertificateSigningRequests: who approves, who signs, who cleans up. */
#include "certificate_requests.h"
#include "certificate_signers.h"

#include <kube/log.h>

#define YEAR (365 * 24 * HOUR)

static void changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

static const struct usual_source sources[] = {
	{"certificates.k8s.io", "v1", "certificatesigningrequests", changed}, {0}};

static const struct resource *requests(struct usual *u)
{
	return usual_resource(u, "certificatesigningrequests");
}

static struct cJSON *find(struct usual *u, struct str key, struct plan *p)
{
	struct object *o = informer_get_key(usual_informer(u, "certificatesigningrequests"), key);

	return o ? object_tree(p->arena, o) : NULL;
}

/* ---- approving ---- */

static void approve(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct cJSON *request = find(ctx, key, p);

	(void)now;
	if (!request)
		return;
	p->memo = json_copy(p->arena, request);
	certificate_approve(p, requests(ctx), request, 0);
}

/* Who may not have it for himself may have it as somebody who has it for all. */
static bool not_allowed(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	size_t planned = p->count;

	(void)now;
	if (refusal->step->verb == PLAN_ALLOWED)
		certificate_approve(p, requests(ctx), p->memo, 1);
	return p->count == planned;
}

static struct part *start_approving(
	const struct controllers_world *w, const struct controller_kind *k)
{
	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = approve, .refused = not_allowed});
}

const struct controller_kind certificate_approving_kind = {
	.name = "certificatesigningrequest-approving-controller",
	.aliases = "csrapproving",
	.start = start_approving,
};

/* ---- signing ---- */

struct signers {
	struct certificate_signer of[CONTROLLERS_SIGNERS]; /* without a key: somebody else signs */
};

static void sign(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct signers *s = usual_ctx(ctx);
	struct cJSON *request = find(ctx, key, p);
	int which = request ? certificate_signer_of(tree_str(request, "spec.signerName")) : -1;

	if (which >= 0 && s->of[which].key)
		certificate_sign(p, requests(ctx), request, &s->of[which], now);
}

static void signers_free(void *ctx)
{
	struct signers *s = ctx;

	for (size_t i = 0; i < CONTROLLERS_SIGNERS; i++) {
		certs_done(&s->of[i].chain);
		key_unref(s->of[i].key);
	}
	mem_free(s);
}

static int read_signer(const struct controllers_options *o, size_t which,
	struct certificate_signer *s, struct err *err)
{
	bool own = o->signers[which].cert.len;
	struct str cert = own ? o->signers[which].cert : o->signing_cert;
	struct str key = own ? o->signers[which].key : o->signing_key;

	if (!cert.len || !key.len)
		return 0;
	s->lifetime = o->signing_duration ? o->signing_duration : YEAR;
	int code = certs_parse_pem(cert, &s->chain, err);
	return code ? code : key_parse(key, &s->key, err);
}

static struct part *start_signing(
	const struct controllers_world *w, const struct controller_kind *k)
{
	struct signers *s = mem_new(sizeof(*s));
	_cleanup_(err_done) struct err err = {0};
	bool any = false;
	int code = 0;

	for (size_t i = 0; i < CONTROLLERS_SIGNERS && !code; i++) {
		code = read_signer(w->options, i, &s->of[i], &err);
		any |= s->of[i].key != NULL;
	}
	if (code)
		log_error(&err, "certificates cannot be signed");
	if (code || !any) {
		signers_free(s);
		return NULL;
	}
	return usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = sign, .ctx = s, .done = signers_free});
}

const struct controller_kind certificate_signing_kind = {
	.name = "certificatesigningrequest-signing-controller",
	.aliases = "csrsigning",
	.start = start_signing,
};

/* ---- cleaning up ---- */

static void clean(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct cJSON *request = find(ctx, key, p);

	if (request)
		certificate_clean(p, requests(ctx), request, now);
}

static struct part *start_cleaning(
	const struct controllers_world *w, const struct controller_kind *k)
{
	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = clean});
}

const struct controller_kind certificate_cleaning_kind = {
	.name = "certificatesigningrequest-cleaner-controller",
	.aliases = "csrcleaner",
	.start = start_cleaning,
};
