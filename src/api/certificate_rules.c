#include "certificate_rules.h"

#include <kube/codec.h>
#include <kube/x509.h>

#define SIGNER_DOMAIN_MAX 253
#define SIGNER_NAME_MAX   (253 + 1 + 253 + 1 + 63)
#define PEM_TEXT_MAX      (4 * MIB)

/* ---- signers ---- */

static void check_labels_of(
	struct field_errors *e, const struct path *at, struct str segment, name_check_fn *check)
{
	struct str rest = segment, label;

	while (str_next(&rest, '.', &label)) {
		struct name_faults f = {0};

		check(label, &f);
		for (size_t i = 0; i < f.count; i++)
			field_invalid_str(e, at, segment, "validating label %.*s: %s",
				STRF(field_quote(e->arena, label)), f.items[i]);
	}
}

void check_signer_name(struct field_errors *e, const struct path *at, struct str name)
{
	struct str domain, path;

	if (!name.len) {
		field_required(e, at, "%s", "");
		return;
	}
	str_cut(name, '/', &domain, &path);
	if (!domain.len || !path.len || str_find_char(path, '/') >= 0) {
		field_invalid_str(e, at, name,
			"must be a fully qualified domain and path of the form "
			"'example.com/signer-name'");
		return;
	}
	if (domain.len > SIGNER_DOMAIN_MAX)
		field_too_long(e, at, SIGNER_DOMAIN_MAX);
	check_labels_of(e, at, domain, name_check_dns_label);
	if (str_find_char(domain, '.') < 0)
		field_invalid_str(e, at, domain,
			"should be a domain with at least two segments separated by dots");
	check_labels_of(e, at, path, name_check_dns_subdomain);
	if (name.len > SIGNER_NAME_MAX)
		field_too_long(e, at, SIGNER_NAME_MAX);
}

/* ---- PEM ---- */

static bool decode(struct buf *pem, struct str base64)
{
	_cleanup_(err_done) struct err err = {0};

	return !base64_decode(pem, base64, &err) && !buf_over(pem);
}

bool pem_first(struct arena *a, struct str base64, struct str *label, struct str *der)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(PEM_TEXT_MAX);
	_cleanup_(err_done) struct err err = {0};
	struct pem_block block;
	struct str rest;

	if (!decode(&pem, base64))
		return false;
	rest = buf_str(&pem);
	if (!pem_next(&rest, &block, &err))
		return false;
	*label = arena_str(a, block.label);
	*der = arena_str(a, buf_str(&block.der));
	pem_block_done(&block);
	return true;
}

static const char *block_fault(struct arena *a, const struct pem_block *block)
{
	_cleanup_(err_done) struct err err = {0};
	struct cert *cert = NULL;

	if (!str_eq_text(block->label, "CERTIFICATE"))
		return arena_print(a, "only CERTIFICATE PEM blocks are allowed, found %.*s",
			STRF(field_quote(a, block->label)))
			.at;
	if (cert_parse_der(buf_str(&block->der), &cert, &err))
		return arena_text(a, err_text(&err));
	cert_unref(cert);
	return NULL;
}

const char *certificate_fault(struct arena *a, struct str base64)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(PEM_TEXT_MAX);
	_cleanup_(err_done) struct err err = {0};
	struct pem_block block;
	const char *fault = NULL;
	size_t blocks = 0;
	struct str rest;

	if (!base64.len)
		return NULL;
	rest = decode(&pem, base64) ? buf_str(&pem) : STR("");
	while (!fault && pem_next(&rest, &block, &err)) {
		fault = block_fault(a, &block);
		pem_block_done(&block);
		blocks++;
	}
	return fault || blocks ? fault : "must contain at least one CERTIFICATE PEM block";
}
