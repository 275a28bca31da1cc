#include "reinvocation.h"

struct called {
	struct str key;
	struct called *next;
};

struct reinvocation {
	struct admission_review *review;
	struct called *noted, *due;
	struct cJSON *left; /* the object as the plugin left it; NULL: nobody wants to know */
};

static void all_noted_are_due(struct reinvocation *r)
{
	struct called *one;

	while ((one = r->noted)) {
		r->noted = one->next;
		one->next = r->due;
		r->due = one;
	}
}

struct reinvocation *reinvocation_enter(
	struct admission_review *review, struct reinvocation **place)
{
	if (!*place) {
		*place = arena_new(review->arena, sizeof(**place));
		(*place)->review = review;
	}
	/* the other plugins have looked again, and changed something */
	if (review->second && (*place)->noted && !json_equal((*place)->left, review->object))
		all_noted_are_due(*place);
	return *place;
}

bool reinvocation_calls(const struct reinvocation *r, struct str key)
{
	if (!r->review->second)
		return true;
	for (const struct called *one = r->due; one; one = one->next)
		if (str_eq(one->key, key))
			return true;
	return false;
}

void reinvocation_note(struct reinvocation *r, struct str key)
{
	struct called *one = arena_new(r->review->arena, sizeof(*one));

	one->key = arena_str(r->review->arena, key);
	one->next = r->noted;
	r->noted = one;
}

void reinvocation_changed(struct reinvocation *r)
{
	all_noted_are_due(r);
	r->review->again = true;
}

void reinvocation_leave(struct reinvocation *r)
{
	const struct admission_review *review = r->review;

	if (r->noted && !review->second)
		r->left = review->object ? json_copy(review->arena, review->object) : NULL;
}
