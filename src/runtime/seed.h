/*
 * seed: what the helpers of pods grow from. It is the helper's program, started once and stopped
 * before it does anything: it has been loaded and relocated, and has no thread and no state. For
 * each pod it makes a copy of itself. So all helpers share the pages that every program dirties
 * on its way to main(), which are several times what a helper needs for itself; and a pod starts
 * without a program being loaded.
 *
 * The copy is a child of whoever runs the seed (CLONE_PARENT), in namespaces of its own. All
 * copies have their addresses where the seed has them; a seed lives as long as its runtime.
 *
 * The wire is a SOCK_SEQPACKET pair: a request with the descriptor on which the copy reports, an
 * answer with its pidfd.
 */
#ifndef KUBE_RUNTIME_SEED_H
#define KUBE_RUNTIME_SEED_H

#include <kube/err.h>

#include <stdint.h>
#include <sys/types.h>

#define SEED_PATH_MAX 4096

struct seed_request {
	int32_t namespaces; /* CLONE_NEW… */
	char directory[SEED_PATH_MAX];
};

struct seed_answer {
	int32_t failed; /* an errno; 0: there is a copy */
	int32_t pid;
};

/* One message with one descriptor at most (-1: none). 0 or an errno. */
int seed_send(int socket, const void *bytes, size_t size, int fd);
/* As much was sent; *fd is -1 if none came. 0 or an errno: ECONNRESET at the end. */
int seed_receive(int socket, void *bytes, size_t size, int *fd);

/*
 * Serves requests. Comes back in each copy, which has its descriptor to report at `report` and
 * nothing of the seed's. In the seed itself it comes back (false) when nobody asks any more.
 */
bool seed_serve(int socket, int report, struct seed_request *request);

#endif
