/* What lies on disk may be anything; what is read prints as itself. */
#include "podnet/records.h"

#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf once = BUF_INIT(MIB), twice = BUF_INIT(MIB);
	_cleanup_(arena_done) struct arena a;
	struct record r = {0}, again = {0};

	arena_init(&a);
	if (record_parse(str_make((const char *)data, size), &a, &r)) {
		record_print(&r, &once);
		assert(record_parse(buf_str(&once), &a, &again));
		record_print(&again, &twice);
		assert(str_eq(buf_str(&once), buf_str(&twice)));
	}
	return 0;
}
