/* ClusterTrustBundle */
#include "certificate_rules.h"

#include <kube/x509.h>

#define BUNDLE_MAX  (1 * MIB)
#define ANCHORS_MAX 1024

/* ---- name ---- */

/* That of a signer's bundle begins with the signer's, its slash a colon. */
static void check_own_name(struct change *c, struct field_errors *e, struct str signer)
{
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "name");
	struct str domain, path, prefix, rest = c->name;

	if (!c->name.len)
		return;
	if (!signer.len && str_find_char(c->name, ':') >= 0) {
		field_invalid_str(e, &at, c->name,
			"ClusterTrustBundle without signer name must not have \":\" in its name");
		return;
	}
	if (signer.len) {
		str_cut(signer, '/', &domain, &path);
		prefix = arena_print(c->arena, "%.*s:%.*s:", STRF(domain), STRF(path));
		if (!str_starts(c->name, prefix)) {
			field_invalid_str(e, &at, c->name,
				"ClusterTrustBundle for signerName %.*s must be named with prefix "
				"%.*s",
				STRF(signer), STRF(prefix));
			return;
		}
		rest = str_skip(c->name, prefix.len);
	}
	struct name_faults f = {0};
	name_check_dns_subdomain(rest, &f);
	for (size_t i = 0; i < f.count; i++)
		field_invalid_str(e, &at, c->name, "%s", f.items[i]);
}

/* ---- certificates ---- */

static const char *anchor_fault(const struct pem_block *block, struct cert **cert)
{
	if (!str_eq_text(block->label, "CERTIFICATE"))
		return "has bad block type";
	if (cert_parse_der(buf_str(&block->der), cert, NULL))
		return "does not parse as X.509";
	return cert_info(*cert)->is_ca ? NULL : "does not have the CA bit set";
}

/* What has been seen of a bundle so far. */
struct anchors {
	struct str der[ANCHORS_MAX];
	size_t count;
};

static void check_anchor(struct field_errors *e, const struct path *at,
	const struct pem_block *block, size_t index, struct anchors *seen)
{
	const struct str omitted = STR("<value omitted>");
	struct cert *cert = NULL;
	const char *fault = anchor_fault(block, &cert);

	cert_unref(cert);
	if (fault)
		field_invalid_str(e, at, omitted, "entry %zu %s%s%.*s", index, fault,
			str_eq_text(block->label, "CERTIFICATE") ? "" : ": ",
			str_eq_text(block->label, "CERTIFICATE") ? 0 : (int)block->label.len,
			block->label.at);
	if (fault || seen->count == ANCHORS_MAX)
		return;
	for (size_t i = 0; i < seen->count; i++)
		if (str_eq(seen->der[i], buf_str(&block->der)))
			field_invalid_str(e, at, omitted,
				"duplicate trust anchor (indices [%zu %zu])", i, index);
	seen->der[seen->count++] = arena_str(e->arena, buf_str(&block->der));
}

static void check_bundle(struct field_errors *e, const struct path *at, struct str text)
{
	struct anchors *seen = arena_new(e->arena, sizeof(*seen));
	_cleanup_(err_done) struct err err = {0};
	struct pem_block block;
	size_t before = e->count;

	if (text.len > BUNDLE_MAX) {
		field_too_long(e, at, BUNDLE_MAX);
		return;
	}
	for (size_t i = 0; pem_next(&text, &block, &err); i++) {
		check_anchor(e, at, &block, i, seen);
		pem_block_done(&block);
	}
	if (!seen->count && e->count == before)
		field_invalid_str(e, at, STR("<value omitted>"),
			"at least one trust anchor must be provided");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), signer_at = PATH(&spec, "signerName");
	struct path bundle = PATH(&spec, "trustBundle");
	struct str signer = tree_str(c->object, "spec.signerName");
	struct str text = tree_str(c->object, "spec.trustBundle");

	check_own_name(c, e, signer);
	if (signer.len)
		check_signer_name(e, &signer_at, signer);
	if (!c->old || !str_eq(text, tree_str(c->old, "spec.trustBundle")))
		check_bundle(e, &bundle, text);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	validate(c, e);
	rule_immutable(e, &spec, json_get(c->object, STR("spec")), json_get(c->old, STR("spec")),
		"signerName");
}

static const char *const labels[] = {"spec.signerName", NULL};

const struct strategy strategy_clustertrustbundles = {
	.name_rule = name_check_path_segment, /* the rest depends on the signer */
	.validate = validate,
	.validate_update = validate_update,
	.field_labels = labels,
};
