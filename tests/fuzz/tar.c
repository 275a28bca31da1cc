/* A tar of any bytes: every entry within its bounds, and an end. */
#include <kube/tar.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_some(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct str *rest = ctx;

	(void)err;
	*n = MIN(len, rest->len);
	if (*n)
		memcpy(at, rest->at, *n);
	*rest = str_skip(*rest, *n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct tar_entry e;
	struct tar t;
	bool end = false;
	char piece[100];
	size_t n = 1;

	tar_init(&t, read_some, NULL, &rest);
	for (int i = 0; !tar_next(&t, &e, &end, NULL) && !end; i++) {
		assert(e.path.len <= TAR_PATH_MAX && e.link.len <= TAR_PATH_MAX && e.size >= 0);
		assert(e.mode <= 07777 && e.offset <= (int64_t)size);
		assert(e.kind == TAR_FILE || e.size == 0);
		while (i % 2 && !tar_data(&t, piece, sizeof(piece), &n, NULL) && n)
			;
	}
	tar_done(&t);
	return 0;
}
