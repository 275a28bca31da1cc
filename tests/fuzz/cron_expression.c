/* Any text as a schedule: it is refused with words, or it names at least one moment. */
#include <kube/cron.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(err_done) struct err err = {0};
	struct str text = str_make((const char *)data, size);
	struct cron_schedule s;

	if (cron_parse(text, &s, &err))
		assert(*err_text(&err));
	else
		assert(s.every >= 0 && s.minutes < 1ULL << 60 && s.months < 1ULL << 13);
	time_zone_known(text);
	return 0;
}
