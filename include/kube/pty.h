/*
 * pty: a pair of terminal ends. A program gets the one (as descriptors 0, 1 and 2 of a process in
 * a session of its own, with `terminal`), we keep the other as a stream: what the program writes
 * is read there, and what is written there is typed to the program. It ends (0 bytes) when nobody
 * has the program's end open any more.
 */
#ifndef KUBE_PTY_H
#define KUBE_PTY_H

#include <kube/stream.h>

struct pty {
	int ours;   /* until pty_take_stream */
	int theirs; /* closed by us once the program has it */
};

struct pty_size { /* in characters; 0 by 0: unknown */
	uint16_t rows, columns;
};

/* Both ends are close-on-exec. `size` may be NULL; `ptmx` too: /dev/ptmx, not a container's own. */
int pty_open(struct pty *pty, const char *ptmx, const struct pty_size *size, struct err *err);
void pty_close_theirs(struct pty *pty);
/* Closes what is still here. */
void pty_done(struct pty *pty);
/* Our end, now the stream's; NULL, and the end stays, when no descriptor is left for it. */
struct stream *pty_take_stream(struct pty *pty, struct loop *loop, struct scope *scope);

/* Of either end; the program is told by SIGWINCH. */
int pty_resize(int fd, const struct pty_size *size, struct err *err);
int pty_size_of(int fd, struct pty_size *size, struct err *err);

#endif
