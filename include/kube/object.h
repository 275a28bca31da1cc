/*
 * object: one state of one API object, immutable and shared by reference: store, caches, lists
 * and watchers all hold the same block. It is the canonical JSON text of the stored version, with
 * kind and apiVersion first and the resourceVersion in place, ready to be written to a client.
 *
 * References are counted on the loop's thread only.
 */
#ifndef KUBE_OBJECT_H
#define KUBE_OBJECT_H

#include <kube/json.h>

struct object {
	uint32_t refs;
	uint32_t size;    /* of the text */
	int64_t revision; /* resourceVersion */
	uint32_t rest_at; /* behind `{"kind":"…","apiVersion":"…",`: items of lists begin there */
	uint32_t labels_at, labels_size; /* the text of metadata.labels; size 0: none */
	uint32_t epoch; /* of custom ones: the form of a version that it is known to be in, or 0 */
	char text[];
};

struct object *object_ref(struct object *o);
void object_unref(struct object *o); /* NULL is fine */
static inline struct str object_text(const struct object *o)
{
	return (struct str){o->text, o->size};
}
/* A fresh tree of it. */
struct cJSON *object_tree(struct arena *a, const struct object *o);
/* Without metadata.managedFields, often half of it: for all but the API server. Who writes it back
 * changes nothing of them. */
struct cJSON *object_lean_tree(struct arena *a, const struct object *o);
struct str object_labels(const struct object *o); /* JSON text, empty when there are none */
/*
 * The value at a dotted path, found by scanning the text: the contents of a string when it has
 * no escapes, other values as written; empty when absent. For selectors; not for lists.
 */
struct str object_scan(const struct object *o, const char *dotted);

/*
 * A text that wants only its resourceVersion: `digits` go in at rv_at, before text[rv_at].
 * Made from a canonical tree; metadata.resourceVersion of the tree is ignored.
 */
struct draft {
	struct str text;                                 /* heap; draft_done frees */
	uint32_t rv_at, rest_at, labels_at, labels_size; /* as in the finished text */
};
/* The tree must be canonical. */
void draft_from_tree(struct draft *d, const struct cJSON *object);
/* The text of an object again, with room for another revision. */
void draft_from_object(struct draft *d, const struct object *o);
void draft_done(struct draft *d);
struct object *object_new(const struct draft *d, int64_t revision); /* one reference */
/* From the text of an object as it was stored. Any thread. */
struct object *object_from_text(struct str text, int64_t revision);

#endif
