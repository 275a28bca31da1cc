#include "layer.h"

#include "layer_apply.h"

static int apply_all(struct layer_apply *apply, struct tar *t, struct err *err)
{
	struct tar_entry e;
	bool end = false;
	int failed;

	while (!(failed = tar_next(t, &e, &end, err)) && !end)
		if ((failed = layer_apply_entry(apply, t, &e, err)))
			break;
	return failed ? failed : layer_apply_end(apply, err);
}

int layer_unpack(const struct layer_source *source, int root, int64_t max_entries,
	struct layer_facts *facts, struct err *err)
{
	struct layer_stream *stream = layer_stream_new(source);
	struct layer_apply apply;
	struct tar t;

	layer_apply_init(&apply, root, max_entries);
	tar_init(&t, layer_stream_read, NULL, stream);
	int failed = apply_all(&apply, &t, err);
	if (!failed)
		failed = layer_stream_end(stream, facts->digest, facts->diff, &facts->plain, err);
	facts->packed = source->size;
	facts->files = apply.bytes;
	facts->entries = apply.entries;
	tar_done(&t);
	layer_apply_done(&apply);
	layer_stream_free(stream);
	return failed;
}
