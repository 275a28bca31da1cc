/* A pull secret of any bytes; the first line is the image that is looked for. */
#include <kube/image_keychain.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_keychain k = {0};
	struct str image, text;
	struct arena a;
	size_t at = 0, tried = 0;

	arena_init(&a);
	str_cut(str_make((const char *)data, size), '\n', &image, &text);
	image_keychain_add_config(&k, &a, text, NULL);
	image_keychain_add_legacy(&k, &a, text, NULL);
	while (image_keychain_next(&k, image, &at))
		tried++;
	assert(tried <= k.count);
	arena_done(&a);
	return 0;
}
