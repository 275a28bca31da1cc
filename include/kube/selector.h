/*
 * Label and field selectors: parsed once, matched often, printed canonically.
 */
#ifndef KUBE_SELECTOR_H
#define KUBE_SELECTOR_H

#include <kube/json.h>

enum selector_op {
	SEL_EQ,
	SEL_NOT_EQ,
	SEL_IN,
	SEL_NOT_IN,
	SEL_EXISTS,
	SEL_NOT_EXISTS,
	SEL_GT,
	SEL_LT
};

struct selector_term {
	struct str key;
	enum selector_op op;
	struct str *values; /* sorted */
	size_t count;
	int64_t number; /* GT and LT */
};

struct selector {
	struct selector_term *terms; /* sorted by key; all must hold */
	size_t count;
	bool nothing; /* matches no object (a nil LabelSelector) */
};

/* `a=b,c in (d,e),!f`: ERR_BAD_REQUEST with upstream's words. An empty text matches all. */
int label_selector_parse(struct arena *a, struct str text, struct selector *s, struct err *err);
/* A LabelSelector object; NULL matches nothing, {} everything. */
int label_selector_from(
	struct arena *a, const struct cJSON *object, struct selector *s, struct err *err);
bool label_selector_matches(const struct selector *s, const struct cJSON *labels);
/* The same over the labels' JSON text (canonical, an object), without parsing it into a tree. */
bool label_selector_matches_text(const struct selector *s, struct str labels_json);
struct str label_selector_print(struct arena *a, const struct selector *s);

/* `metadata.name=x,status.phase!=Running`, with backslash escapes. Only = == !=. */
int field_selector_parse(struct arena *a, struct str text, struct selector *s, struct err *err);
struct str field_selector_print(struct arena *a, const struct selector *s);
/* The value that must equal for `key`, if the selector demands exactly one. */
bool field_selector_requires(const struct selector *s, struct str key, struct str *value);

#endif
