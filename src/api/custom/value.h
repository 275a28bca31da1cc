/* Values against schemas, in the words of upstream's OpenAPI validation. */
#ifndef KUBE_API_CUSTOM_VALUE_H
#define KUBE_API_CUSTOM_VALUE_H

#include "findings.h"

/* An old value that is known to be the same thing as the new one. */
struct correlated {
	const struct node *node;
	const struct cJSON *now, *old; /* old NULL: there is none */
};
/* NULL `old` in the result: nothing is known of the member or item before. */
struct correlated correlated_member(const struct correlated *c, struct str name);
/* The old items of one list by their keys; zeroed before the first is asked for. */
struct old_items {
	struct map by_keys; /* the keys as text → the item */
	bool known;
};
struct correlated correlated_item(
	const struct correlated *c, struct old_items *old, const struct cJSON *item);
void old_items_done(struct old_items *old);
/* Unchanged? Lists with keys may have another order. */
bool correlated_equal(const struct correlated *c);

/* `before` may be NULL: nothing is ratcheted then. */
void value_check(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before);

/* ---- parts of it ---- */
void check_string(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at);
void check_number(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at);
/* False, and a finding: none of the schema's choices. */
bool check_choice(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at);
bool go_is_whole(double value); /* as upstream tells doubles that are integers */

/* Is text of that format? Formats that are not known fit everything. */
bool format_fits(struct str format, struct str text);
/* Formats that are honoured at all, of strings or numbers. */
bool format_is_known(struct str format);
/* Those of strings that are looked at. */
bool format_is_checked(struct str format);

#endif
