/* An EncryptionConfiguration: what it seals it opens again, and only at its own place. */
#include "apiserver/encryption.c"

static void round_trip(struct encryption *e, struct str bucket)
{
	static const struct str text = STR_INIT("{\"data\":{\"a\":\"Yg==\"}}");
	_cleanup_(buf_done) struct buf sealed = BUF_INIT(KIB), opened = BUF_INIT(KIB),
				       elsewhere = BUF_INIT(KIB);
	bool stale = false;
	int done = seal(&e->sealer, bucket, STR("n/x"), text, &sealed, NULL);

	assert(done >= 0);
	if (!done) {
		assert(!sealed.len);
		return;
	}
	assert(unseal(&e->sealer, bucket, STR("n/x"), buf_str(&sealed), &opened, &stale, NULL) ==
		1);
	assert(!stale && str_eq(buf_str(&opened), text));
	/* CBC alone does not bind what it seals to its place, as upstream's does not. */
	done = unseal(&e->sealer, bucket, STR("n/y"), buf_str(&sealed), &elsewhere, &stale, NULL);
	assert(done < 0 || !str_starts(buf_str(&sealed), STR("k8s:enc:aesgcm:")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encryption e = {0};
	struct err err = {0};

	if (size > FILE_MAX_)
		return 0;
	e.counts = encryption_counts_new();
	if (sealing_rules_read(str_make((const char *)data, size), &e.now, &err)) {
		assert(err.code && *err_text(&err));
	} else {
		round_trip(&e, STR("/registry/secrets/"));
		round_trip(&e, STR("/registry/example.com/widgets/"));
	}
	err_done(&err);
	sealing_rules_free(e.now);
	encryption_counts_free(e.counts);
	return 0;
}
