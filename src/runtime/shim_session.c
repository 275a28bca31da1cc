/*
 * Sessions: a further program in a container (exec), somebody who watches the container's own
 * (attach), a connection to a port. Descriptors wait in `far` until the runtime has copied them.
 *
 * A session belongs to the link that asked: when that goes, its program is killed.
 */
#include "shim.h"

#include <kube/block.h>
#include <kube/ip.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An onlooker that is this far behind is cut off: the container waits for nobody. */
#define BEHIND_MAX      (1 * MIB)
#define CONNECT_TIMEOUT (30 * SEC)

struct shim_session {
	struct link in_shim;
	struct shim *shim;
	struct shim_link *owner; /* NULL: gone */
	int64_t id;
	struct scope scope;
	struct arena arena;
	struct op closed;
	int far[3];
	bool taken, attached;
	/* exec */
	struct shim_child child;
	struct shim_start start;
	struct child what;
	struct spec_strs args;
	bool started, ended, refused;
	int status;
	/* attach */
	struct shim_container *container;
	struct stream *copies[2];
	struct outbox *boxes[2];
	struct op flushes[2];
	int exit_code, flushing;
	/* connect */
	struct stream *connection;
	struct op connecting;
	uint16_t port;
	bool ipv6;
};

/* ---- all kinds ---- */

static struct shim_session *session_new(struct shim *shim, struct shim_link *link, int64_t id)
{
	struct shim_session *s = mem_new(sizeof(*s));

	*s = (struct shim_session){
		.shim = shim, .owner = link, .id = id, .far = {-1, -1, -1}, .child = {.pidfd = -1}};
	arena_init(&s->arena);
	scope_init(&s->scope, shim->scope, "session", NULL);
	list_push(&shim->sessions, &s->in_shim);
	return s;
}

static void close_far(struct shim_session *s)
{
	for (int i = 0; i < 3; i++) {
		if (s->far[i] >= 0)
			close(s->far[i]);
		s->far[i] = -1;
	}
}

static void session_closed(struct op *op, struct err *err)
{
	struct shim_session *s = CONTAINER_OF(op, struct shim_session, closed);

	(void)err;
	err_done(&s->start.err);
	arena_done(&s->arena);
	mem_free(s);
}

static void session_end(struct shim_session *s)
{
	link_remove(&s->in_shim);
	close_far(s);
	for (int i = 0; i < 2; i++) {
		outbox_free(TAKE(s->boxes[i]));
		stream_close(TAKE(s->copies[i]));
	}
	stream_close(TAKE(s->connection));
	op_init(&s->closed, s->shim->scope, session_closed, OP_NO_DEADLINE);
	scope_close(&s->scope, &s->closed);
}

static void tell_exit(struct shim_session *s, int code)
{
	if (s->owner)
		shim_answer(s->owner, 0, "\"session\":%lld,\"exit\":%d", (long long)s->id, code);
}

static void answer_far(struct shim_session *s)
{
	shim_answer(s->owner, s->id, "\"in\":%d,\"out\":%d,\"err\":%d", s->far[0], s->far[1],
		s->far[2]);
}

static void read_args(struct shim_session *s, const struct cJSON *list)
{
	s->args.items = arena_new(&s->arena, (json_count(list) + 1) * sizeof(struct str));
	json_each (item, list) {
		s->args.items[s->args.count++] = arena_str(&s->arena, json_str(item));
	}
}

static struct shim_container *find_running(
	struct shim *shim, const struct cJSON *request, struct err *err)
{
	struct str id = json_str(json_get(request, STR("container")));
	struct shim_container *c = shim_container_find(shim, id);

	if (c && c->running && !c->ended)
		return c;
	err_set(err, ERR_NOT_FOUND, "container %.*s is not running", STRF(id));
	return NULL;
}

/* ---- exec ---- */

static void exec_over(struct shim_session *s)
{
	if (!s->started || !s->ended)
		return;
	if (!s->refused && s->owner && !s->taken)
		return;
	session_end(s);
}

static void exec_ended(struct shim *shim, struct shim_child *child, int status)
{
	struct shim_session *s = CONTAINER_OF(child, struct shim_session, child);

	(void)shim;
	s->status = status;
	s->ended = true;
	if (s->started && !s->refused)
		tell_exit(s, shim_exit_code(status));
	exec_over(s);
}

static void exec_told(struct shim_start *start)
{
	struct shim_session *s = CONTAINER_OF(start, struct shim_session, start);

	s->started = true;
	s->refused = start->err.code != 0;
	if (s->refused) {
		/* A child that never was is not waited for. */
		s->ended = s->ended || s->child.pid <= 0;
		if (s->owner)
			shim_refuse(s->owner, s->id, &start->err);
	} else if (!s->owner) {
		syscall(SYS_pidfd_send_signal, s->child.pidfd, SIGKILL, NULL, 0);
	} else {
		if (start->master >= 0)
			s->far[0] = s->far[1] = start->master;
		answer_far(s);
		if (s->ended)
			tell_exit(s, shim_exit_code(s->status));
		s->far[0] = start->master >= 0 ? -1 : s->far[0];
	}
	exec_over(s);
}

/* Pipes for what was asked for; /dev/null in the place of the rest. */
static int exec_stdio(
	struct shim_session *s, const struct cJSON *request, int stdio[3], struct err *err)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	for (int i = 0; i < 3; i++) {
		int ends[2];
		if (!json_bool(json_get(request, str_from(names[i])))) {
			stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			continue;
		}
		if (pipe2(ends, O_CLOEXEC))
			return err_set_errno(err, errno, "making pipes");
		stdio[i] = ends[i != 0];
		s->far[i] = ends[i == 0];
	}
	return 0;
}

void shim_exec(struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	_cleanup_(err_done) struct err err = {0};
	struct shim_container *c = find_running(shim, request, &err);

	if (!c) {
		shim_refuse(link, id, &err);
		return;
	}
	struct shim_session *s = session_new(shim, link, id);
	s->child.ended = exec_ended;
	s->start = (struct shim_start){.shim = shim, .child = &s->child, .told = exec_told};
	read_args(s, json_get(request, STR("command")));
	s->what = (struct child){.spec = &c->spec,
		.cgroups = &shim->cgroups,
		.args = &s->args,
		.filter = c->filter,
		.enter = c->child.pidfd,
		.stdio = {-1, -1, -1},
		.tty = json_bool(json_get(request, STR("tty")))};
	int code = s->what.tty ? 0 : exec_stdio(s, request, s->what.stdio, &err);
	if (!code)
		shim_start_child(&s->start, &s->what, c->child.pidfd, false);
	for (int i = 0; i < 3; i++)
		if (s->what.stdio[i] >= 0)
			close(s->what.stdio[i]);
	if (code) {
		shim_refuse(link, id, &err);
		session_end(s);
	}
}

/* ---- attach ---- */

static void attach_flushed(struct shim_session *s)
{
	if (--s->flushing > 0 || !link_linked(&s->in_shim))
		return;
	tell_exit(s, s->exit_code);
	if (s->taken || !s->owner)
		session_end(s);
}

static void flushed_out(struct op *op, struct err *err)
{
	(void)err;
	attach_flushed(CONTAINER_OF(op, struct shim_session, flushes[0]));
}

static void flushed_err(struct op *op, struct err *err)
{
	(void)err;
	attach_flushed(CONTAINER_OF(op, struct shim_session, flushes[1]));
}

void shim_sessions_end(struct shim_container *c, int exit_code)
{
	list_each_safe (k, &c->shim->sessions) {
		struct shim_session *s = LIST_ENTRY(k, struct shim_session, in_shim);
		if (s->container != c)
			continue;
		s->container = NULL;
		s->exit_code = exit_code;
		s->flushing = 1;
		for (int i = 0; i < 2; i++)
			if (s->boxes[i]) {
				s->flushing++;
				op_init(&s->flushes[i], &s->scope, i ? flushed_err : flushed_out,
					OP_NO_DEADLINE);
				outbox_flush(s->boxes[i], &s->flushes[i]);
			}
		attach_flushed(s);
	}
}

void shim_sessions_feed(struct shim_container *c, bool is_err, struct str bytes)
{
	struct block *block = NULL;

	list_each_safe (k, &c->shim->sessions) {
		struct shim_session *s = LIST_ENTRY(k, struct shim_session, in_shim);
		if (s->container != c || !s->boxes[is_err])
			continue;
		if (!block)
			block = block_from(bytes);
		if (outbox_add(s->boxes[is_err], block) == 0)
			continue;
		outbox_free(TAKE(s->boxes[is_err]));
		stream_close(TAKE(s->copies[is_err]));
	}
	block_unref(block);
}

static int attach_copy(struct shim_session *s, int which, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_set_errno(err, errno, "making pipes");
	s->far[1 + which] = ends[0];
	s->copies[which] = stream_from_fd(s->shim->loop, &s->scope, ends[1]);
	if (!s->copies[which]) {
		close(ends[1]);
		return err_set(err, ERR_LIMIT, "no descriptor is left");
	}
	s->boxes[which] = outbox_new(s->copies[which], &s->scope, 64 * KIB, 256 * KIB, BEHIND_MAX);
	return 0;
}

void shim_attach(struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	_cleanup_(err_done) struct err err = {0};
	struct shim_container *c = find_running(shim, request, &err);
	int code = c ? 0 : err.code;

	if (!c) {
		shim_refuse(link, id, &err);
		return;
	}
	struct shim_session *s = session_new(shim, link, id);
	s->container = c;
	s->attached = true;
	if (json_bool(json_get(request, STR("stdin"))) && c->input >= 0) {
		s->far[0] = fcntl(c->input, F_DUPFD_CLOEXEC, 3);
		/* The last of the writers: the program reads the end when it goes. */
		if (c->spec.stdin_once && !c->spec.tty) {
			close(c->input);
			c->input = -1;
		}
	}
	if (json_bool(json_get(request, STR("stdout"))))
		code = attach_copy(s, 0, &err);
	if (!code && json_bool(json_get(request, STR("stderr"))) && !c->spec.tty)
		code = attach_copy(s, 1, &err);
	if (code) {
		shim_refuse(link, id, &err);
		session_end(s);
		return;
	}
	answer_far(s);
}

/* ---- connect ---- */

static void try_connect(struct shim_session *s);

static void connected(struct op *op, struct err *err)
{
	struct shim_session *s = CONTAINER_OF(op, struct shim_session, connecting);

	if (err->code && !s->ipv6 && s->owner) {
		s->ipv6 = true;
		try_connect(s);
		return;
	}
	if (err->code) {
		if (s->owner)
			shim_refuse(s->owner, s->id, err);
		session_end(s);
		return;
	}
	if (!s->owner) {
		session_end(s);
		return;
	}
	int fd = stream_fd(s->connection);
	shim_answer(s->owner, s->id, "\"in\":-1,\"out\":%d,\"err\":-1", fd);
}

/* The pod's own address, first of the one family, then of the other. */
static void try_connect(struct shim_session *s)
{
	struct ip ip = ip_v4(127, 0, 0, 1);

	if (s->ipv6) {
		ip = (struct ip){.len = 16};
		ip.bytes[15] = 1;
	}
	struct address address = address_of(ip, s->port);
	op_init(&s->connecting, &s->scope, connected, loop_in(s->shim->loop, CONNECT_TIMEOUT));
	net_connect(s->shim->env, &s->connecting, &s->scope, &address, &s->connection);
}

void shim_connect(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	struct shim_session *s = session_new(shim, link, id);
	int64_t port = 0;

	json_int(json_get(request, STR("port")), &port);
	s->port = (uint16_t)port;
	try_connect(s);
}

/* ---- from the link ---- */

static struct shim_session *session_find(struct shim *shim, struct shim_link *link, int64_t id)
{
	list_each (k, &shim->sessions) {
		struct shim_session *s = LIST_ENTRY(k, struct shim_session, in_shim);
		if (s->owner == link && s->id == id)
			return s;
	}
	return NULL;
}

void shim_session_taken(struct shim *shim, struct shim_link *link, int64_t id)
{
	struct shim_session *s = session_find(shim, link, id);

	if (!s)
		return;
	s->taken = true;
	close_far(s);
	if (s->connection || (s->attached && !s->container && s->flushing == 0))
		session_end(s);
	else if (!s->attached)
		exec_over(s);
}

void shim_session_kill(struct shim *shim, struct shim_link *link, int64_t id)
{
	struct shim_session *s = session_find(shim, link, id);

	if (s && s->child.pidfd >= 0)
		syscall(SYS_pidfd_send_signal, s->child.pidfd, SIGKILL, NULL, 0);
	else if (s && s->container)
		session_end(s);
}

void shim_sessions_leave(struct shim *shim, struct shim_link *link)
{
	list_each_safe (k, &shim->sessions) {
		struct shim_session *s = LIST_ENTRY(k, struct shim_session, in_shim);
		if (s->owner != link)
			continue;
		s->owner = NULL;
		close_far(s);
		if (s->child.ended) {
			/* Ends when its process has been reaped. */
			if (s->started && s->child.pidfd >= 0)
				syscall(SYS_pidfd_send_signal, s->child.pidfd, SIGKILL, NULL, 0);
			exec_over(s);
		} else if (op_active(&s->connecting)) {
			op_cancel(&s->connecting);
		} else {
			session_end(s);
		}
	}
}
