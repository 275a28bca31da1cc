/* A certificate from anybody: read, printed, matched with names, verified in both roles. */
#include <kube/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const struct cert *cert)
{
	static const struct str hosts[] = {STR_INIT("example.com"), STR_INIT("a.b.c."),
		STR_INIT("10.43.0.1"), STR_INIT("[::1]"), STR_INIT("*"), STR_INIT("")};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct err err = {0};
		cert_matches_host(cert, hosts[i], &err);
		err_done(&err);
	}
	const struct cert_info *info = cert_info(cert);
	for (size_t i = 0; i < info->dns_count; i++)
		cert_matches_host(cert, info->dns[i], NULL);
}

static void verify(struct cert *cert)
{
	struct certs list = {&cert, 1}, none = {0};
	int64_t times[] = {cert_info(cert)->not_before, 0, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct cert_check check = {&list, times[i], CERT_SERVER, {0}};
		struct err err = {0};
		cert_verify(&list, &check, &err);
		err_done(&err);
		check.roots = &none;
		cert_verify(&list, &check, &err);
		err_done(&err);
	}
	/* Its own issuer, when the names say so: signatures are checked. */
	struct cert *pair[] = {cert, cert};
	struct certs twice = {pair, 2};
	struct cert_check check = {&none, times[0], 0, {0}};
	cert_verify(&twice, &check, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert *cert = NULL, *again = NULL;
	struct err err = {0};
	if (cert_parse_der(str_make((const char *)data, size), &cert, &err)) {
		err_done(&err);
		return 0;
	}
	struct buf out = BUF_INIT(MIB);
	cert_print_subject(cert, &out);
	cert_print_pem(cert, &out);
	match(cert);
	verify(cert);
	int rc = cert_parse_der(cert_der(cert), &again, NULL);
	assert(rc == 0 && key_same(cert_key(cert), cert_key(again)));
	cert_unref(again);
	cert_unref(cert);
	buf_done(&out);
	return 0;
}
