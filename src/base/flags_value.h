/* How one flag takes one value, wherever the value comes from. Private to flags. */
#ifndef KUBE_BASE_FLAGS_VALUE_H
#define KUBE_BASE_FLAGS_VALUE_H

#include <kube/flags.h>

#define FLAGS_MAX_ARGS  ((size_t)4096)
#define FLAGS_MAX_ITEMS ((size_t)4096) /* of one list or map */
#define FLAGS_MAX_VALUE MIB
#define FLAGS_MAX_FILE  MIB

/*
 * Parses the text by the flag's kind into its target. Lists and maps add to what is there, or
 * start afresh when `replace`. On failure the target is untouched and the text says only why.
 */
int flags_set(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err);
void flags_clear(struct flag *f); /* the zero value of its kind */

int flags_set_list(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err);
int flags_set_map(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err);
int flags_set_gates(
	struct flag *f, struct arena *a, struct str text, bool replace, struct err *err);

/* One element more. The room of an array is its count rounded up to a power of two. */
int flags_add_item(struct flag_list *list, struct arena *a, struct str item, struct err *err);
int flags_put_pair(
	struct flag_map *map, struct arena *a, struct str key, struct str value, struct err *err);
/* Is this a gate that may have this value? The value becomes "true" or "false". */
int flags_check_gate(
	const struct flag_gate *gates, struct str name, struct str *value, struct err *err);

int quantity_parse_whole(struct str text, int64_t *value, struct err *err);

/* "; did you mean --x?" for the err, or "" when nothing is near. prefix stands before the name. */
struct str flags_suggest(struct flag *flags, struct arena *a, struct str word, const char *prefix);

#endif
