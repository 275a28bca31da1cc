/* Bodies of requests: whatever they are, they are read or refused, and notes keep their number. */
#include "apiserver/body_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good)
		abort();
}

static void order(struct arena *a, struct str json, const struct decode_notes *repeated)
{
	struct decode_notes unknown = {.arena = a}, notes = unknown;

	decode_note(&unknown, STR("unknown field \"a\""));
	decode_note(&unknown, STR("unknown field \"a[0].b\""));
	body_order_notes(a, json, repeated, &unknown, &notes);
	expect(notes.count == repeated->count + unknown.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct str text = str_make((const char *)data, size);
	struct cJSON *root;

	arena_init(&a);
	struct decode_notes json = {.arena = &a}, yaml = json;
	if (!body_parse(&a, text, false, &json, &root, NULL))
		order(&a, text, &json);
	body_parse(&a, text, true, &yaml, &root, NULL);
	arena_done(&a);
	return 0;
}
