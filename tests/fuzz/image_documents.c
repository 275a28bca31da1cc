/* Configs, manifests, indexes of any bytes: what is taken is in order. */
#include "runtime/image_documents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), name;
	struct image_document d;
	struct image_config c;
	struct docker_image *images;
	struct arena a;
	size_t count;

	arena_init(&a);
	if (!image_document_parse(&a, text, (struct str){0}, 100, &d, NULL)) {
		for (size_t i = 0; i < d.count; i++)
			assert(image_digest_valid(d.entries[i].digest) && d.entries[i].size >= 0);
		image_document_choose(&d);
	}
	if (!image_config_parse(&a, text, 100, &c, NULL)) {
		for (size_t i = 0; i < c.diff_ids.count; i++)
			assert(image_digest_valid(c.diff_ids.items[i]));
		image_config_user(&c, &name);
	}
	docker_manifest_parse(&a, text, 100, &images, &count, NULL);
	arena_done(&a);
	return 0;
}
