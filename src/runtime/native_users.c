/* Which ids of the node are the users of which pod: none of two. */
#include "native.h"

/* They stand in the order of their ids. */
static void put(struct native_sandbox *s)
{
	struct link *before = NULL;

	list_each (k, &s->native->users) {
		if (LIST_ENTRY(k, struct native_sandbox, in_users)->user_first > s->user_first)
			break;
		before = k;
	}
	if (before)
		link_insert_behind(&s->in_users, before);
	else
		list_push_front(&s->native->users, &s->in_users);
}

/* The ids below `count` are those of the node's own users. */
void native_users_take(struct native_sandbox *s, uint32_t count)
{
	uint64_t first = count;

	if (!count)
		return;
	list_each (k, &s->native->users) {
		const struct native_sandbox *other = LIST_ENTRY(k, struct native_sandbox, in_users);
		uint64_t end = (uint64_t)other->user_first + other->user_count;

		if (first + count <= other->user_first)
			break;
		if (end > first)
			first = (end + count - 1) / count * count;
	}
	s->user_first = (uint32_t)first;
	s->user_count = count;
	put(s);
}

void native_users_know(struct native_sandbox *s)
{
	if (s->user_count)
		put(s);
}
