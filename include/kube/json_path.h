/*
 * JSONPath as kubectl and the columns of custom resources have it: text with expressions in
 * braces, `{.spec.containers[*].name}`, with ranges, filters, unions, slices and recursive descent.
 *
 * A path is read once and asked often. It lives in the arena it was read into; nothing of the
 * text is borrowed. Pure; on any thread.
 */
#ifndef KUBE_JSON_PATH_H
#define KUBE_JSON_PATH_H

#include <kube/json.h>

struct json_path;

enum { JSON_PATH_MAX = 64 * 1024, JSON_PATH_DEPTH = 64 };

/*
 * The text as kubectl takes it. ERR_SYNTAX in upstream's words ("unclosed action", "invalid array
 * index x"), ERR_TOO_LARGE beyond the ceilings above.
 */
int json_path_parse(struct arena *a, struct str text, struct json_path **path, struct err *err);

/* What one piece of the text has found: the text itself, or values, in order. */
struct json_path_result {
	const struct cJSON **values;
	size_t count;
};
struct json_path_results {
	struct json_path_result *items;
	size_t count;
};

/*
 * Asks an object. Without missing_ok a field that is not there is ERR_NOT_FOUND ("nope is not
 * found"). ERR_INVALID in upstream's words for what cannot be done with a value (an index behind
 * the end, a filter over a map). Values point into `root` or into the arena.
 */
int json_path_find(const struct json_path *p, struct arena *a, const struct cJSON *root,
	bool missing_ok, struct json_path_results *out, struct err *err);

/* The values of one piece as kubectl prints them, spaces between; maps and lists as JSON. */
void json_path_print(struct buf *out, const struct json_path_result *result);

#endif
