/* From the birth of a process to the moment its program runs. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <kube/mem.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAID_MAX (16 * KIB) /* the groups are the longest of it */

static void listen_more(struct shim_start *s);

static void closed(struct op *op, struct err *err)
{
	struct shim_start *s = CONTAINER_OF(op, struct shim_start, closed);

	/* Whoever is told may begin the next one with the same. */
	_cleanup_(buf_done) struct buf said = s->said;

	(void)err;
	s->groups = str_make(said.at + s->groups_at, s->groups_len);
	s->told(s);
}

/* Told when nothing of the start is in flight any more. */
static void finish(struct shim_start *s)
{
	stream_close(TAKE(s->report));
	if (s->go >= 0)
		close(s->go);
	s->go = -1;
	op_init(&s->closed, s->shim->scope, closed, OP_NO_DEADLINE);
	scope_close(&s->scope, &s->closed);
}

/* The terminal is made in the container, where its name means something. */
static void take_terminal(struct shim_start *s, struct str number)
{
	int64_t fd = -1;

	if (str_to_i64(number, &fd))
		s->master = (int)syscall(SYS_pidfd_getfd, s->child->pidfd, (int)fd, 0);
	if (s->master >= 0)
		fcntl(s->master, F_SETFD, FD_CLOEXEC);
	/* Without the byte it gives up and says so. */
	if (s->master >= 0 && write(s->go, "", 1) != 1) {
		close(s->master);
		s->master = -1;
	}
}

static void read_line(struct shim_start *s, struct str line)
{
	struct str uid, gid, groups, rest = str_skip(line, 1);

	if (line.len && line.at[0] == 'T')
		take_terminal(s, rest);
	if (line.len && line.at[0] == 'U' && str_cut(rest, ' ', &uid, &rest) &&
		str_cut(rest, ' ', &gid, &groups)) {
		str_to_i64(uid, &s->uid);
		str_to_i64(gid, &s->gid);
		s->groups_at = (size_t)(groups.at - s->said.at);
		s->groups_len = groups.len;
	}
}

static void read_said(struct shim_start *s)
{
	for (;;) {
		struct str rest = str_skip(buf_str(&s->said), s->read), line;
		if (rest.len == 0 || rest.at[0] == 'E' || !str_cut(rest, '\n', &line, &rest))
			return;
		s->read += line.len + 1;
		read_line(s, line);
	}
}

static void heard(struct op *op, struct err *err)
{
	struct shim_start *s = CONTAINER_OF(op, struct shim_start, op);

	if (!err->code && op->n > 0) {
		read_said(s);
		listen_more(s);
		return;
	}
	struct str rest = str_skip(buf_str(&s->said), s->read);
	if (rest.len && rest.at[0] == 'E')
		err_set(&s->err, ERR_INVALID, "%.*s", (int)rest.len - 1, rest.at + 1);
	else if (err->code)
		err_move(&s->err, err);
	finish(s);
}

static void listen_more(struct shim_start *s)
{
	op_init(&s->op, &s->scope, heard, OP_NO_DEADLINE);
	stream_read(s->report, &s->op, &s->said, 4 * KIB);
}

static void failed_early(struct op *op, struct err *err)
{
	(void)err;
	finish(CONTAINER_OF(op, struct shim_start, op));
}

/* The child's processes are numbered in another's namespace: asked for by who makes it. */
static int give_birth(struct shim_start *s, const struct child *what, int pid_namespace_of,
	bool new_pid_namespace)
{
	if (pid_namespace_of >= 0 && setns(pid_namespace_of, CLONE_NEWPID))
		return err_set_errno(&s->err, errno, "entering the processes of the container");
	s->child->pid = child_start(what, new_pid_namespace, &s->child->pidfd, &s->err);
	if (pid_namespace_of >= 0 && setns(s->shim->own_pids, CLONE_NEWPID))
		_exit(1);
	return s->child->pid < 0 ? s->child->pid : 0;
}

void shim_start_child(struct shim_start *s, const struct child *what, int pid_namespace_of,
	bool new_pid_namespace)
{
	int report[2] = {-1, -1}, go[2] = {-1, -1};
	struct child child = *what;

	child.users = s->shim->users;
	child.users_first = s->shim->users_first;

	s->read = 0;
	s->uid = s->gid = -1;
	s->groups_at = s->groups_len = 0;
	s->master = s->go = -1;
	s->report = NULL;
	buf_init(&s->said, SAID_MAX);
	scope_init(&s->scope, s->shim->scope, "start", NULL);
	if (pipe2(report, O_CLOEXEC) || pipe2(go, O_CLOEXEC)) {
		err_set_errno(&s->err, errno, "making pipes");
	} else {
		child.report = report[1];
		child.go = go[0];
		s->report = stream_from_fd(s->shim->loop, &s->scope, report[0]);
		if (s->report)
			report[0] = -1;
		s->go = TAKE(go[1]);
		go[1] = -1;
		if (give_birth(s, &child, pid_namespace_of, new_pid_namespace) == 0)
			list_push(&s->shim->children, &s->child->in_shim);
	}
	for (int i = 0; i < 2; i++) {
		if (report[i] >= 0)
			close(report[i]);
		if (go[i] >= 0)
			close(go[i]);
	}
	if (!s->err.code && s->report) {
		listen_more(s);
		return;
	}
	op_init(&s->op, &s->scope, failed_early, OP_NO_DEADLINE);
	op_yield(&s->op);
}
