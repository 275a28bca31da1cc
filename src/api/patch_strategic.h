/*
 * Strategic merge patches from within: lists as arrays of elements (patch_elements.c), what becomes
 * of them (patch_lists.c), of objects (patch_strategic.c). All of it lives in the merger's arena.
 */
#ifndef KUBE_API_PATCH_STRATEGIC_H
#define KUBE_API_PATCH_STRATEGIC_H

#include "codec_parts.h"

#include <kube/patch.h>

/* What a member's value says of itself: "delete", "replace", "merge". */
#define PATCH_DIRECTIVE STR("$patch")

struct patch_merger {
	struct arena *arena;
	struct err *err;
};

struct elements {
	const struct cJSON **items; /* with room for what the maker said */
	size_t count;
};

struct elements elements_new(struct patch_merger *m, size_t cap);
struct elements elements_of(struct patch_merger *m, const struct cJSON *list);
struct cJSON *elements_list(struct patch_merger *m, const struct elements *n); /* copies */
/* key: the merge key of objects; NULL: primitives, which are the same when they are equal. */
bool elements_same(const struct cJSON *a, const struct cJSON *b, const char *key);
ssize_t elements_index(const struct elements *n, const struct cJSON *item, const char *key);
/* What the patch names comes in the patch's order, around what only the server has in its own. */
struct cJSON *elements_arrange(struct patch_merger *m, const struct cJSON *merged,
	const struct elements *patch_order, const struct elements *server_order, const char *key);

/* A value as Go prints it, for errors. */
struct str patch_printed(struct patch_merger *m, const struct cJSON *value);
int patch_unknown_directive(
	struct patch_merger *m, const struct cJSON *how, const struct cJSON *in);

/* A list of a field that merges; list and patch are untouched. */
int patch_merge_list(struct patch_merger *m, const struct schema_field *f, const struct cJSON *list,
	const struct cJSON *patch, struct cJSON **out);
/* object and patch are the caller's copies, and are used up. */
int patch_merge_object(struct patch_merger *m, const struct schema *s, struct cJSON *object,
	struct cJSON *patch, struct cJSON **out);

#endif
