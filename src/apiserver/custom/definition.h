/* Between definitions.c, which has them all, and cleanup.c, which ends one. */
#ifndef KUBE_APISERVER_CUSTOM_DEFINITION_H
#define KUBE_APISERVER_CUSTOM_DEFINITION_H

#include "custom_kind.h"
#include "definitions.h"

#include <kube/map.h>
#include <kube/task.h>

struct cleanup;

/* One definition that stands in the store, or did until a moment ago. */
struct definition {
	struct definitions *all;
	struct link in_dirty; /* to be looked at */
	struct arena arena;
	struct str name, group;
	struct arena names;           /* of the following */
	const struct cJSON *accepted; /* its names, as they are or are about to be stored */
	struct custom_kind *kind;     /* that is served; NULL: none */
	bool gone;
	/* a write of its status under way */
	bool writing;
	struct arena work;
	struct commit commit;
	struct op op;
	struct cleanup *cleanup; /* NULL: it is not being deleted */
};

struct definitions {
	struct api_server *server;
	struct scope scope;
	struct bucket *bucket;
	struct watch watch;
	bool watching;
	struct map by_name; /* struct definition */
	struct list dirty;
	struct op turn; /* looks at what is dirty */
	struct op retry;
	uint32_t epoch; /* the last one given away */
	bool changed;   /* discovery has to hear of it */
};

const struct resource *definitions_resource(void);
/* It is looked at in the next turn of the loop. */
void definition_touch(struct definition *d);
/* The same in a while: something failed that may not fail then. */
void definition_retry(struct definition *d);
/*
 * Prepares the write of a changed tree of what stands there; who changed it is noted as upstream
 * does. The draft is in *commit.
 */
void definition_draft(struct definition *d, struct arena *a, struct commit *commit,
	const struct object *old, struct cJSON *tree);

/* cleanup.c: deletes its objects, waits until they are gone, and lets it go. */
void cleanup_start(struct definition *d);

#endif
