/* Certificate signing requests from DER (PKCS#10, RFC 2986). */
#include "cert_private.h"
#include "der_read.h"
#include "oid.h"

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "malformed certificate request: %s", what);
}

/* As Go's encoding/asn1 puts it: users are shown this. */
static int no_sequence(struct str der, struct err *err)
{
	struct str rest = der, content;
	unsigned char tag;

	if (!der.len)
		return err_set(err, ERR_SYNTAX, "asn1: syntax error: sequence truncated");
	if (!der_next(&rest, &tag, &content, NULL))
		return err_set(err, ERR_SYNTAX, "asn1: syntax error: data truncated");
	return err_set(err, ERR_SYNTAX,
		"asn1: structure error: tags don't match (16 vs {class:%d tag:%d length:%zu "
		"isCompound:%s}) {optional:false explicit:false application:false private:false "
		"defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} "
		"certificateRequest @%zu",
		tag >> 6, tag & 0x1f, content.len, tag & 0x20 ? "true" : "false",
		(size_t)(content.at - der.at));
}

/* What one attribute asks for; of those that are no extensions we know nothing. */
static int take_attribute(struct cert *csr, struct str *attributes, struct err *err)
{
	struct str attribute, oid, values, extensions;

	if (!der_take(attributes, DER_SEQUENCE, &attribute) || !der_take(&attribute, DER_OID, &oid))
		return bad(err, "bad attribute");
	if (!str_eq(oid, OID_EXTENSION_REQUEST))
		return 0;
	if (!der_take(&attribute, DER_SET, &values) || attribute.len ||
		!der_take(&values, DER_SEQUENCE, &extensions) || values.len)
		return bad(err, "bad extensions");
	return cert_parse_extensions(csr, extensions, err);
}

static int parse_info(struct cert *csr, struct err *err)
{
	struct cert_info *info = &csr->info;
	struct str rest = csr->signed_bytes, all, spki, attributes;
	bool found;
	int version;

	if (!der_take(&rest, DER_SEQUENCE, &all) || !der_take_small(&all, &version))
		return bad(err, "bad version");
	csr->version = 3; /* whose extensions these are */
	if (!der_take_whole(&all, DER_SEQUENCE, &info->subject_der))
		return bad(err, "bad subject");
	int rc = cert_parse_name(&csr->arena, info->subject_der, &info->subject, err);
	if (rc)
		return rc;
	if (!der_take_whole(&all, DER_SEQUENCE, &spki))
		return bad(err, "bad public key");
	rc = key_parse_spki(spki, &csr->key, err);
	if (rc)
		return err_wrap(err, rc, "malformed certificate request");
	if (!der_take_optional(&all, DER_CONTEXT_CONSTRUCTED(0), &attributes, &found) || all.len)
		return bad(err, "bad attributes");
	while (found && attributes.len && !rc)
		rc = take_attribute(csr, &attributes, err);
	return rc;
}

static int parse(struct cert *csr, struct err *err)
{
	struct str rest = csr->der, all, algorithm;

	if (!der_take(&rest, DER_SEQUENCE, &all))
		return no_sequence(csr->der, err);
	if (rest.len)
		return err_set(err, ERR_SYNTAX, "asn1: syntax error: trailing data");
	if (!der_take_whole(&all, DER_SEQUENCE, &csr->signed_bytes) ||
		!der_take_whole(&all, DER_SEQUENCE, &algorithm) ||
		!cert_read_algorithm(csr, algorithm) ||
		!der_take_bytes_of_bits(&all, &csr->signature) || all.len)
		return bad(err, "bad frame");
	return parse_info(csr, err);
}

int csr_parse_der(struct str der, struct cert **csr, struct err *err)
{
	struct err why = {0};
	struct cert *made = cert_new_of(der, &why);

	if (!made)
		return err_move(err, &why);
	int rc = parse(made, err);
	if (rc) {
		cert_unref(made);
		return rc;
	}
	*csr = made;
	return 0;
}

int csr_parse_pem(struct str pem, struct cert **csr, struct err *err)
{
	struct pem_block block;
	int rc;

	if (!pem_next(&pem, &block, NULL))
		return err_set(err, ERR_SYNTAX, "PEM block type must be CERTIFICATE REQUEST");
	rc = str_eq_text(block.label, "CERTIFICATE REQUEST")
		     ? csr_parse_der(buf_str(&block.der), csr, err)
		     : err_set(err, ERR_SYNTAX, "PEM block type must be CERTIFICATE REQUEST");
	pem_block_done(&block);
	return rc;
}

int csr_check_signature(const struct cert *csr, struct err *err)
{
	return cert_check_signature(csr, csr->key, err);
}
