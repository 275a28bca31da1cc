/*
 * Between the parts of kube check. Each looks at one side of a machine or a cluster, changes
 * nothing, and says what it found; what is no good comes with what can be done about it.
 */
#ifndef MAIN_CHECK_H
#define MAIN_CHECK_H

#include "server_lock.h"

#include <kube/env.h>
#include <kube/json.h>

enum verdict { FINE, WARNING, FAILURE };

struct check {
	/* flags */
	struct str data_dir, output, domain;
	bool help;
	/* running */
	struct arena arena;
	struct env *env;
	const char *dir;
	pid_t server;           /* 0: none */
	struct cJSON *findings; /* of --output json; NULL: they are printed as they come */
	size_t counts[FAILURE + 1];
};

/* remedy: a sentence; NULL where there is nothing to mend. */
void check_say(struct check *c, enum verdict verdict, const char *what, const char *remedy,
	const char *format, ...) KUBE_PRINTF(5, 6);
/* NULL: it cannot be read. */
const char *check_read(struct check *c, const char *path);

/* ---- the parts, in their order ---- */
void check_machine(struct check *c); /* what pods need of the kernel and of root */
void check_data(struct check *c);    /* the data directory: room, images, certificates */
void check_rivals(struct check *c);  /* ports, other clusters, firewalls */
void check_cluster(struct check *c); /* the one whose server runs */

/* ---- decisions, without looking at anything ---- */

/* NULL: that time is right as far as anybody can tell. `newest`: of what has been written; 0: none.
 */
const char *check_time(int64_t now, int64_t newest);
/* Of a pod: true when it is not as it should be, with why. */
bool check_pod(const struct cJSON *pod, int64_t now, struct buf *why);
/* Of a node: true when pods cannot run well on it. */
bool check_node(const struct cJSON *node, struct buf *why);
/* Does the name of a process say that it is another cluster's? */
bool check_is_rival(struct str name);

#endif
