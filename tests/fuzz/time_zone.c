/* Any bytes as a time zone: refused, or with an offset that a place can have at every time. */
#include <kube/time.h>
#include <kube/zone.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {INT64_MIN, -HOUR, 0, 1767225600 * SEC, INT64_MAX};
	_cleanup_(arena_done) struct arena a;
	struct zone *zone;

	arena_init(&a);
	if (zone_parse(&a, str_make((const char *)data, size), &zone, NULL))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		int64_t offset = zone_offset(zone, times[i]);

		assert(offset > -27 * 3600 && offset < 27 * 3600);
	}
	return 0;
}
