#include "image_store_private.h"

void image_registries_copy(
	struct image_store *s, const struct image_registry *registries, size_t count)
{
	s->registries = arena_new(&s->arena, (count + 1) * sizeof(s->registries[0]));
	for (size_t i = 0; i < count; i++) {
		struct str *mirrors =
			arena_new(&s->arena, (registries[i].mirror_count + 1) * sizeof(mirrors[0]));
		for (size_t k = 0; k < registries[i].mirror_count; k++)
			mirrors[k] = arena_str(&s->arena, registries[i].mirrors[k]);
		s->registries[s->registry_count++] =
			(struct image_registry){.host = arena_str(&s->arena, registries[i].host),
				.mirrors = mirrors,
				.mirror_count = registries[i].mirror_count,
				.insecure = registries[i].insecure};
	}
}

void image_store_pull(struct image_store *s, struct op *op, struct runtime_pull *pull)
{
	static const struct op_kind kind = {.name = "image pull"};

	if (op_begin(op, &kind, s))
		op_fail_with(op, ERR_UNSUPPORTED,
			"failed to pull and unpack image \"%.*s\": this version imports only",
			STRF(pull->reference));
}
