/*
 * A document's trees as gnostic's protobuf messages, which some clients ask for. A table says
 * where each key of a tree goes; what has no place and begins with "x-" is an extension.
 */
#ifndef KUBE_API_OPENAPI_GNOSTIC_H
#define KUBE_API_OPENAPI_GNOSTIC_H

#include <kube/buf.h>
#include <kube/json.h>

enum gnostic_coding {
	CODE_STRING,
	CODE_STRINGS, /* repeated */
	CODE_BOOL,
	CODE_INT,
	CODE_DOUBLE,
	CODE_MESSAGE,
	CODE_MESSAGES, /* repeated */
	CODE_ANY,      /* any value, as YAML in a message */
	CODE_ANYS,     /* repeated */
	CODE_SCALAR,   /* DefaultType: a number, boolean or string */
};

struct gnostic_message;

struct gnostic_member {
	const char *key;
	uint32_t number;
	enum gnostic_coding coding;
	const struct gnostic_message *of;
};

/* One of a message's forms: taken when the tree has that key (with that value). */
struct gnostic_choice {
	const char *key, *value; /* NULL: any */
	uint32_t number;
	const struct gnostic_message *of;
};

/* What is zero is not there. */
struct gnostic_message {
	const struct gnostic_member *members; /* end with key NULL */
	uint32_t extensions;                  /* repeated: keys "x-…" with any value */
	uint32_t entries;                     /* repeated: all other keys, each with an `entry` */
	const struct gnostic_message *entry;
	const struct gnostic_choice *choices; /* the first that fits; the last fits all */
	uint32_t words;                       /* the tree is a string or a list of them */
	uint32_t boolean;                     /* a tree that is true or false */
};

extern const struct gnostic_message gnostic_v2_document, gnostic_v3_document;

/* The fields of a message. Pieces of one document written one after another are merged. */
void gnostic_encode(
	struct buf *out, const struct gnostic_message *message, const struct cJSON *tree);

#endif
