/*
 * runtime_native: the built-in runtime behind runtime.h. Each pod has one small helper process
 * (this executable again, `kube shim` in ps) that holds the sandbox's namespaces, is the parent of
 *its containers, keeps their input and output, writes their logs and notes their ends on disk. It
 * outlives whoever started it: a runtime that starts again finds the helpers by what lies below
 * its root, and goes on with them.
 *
 *	ROOT/sandboxes/ID/	config.json, what the helper is told, resolv.conf, shm
 *	ROOT/containers/ID/	config.json, spec.json, upper; started and exited by the helper
 *	ROOT/sockets/…		of the helpers
 *	ROOT/seccomp/…		filters, compiled
 *	ROOT/images/…		see image_store.h
 */
#ifndef KUBE_RUNTIME_NATIVE_H
#define KUBE_RUNTIME_NATIVE_H

#include <kube/runtime.h>

/* Whoever connects pods; its owner's. Both calls are for sandboxes with a network of their own. */
struct runtime_network {
	/*
	 * netns: a path, there as long as the helper lives. Sets ips; called again with those it
	 * gave (ip_count > 0) for a sandbox that was found running after a restart: what is there
	 * is kept.
	 */
	void (*attach)(struct runtime_network *n, struct op *op, const struct sandbox *sandbox,
		struct ip ips[2], size_t *ip_count);
	/* What is gone is done. The netns may be gone already. */
	void (*detach)(struct runtime_network *n, struct op *op, const struct sandbox *sandbox);
};

/* What a container is made from. Borrowed until the loop turns. */
struct image_root {
	const struct str *lowers; /* directories, absolute, the topmost first */
	size_t lower_count;
	const struct str *env, *entrypoint, *command; /* env: "NAME=value" */
	size_t env_count, entrypoint_count, command_count;
	struct str user, working_dir, stop_signal;
	struct str reference; /* with its digest, or the id */
};

/* Whoever has images; its owner's. An image in use is never given to `remove`. */
struct runtime_images {
	void (*pull)(struct runtime_images *i, struct op *op, struct runtime_pull *pull);
	void (*remove)(struct runtime_images *i, struct op *op, struct str id);
	size_t (*list)(struct runtime_images *i, const struct image *const **list);
	/* By reference (any form), id or digest; NULL: not here. */
	const struct image *(*find)(struct runtime_images *i, struct str reference);
	bool (*root)(struct runtime_images *i, struct str id, struct image_root *root);
};

struct runtime_native_options {
	const char *root;        /* a directory on a file system that overlayfs can use */
	const char *cgroup_root; /* before every cgroup_parent; may be empty */
	const char *program;     /* NULL: this executable */
	struct runtime_images *images;
	struct runtime_network *network; /* NULL: pods have a loopback only */
};

/*
 * Reads what lies on disk and finds the helpers; done when every sandbox's state is known. *r is
 * set on success only. Only root can.
 */
void runtime_native_start(struct env *env, struct op *op, struct scope *scope,
	const struct runtime_native_options *options, struct runtime **r);

/* The main function of helpers and of the seed that they are copies of: `kube seed DIRECTORY`. */
int runtime_seed_main(int argc, char **argv);

#endif
