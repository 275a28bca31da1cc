/*
 * layer_apply: entries of a layer's tar → a directory as overlayfs wants its layers: whiteouts are
 * character devices 0:0, opaque directories say so in an attribute. Nothing is ever resolved
 * outside of the directory, whatever links the layer makes. Blocking; one thread at a time.
 */
#ifndef RUNTIME_LAYER_APPLY_H
#define RUNTIME_LAYER_APPLY_H

#include <kube/buf.h>
#include <kube/tar.h>

struct layer_apply {
	int root; /* the directory; the caller's */
	int64_t entries, max_entries;
	int64_t bytes; /* of files */
	/* the directory entries were made in last */
	struct buf parent_path;
	int parent;
	/* times of directories, set when nothing more is made in them */
	struct arena arena;
	struct layer_time *times;
	size_t time_count, time_cap;
	char *piece;
};

void layer_apply_init(struct layer_apply *l, int root, int64_t max_entries);
void layer_apply_done(struct layer_apply *l);
/* ERR_INVALID for what no layer may hold; the text names the entry. */
int layer_apply_entry(
	struct layer_apply *l, struct tar *t, const struct tar_entry *e, struct err *err);
/* After the last. */
int layer_apply_end(struct layer_apply *l, struct err *err);

/* Takes away what the name means in that directory, with all below it; gone is fine. */
int tree_remove(int parent, const char *name, struct err *err);

#endif
