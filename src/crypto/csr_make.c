/* Certificate signing requests of our own (PKCS#10, RFC 2986). */
#include "cert_private.h"
#include "der_write.h"
#include "oid.h"

/* [0] { extensionRequest { SEQUENCE { subjectAltName } } }; empty when there is none. */
static void add_attributes(struct buf *out, const struct cert_request *r)
{
	size_t all = der_open(out, DER_CONTEXT_CONSTRUCTED(0));

	if (r->dns_count + r->ip_count + r->uri_count + r->email_count) {
		size_t attribute = der_open(out, DER_SEQUENCE);

		der_add(out, DER_OID, OID_EXTENSION_REQUEST);
		size_t values = der_open(out, DER_SET), list = der_open(out, DER_SEQUENCE);
		cert_add_alternative_names(out, r);
		der_close(out, list);
		der_close(out, values);
		der_close(out, attribute);
	}
	der_close(out, all);
}

int csr_make(const struct cert_request *request, struct key *key, struct buf *der, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(CERT_DER_MAX), signature = BUF_INIT(2 * KIB);
	unsigned char digest[64];
	int code = cert_check_names(request, err);

	if (code)
		return code;
	size_t all = der_open(&out, DER_SEQUENCE), from = out.len;
	size_t info = der_open(&out, DER_SEQUENCE);
	der_add_small(&out, 0);
	cert_add_name(&out, &request->subject);
	buf_add_str(&out, key_spki(key));
	add_attributes(&out, request);
	der_close(&out, info);
	if (buf_over(&out))
		return err_set(err, ERR_TOO_LARGE, "the request would be too large");
	size_t len = key_digest(KEY_SHA256, str_skip(buf_str(&out), from), digest);
	code = key_sign(key, KEY_SHA256, str_make((const char *)digest, len), &signature, err);
	if (code)
		return code;
	cert_add_algorithm(&out, key);
	der_add_bits(&out, buf_str(&signature), 0);
	der_close(&out, all);
	if (buf_over(&out))
		return err_set(err, ERR_TOO_LARGE, "the request would be too large");
	buf_add_str(der, buf_str(&out));
	return 0;
}
