/* KubeletConfiguration: whatever a file says, what is read of it makes sense. */
#include <kube/arena.h>
#include <kube/kubelet_configuration.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct kubelet_configuration c;
	struct arena a;

	arena_init(&a);
	if (!kubelet_configuration_read(&a, str_make((const char *)at, len), &c, NULL)) {
		assert(c.max_pods >= 0 && c.log_max_files > 1 && c.log_interval > 0);
		assert(c.image_low < c.image_high && c.status_update > 0);
		assert(c.threshold_count <= ARRAY_LEN(c.thresholds));
		for (size_t i = 0; i < c.threshold_count; i++) {
			const struct eviction_threshold *t = &c.thresholds[i];

			assert(t->grace >= 0 && t->amount.quantity >= 0);
			assert(t->amount.share >= 0 && t->amount.share <= 1);
		}
	}
	arena_done(&a);
	return 0;
}
