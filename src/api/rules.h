/* The checks that most kinds are made of: members that must be there, be of some words, or lie in
 * a range. `p` is the path of the object the member stands in. */
#ifndef KUBE_API_RULES_H
#define KUBE_API_RULES_H

#include "kinds.h"

#include <kube/map.h>

/* Text that must be there; false (and an error) when it is not. */
bool rule_text(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name);
/* A list or map with something in it. */
bool rule_some(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name);
/* One of the words (NULL ends them, printed in this order). */
void rule_choice(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, const char *const *choices);
void rule_choice_required(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, const char *const *choices);
bool rule_is_one_of(struct str value, const char *const *choices);
/* A number, if it is there. */
void rule_between(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, int64_t low, int64_t high);
void rule_positive(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name);
/* A name, if it is there. */
void rule_name(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, name_check_fn *check);
/* The same for any text, its faults in one error, with commas between them, behind `intro`. */
void rule_name_joined(struct field_errors *e, const struct path *at, struct str value,
	const char *intro, name_check_fn *check);
/* Does an item before `index` have the same text in `key` (NULL: is it the same text)? */
bool rule_came_before(const struct cJSON *list, size_t index, const char *key, struct str value);
/*
 * The same question over long lists, asked of every item: texts by where they come first.
 * Clients decide how long lists are, so they are not walked once for each of their items.
 */
struct rule_index {
	struct map first; /* text → position + 1; borrows the list's text */
};
void rule_index_init(struct rule_index *x, const struct cJSON *list, const char *key);
void rule_index_done(struct rule_index *x);
bool rule_index_before(const struct rule_index *x, size_t index, struct str value);
/* A number or a port's name. */
void rule_port(struct field_errors *e, const struct path *at, const struct cJSON *port);
void rule_port_number(struct field_errors *e, const struct path *at, int64_t port);
/* Paths below some directory. */
void rule_relative_path(struct field_errors *e, const struct path *at, struct str path);
void rule_no_backsteps(struct field_errors *e, const struct path *at, struct str path);
void rule_free_path(struct field_errors *e, const struct path *at, struct str path);
/* Did the member change? An error "field is immutable" when it did. */
void rule_immutable(struct field_errors *e, const struct path *p, const struct cJSON *now,
	const struct cJSON *old, const char *name);
/* The same of two values wherever they stand; a struct is printed by its Go names (schema). */
void rule_same(struct field_errors *e, const struct path *at, const struct schema *schema,
	const struct cJSON *now, const struct cJSON *old);

#endif
