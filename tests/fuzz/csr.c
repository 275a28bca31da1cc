/* A certificate signing request from anybody: read, printed, its signature checked. */
#include <kube/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert *csr = NULL;
	struct err err = {0};
	struct buf text = BUF_INIT(MIB);

	if (csr_parse_der(str_make((const char *)data, size), &csr, &err) == 0) {
		err_done(&err);
		csr_check_signature(csr, &err);
		cert_print_subject(csr, &text);
		assert(cert_key(csr));
	}
	cert_unref(csr);
	buf_done(&text);
	err_done(&err);
	return 0;
}
