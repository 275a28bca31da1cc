/*
 * What is wrong with a value by its schema, in the order found and each thing once. Schemas that
 * are alternatives are tried into findings of their own, of which some are kept: those of the
 * one that came nearest, which `matches` tells.
 */
#ifndef KUBE_API_CUSTOM_FINDINGS_H
#define KUBE_API_CUSTOM_FINDINGS_H

#include "structural.h"

#include <kube/map.h>

/* Where a value stands in the object. Lives on the stack of who walks. */
struct spot {
	const struct spot *up;
	struct str name; /* a member; no pointer: an item */
	int64_t index;
	bool dotted; /* the name has its dot even where nothing stands before it */
};

struct finding {
	enum field_reason reason;
	bool nowhere;        /* upstream does not say which field */
	struct str at;       /* the field; empty: the value itself */
	struct str rest;     /* behind "Invalid value: " and the like; empty: nothing */
	struct str likeness; /* two of the same are one */
};

struct findings {
	struct arena *arena;
	struct finding *items;
	size_t count, cap;
	size_t matches;  /* checks that were passed, as upstream counts them */
	struct map seen; /* likeness → index + 1; filled from the first finding on */
};

void findings_init(struct findings *f, struct arena *a);
void findings_done(struct findings *f);
void findings_cut(struct findings *f, size_t count); /* keeps the first ones */
void findings_merge(struct findings *into, const struct findings *from);

struct str spot_text(struct arena *a, const struct spot *s);

/* `<value>: <spot> in body <message>` with the value as JSON, or as what is given ready-made. */
void find_invalid(struct findings *f, const struct spot *s, const struct cJSON *value,
	const char *message, ...) KUBE_PRINTF(4, 5);
void find_invalid_raw(struct findings *f, const struct spot *s, struct str value,
	const char *message, ...) KUBE_PRINTF(4, 5);
/* `"integer": spec.s in body must be of type string: "integer"` */
void find_type(struct findings *f, const struct spot *s, struct str wanted, struct str got);
void find_required(struct findings *f, const struct spot *s);
void find_too_long(struct findings *f, const struct spot *s, int64_t max);
void find_too_many(struct findings *f, const struct spot *s, size_t count, int64_t max);
void find_unsupported(struct findings *f, const struct spot *s, const struct cJSON *value,
	const struct cJSON *choices);
/* A sentence that names its place itself. */
void find_sentence(struct findings *f, const char *format, ...) KUBE_PRINTF(2, 3);

/* As field errors below `at`, which may be NULL. */
void findings_report(const struct findings *f, const struct path *at, struct field_errors *errors);

/* A number as Go's %v has it. */
struct str go_number(struct arena *a, const struct cJSON *value);
struct str go_double(struct arena *a, double value);
/* A value as field errors show it. */
struct str go_shown(struct arena *a, const struct cJSON *value);

#endif
