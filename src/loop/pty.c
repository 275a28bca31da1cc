#include <kube/env.h>
#include <kube/pty.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "transport.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* By number below the ptmx's own directory, for kernels before 4.13. */
static int open_by_number(int ours)
{
	unsigned number;
	char path[64];
	if (ioctl(ours, TIOCGPTN, &number))
		return -1;
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int open_theirs(int ours)
{
	/* Through the end we have, so that it is the right one whatever is mounted where. */
	int fd = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 && (errno == ENOTTY || errno == EINVAL) ? open_by_number(ours) : fd;
}

int pty_open(struct pty *pty, const char *ptmx, const struct pty_size *size, struct err *err)
{
	const char *path = ptmx ? ptmx : "/dev/ptmx";
	int unlocked = 0;
	struct pty p = {.theirs = -1};
	p.ours = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p.ours < 0)
		return err_set_errno(err, errno, "open %s", path);
	int code = 0;
	if (ioctl(p.ours, TIOCSPTLCK, &unlocked) || (p.theirs = open_theirs(p.ours)) < 0)
		code = err_set_errno(err, errno, "opening a terminal of %s", path);
	if (!code && size)
		code = pty_resize(p.ours, size, err);
	if (code)
		pty_done(&p);
	else
		*pty = p;
	return code;
}

void pty_close_theirs(struct pty *pty)
{
	fd_close(&pty->theirs);
}

void pty_done(struct pty *pty)
{
	fd_close(&pty->ours);
	fd_close(&pty->theirs);
}

struct stream *pty_take_stream(struct pty *pty, struct loop *loop, struct scope *scope)
{
	struct stream *s = stream_from_fd(loop, scope, pty->ours);
	if (s)
		pty->ours = -1;
	return s;
}

int pty_resize(int fd, const struct pty_size *size, struct err *err)
{
	struct winsize w = {.ws_row = size->rows, .ws_col = size->columns};
	return ioctl(fd, TIOCSWINSZ, &w) ? err_set_errno(err, errno, "resizing a terminal") : 0;
}

int pty_size_of(int fd, struct pty_size *size, struct err *err)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w))
		return err_set_errno(err, errno, "asking for a terminal's size");
	*size = (struct pty_size){.rows = w.ws_row, .columns = w.ws_col};
	return 0;
}
