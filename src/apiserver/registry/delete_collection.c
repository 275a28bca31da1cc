/* DELETE of a collection: one after the other, and the list of them is the answer. */
#include "registry.h"

#include <kube/mem.h>

struct sweep {
	struct api_request *r;
	struct list_answer answer; /* what was deleted */
	struct str *keys;
	size_t next, count;
	struct deletion one;
};

static void go_on(struct sweep *s);

static void deleted(struct deletion *d, struct status *failure)
{
	struct sweep *s = d->ctx;

	object_unref(d->result);
	if (failure && failure->code != 404) {
		for (size_t i = 0; i < s->answer.count; i++)
			object_unref(s->answer.items[i]);
		mem_free(s->answer.items);
		request_fail(s->r, failure);
		return;
	}
	go_on(s);
}

static void go_on(struct sweep *s)
{
	struct str space = {0}, name;

	if (s->next == s->count) {
		s->answer.revision = store_revision(s->r->server->store);
		s->answer.remaining = -1;
		if (s->count)
			registry_warn_children(s->r);
		answer_list(s->r, &s->answer);
		return;
	}
	name = s->keys[s->next++];
	if (s->r->resource->namespaced)
		str_cut(name, '/', &space, &name);
	s->one = (struct deletion){
		.r = s->r, .namespace = space, .name = name, .done = deleted, .ctx = s};
	deletion_start(&s->one);
}

static void collect(struct sweep *s)
{
	struct api_request *r = s->r;
	struct bucket *b = server_bucket(r->server, r->resource->hub);
	struct store_iter it = store_seek(b, registry_prefix(r), STR(""));

	s->keys = arena_alloc(r->arena, (store_count(b) + 1) * sizeof(*s->keys));
	s->answer.items = mem_alloc((store_count(b) + 1) * sizeof(*s->answer.items));
	while (store_next(&it)) {
		if (r->options.limit > 0 && (int64_t)s->count == r->options.limit)
			return;
		struct object *shown = registry_view(r, it.object);

		if (!registry_selects(r, shown))
			continue;
		s->keys[s->count++] = arena_str(r->arena, it.key);
		s->answer.items[s->answer.count++] = object_ref(shown);
	}
}

void verb_delete_collection(struct api_request *r)
{
	struct sweep *s = arena_new(r->arena, sizeof(*s));

	s->r = r;
	collect(s);
	go_on(s);
}
