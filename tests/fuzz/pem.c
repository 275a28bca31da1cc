/* PEM and key files from anybody: keys and bundles of certificates. */
#include <kube/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(struct str text)
{
	struct key *key = NULL;
	struct err err = {0};
	if (key_parse(text, &key, &err) == 0) {
		struct buf out = BUF_INIT(MIB);
		if (key_is_private(key)) {
			key_print_pem(key, &out);
			key_print_pkcs8_pem(key, &out);
		}
		key_print_public_pem(key, &out);
		struct key *again = NULL;
		int rc = key_parse(buf_str(&out), &again, NULL);
		assert(rc == 0 && key_same(key, again));
		key_unref(again);
		buf_done(&out);
	}
	key_unref(key);
	err_done(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), rest = text;
	struct pem_block block;
	struct certs certs = {0};
	while (pem_next(&rest, &block, NULL))
		pem_block_done(&block);
	try_key(text);
	certs_parse_pem(text, &certs, NULL);
	certs_done(&certs);
	return 0;
}
