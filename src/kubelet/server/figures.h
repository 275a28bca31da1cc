/* What containers and the node use, gathered for one answer. */
#ifndef KUBE_KUBELET_SERVER_FIGURES_H
#define KUBE_KUBELET_SERVER_FIGURES_H

#include "node_request.h"

struct container_figure {
	const struct container *container;
	const struct sandbox *sandbox;
	struct container_usage usage;
	int64_t nano_cores; /* -1: nobody has looked twice */
};

struct node_figures {
	int64_t at;                 /* wall ns */
	int64_t cpu_ns, nano_cores; /* since boot; of all cores; -1 as above */
	int64_t memory_total, memory_available, memory_used, memory_rss, page_faults, major_faults;
	int64_t cores, booted;
	const struct sandbox *const *sandboxes;
	size_t sandbox_count;
	struct container_figure *containers; /* those that run */
	size_t container_count;
};

/* Into the arena; what it points to lives until the loop turns. */
void figures_gather(struct node_request *r, struct node_figures *f);

/* A rate since the last look: looks are remembered by name, for as long as they come. */
struct rate_book;
struct rate_book *rate_book_new(void);
void rate_book_free(struct rate_book *b);
int64_t rate_book_look(struct rate_book *b, struct str name, int64_t at, int64_t cpu_ns);

#endif
