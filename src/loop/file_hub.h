/* The one inotify of a loop, and the places that watches want to hear of. */
#ifndef KUBE_LOOP_FILE_HUB_H
#define KUBE_LOOP_FILE_HUB_H

#include "driver.h"

struct file_hub;

/*
 * Embedded by who wants to hear. Changes on the way to `path` call `told` once a batch; it begins
 * and ends no watches.
 */
struct file_path {
	struct file_hub *hub; /* NULL: not watched */
	struct link in_hub;
	struct list points;
	const char *path; /* absolute; the embedder's */
	void (*told)(struct file_path *f);
	bool dirty;
	bool blind; /* some of the way cannot be watched */
};

/* Made when it is first wanted. False: there is no inotify to be had. */
bool file_path_watch(struct file_path *f, struct driver *d);
void file_path_forget(struct file_path *f);
void file_hub_free(struct driver *d);

#endif
