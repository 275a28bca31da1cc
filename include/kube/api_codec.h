/*
 * From what a client sent to the canonical form of an object, and back. Objects are cJSON trees
 * in an arena, everywhere: one representation for decoding, defaults, patches, validation.
 *
 * Canonical form: keys in the order of the schema (maps in byte order), no nulls but those Go
 * prints, empties exactly where Go prints them, quantities and times normalised, kind and
 * apiVersion first. Printing a canonical tree gives upstream's bytes.
 */
#ifndef KUBE_API_CODEC_H
#define KUBE_API_CODEC_H

#include <kube/schema.h>

/* What decoding found that is no error by itself. Filled in the order of the document. */
struct decode_notes {
	struct arena *arena;
	struct str *items; /* "unknown field \"spec.nope\"", "duplicate field \"metadata.name\"" */
	size_t count, cap;
};
void decode_note(struct decode_notes *notes, struct str text);

/*
 * Checks types against the schema (ERR_BAD_REQUEST with Go's words: "json: cannot unmarshal
 * string into Go struct field DeploymentSpec.spec.replicas of type int32"), drops nulls and
 * unknown fields (noted when `notes` is not NULL) and gives the canonical form. The input is not
 * changed; the result may share its leaves.
 */
int api_decode(struct arena *a, const struct schema *s, const struct cJSON *in,
	struct decode_notes *notes, struct cJSON **out, struct err *err);

/*
 * The canonical form of a tree that our own code has put together or changed (fields in any
 * order, empties missing). Unknown fields are our own mistake (asserted).
 */
struct cJSON *api_canonical(struct arena *a, const struct schema *s, const struct cJSON *in);
/* The same before it is stored: an empty list that Go prints is not yet the null it becomes. */
struct cJSON *api_canonical_sent(struct arena *a, const struct schema *s, const struct cJSON *in);

/* Sets every `standard` of the tables that is missing, parents before children. In place. */
void api_set_standards(struct arena *a, const struct schema *s, struct cJSON *object);

/*
 * A value as Go's %#v-less JSON of its internal struct, for "Invalid value: {…}": every field
 * under its Go name ("Key", "TimeAdded"), nil as null.
 */
void api_print_go(struct buf *out, const struct schema *s, const struct cJSON *value);
/*
 * What changed, for "… is immutable after creation": both values as above, one member a line, and
 * a unified diff of them with three lines around each change. Nothing when they are too long.
 */
void api_diff_go(struct buf *out, struct arena *a, const struct schema *s, const struct cJSON *old,
	const struct cJSON *now);

/* ---- protobuf, for built-in types ---- */
/* The message alone, no envelope. kind and apiVersion are not part of it. */
void proto_encode(struct buf *out, const struct schema *s, const struct cJSON *object);
/* Gives the canonical form. Unknown fields are skipped. ERR_BAD_REQUEST. */
int proto_decode(struct arena *a, const struct schema *s, struct str bytes, struct cJSON **out,
	struct err *err);
/* "k8s\0" and runtime.Unknown around a message. */
void proto_wrap(struct buf *out, struct str api_version, struct str kind, struct str message);
int proto_unwrap(struct str bytes, struct str *api_version, struct str *kind, struct str *message,
	struct err *err);
bool proto_is_wrapped(struct str bytes); /* begins with the magic */

/* ---- shorthands on trees ---- */
/* The text at a dotted path, empty when absent. */
struct str tree_str(const struct cJSON *root, const char *dotted);
/* The integer at a dotted path, or `fallback`. */
int64_t tree_int(const struct cJSON *root, const char *dotted, int64_t fallback);
bool tree_true(const struct cJSON *root, const char *dotted);
/* Present and not null. */
bool tree_has(const struct cJSON *root, const char *dotted);
/* Sets the value at a dotted path, making the objects on the way. NULL removes. */
void tree_set(struct arena *a, struct cJSON *root, const char *dotted, struct cJSON *value);
void tree_set_str(struct arena *a, struct cJSON *root, const char *dotted, struct str value);
void tree_set_int(struct arena *a, struct cJSON *root, const char *dotted, int64_t value);
void tree_drop(struct cJSON *root, const char *dotted);

#endif
