/* KubeSchedulerConfiguration: whatever a file says, its profiles can be used. */
#include "scheduler/framework.h"

#include <kube/scheduler.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct scheduler_options options = {0};
	struct scheduler_surroundings around;
	struct arena a;

	arena_init(&a);
	if (!scheduler_configure(&a, str_make((const char *)at, len), &options, &around, NULL)) {
		assert(options.profile_count && options.profile_count <= PROFILES_MAX);
		for (size_t i = 0; i < options.profile_count; i++) {
			assert(options.profiles[i].name.len);
			assert(options.profiles[i].percent_scored >= 0 &&
				options.profiles[i].percent_scored <= 100);
		}
		assert(options.min_backoff > 0 && options.max_backoff >= options.min_backoff);
	}
	arena_done(&a);
	return 0;
}
