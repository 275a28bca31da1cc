/* Messages of protobuf that expressions make by their names: each is the value that it wraps. */
#ifndef KUBE_CEL_MESSAGES_H
#define KUBE_CEL_MESSAGES_H

#include "value.h"

enum { MESSAGE_FIELDS = 6 };

struct message {
	struct str name;
	const struct cel_type *yields;
	struct {
		struct str name;
		const struct cel_type *type;
	} fields[MESSAGE_FIELDS]; /* as many as have a type */
	struct cel_value (*make)(struct arena *a, struct cel_value fields);
};

const struct message *message_find(struct str name); /* NULL: no such */
/* The type of a field; NULL when there is none. */
const struct cel_type *message_field(const struct message *m, struct str name);

#endif
