/* A name of any bytes: what is taken prints to something that is taken and prints the same. */
#include <kube/image_reference.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct image_reference ref, again;

	arena_init(&a);
	if (!image_reference_parse(&a, str_make((const char *)data, size), &ref, NULL)) {
		struct str text = image_reference_print(&a, &ref);
		int failed = image_reference_parse(&a, text, &again, NULL);
		assert(!failed);
		assert(str_eq(image_reference_print(&a, &again), text));
	}
	arena_done(&a);
	return 0;
}
