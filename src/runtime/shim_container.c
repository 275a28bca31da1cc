/* A container in its helper: started, signalled, ended, recorded on disk. */
#include "shim.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Output that somebody else holds open is waited for this long after the end. */
#define DRAIN_TIME (2 * SEC)

struct shim_container *shim_container_find(struct shim *shim, struct str id)
{
	list_each (k, &shim->containers) {
		struct shim_container *c = LIST_ENTRY(k, struct shim_container, in_shim);
		if (str_eq(c->id, id))
			return c;
	}
	return NULL;
}

/* ---- what lies on disk ---- */

/* A file that is whole or not there. The machine's end is the containers', so nothing is synced. */
void shim_record(struct shim_container *c, const char *name, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);
	_cleanup_(arena_done) struct arena a;
	va_list args;

	arena_init(&a);
	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	struct str path = arena_print(&a, "%s/%s", c->directory.at, name);
	struct str temporary = arena_print(&a, "%s/.%s", c->directory.at, name);
	int fd = open(temporary.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool ok = write(fd, text.at, text.len) == (ssize_t)text.len;
	close(fd);
	if (!ok || rename(temporary.at, path.at))
		unlink(temporary.at);
}

static int read_file(
	struct arena *a, struct str path, size_t max, struct str *text, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(max);
	int fd = open(path.at, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return err_set_errno(err, errno, "%s", path.at);
	for (char *at; (at = buf_reserve(&out, 4 * KIB)) && (n = read(fd, at, 4 * KIB)) > 0;)
		buf_advance(&out, (size_t)n);
	close(fd);
	if (n != 0)
		return err_set(err, ERR_IO, "cannot read %s", path.at);
	*text = arena_str(a, buf_str(&out));
	return 0;
}

/* ---- the end ---- */

static void container_free(struct shim_container *c)
{
	/* A start that failed has told so before its process was reaped. */
	c->forgotten = true;
	link_remove(&c->in_shim);
	if (link_linked(&c->child.in_shim))
		return;
	if (c->log >= 0)
		close(c->log);
	if (c->input >= 0)
		close(c->input);
	err_done(&c->start.err);
	arena_done(&c->arena);
	mem_free(c);
}

static void print_end(struct shim_container *c, struct buf *out)
{
	int signum = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;

	buf_print(out, "\"finished\":%lld,\"code\":%d,\"signal\":%d,\"oom\":%s",
		(long long)c->finished, shim_exit_code(c->status), signum,
		c->oom_kills ? "true" : "false");
}

/* Called by each of the three that must be over: the process and its two outputs. */
void shim_container_ended(struct shim_container *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	if (!c->ended || c->recorded || c->out.stream || c->err.stream)
		return;
	c->recorded = true;
	c->running = false;
	if (op_active(&c->drained))
		op_cancel(&c->drained);
	cgroup_remove(&c->shim->cgroups, c->spec.cgroup.at, NULL);
	print_end(c, &text);
	shim_record(c, "exited", "{%s}", buf_text(&text));
	shim_tell_all(c->shim, "{\"exited\":\"%s\",%s}", c->id.at, buf_text(&text));
	shim_sessions_end(c, shim_exit_code(c->status));
	if (c->log >= 0)
		close(c->log);
	c->log = -1;
	if (c->input >= 0)
		close(c->input);
	c->input = -1;
}

static void drain_over(struct op *op, struct err *err)
{
	struct shim_container *c = CONTAINER_OF(op, struct shim_container, drained);

	if (err->code)
		return;
	/* The reads come back cancelled and end their streams. */
	if (c->out.stream)
		op_cancel(&c->out.op);
	if (c->err.stream)
		op_cancel(&c->err.op);
}

static void drain(struct shim_container *c)
{
	op_init(&c->drained, c->shim->scope, drain_over, OP_NO_DEADLINE);
	timer_wait(&c->drained, loop_in(c->shim->loop, DRAIN_TIME));
	shim_container_ended(c);
}

static void process_ended(struct shim *shim, struct shim_child *child, int status)
{
	struct shim_container *c = CONTAINER_OF(child, struct shim_container, child);

	c->status = status;
	c->finished = env_wall(shim->env);
	c->oom_kills = cgroup_oom_kills(&shim->cgroups, c->spec.cgroup.at);
	c->ended = true;
	/* What it leaves behind (exec, children where processes are shared) ends with it. */
	cgroup_kill(&shim->cgroups, c->spec.cgroup.at);
	if (c->recorded)
		cgroup_remove(&shim->cgroups, c->spec.cgroup.at, NULL);
	if (c->forgotten)
		container_free(c);
	else if (c->running) /* else still starting: start_told goes on */
		drain(c);
}

int shim_container_signal(struct shim_container *c, int signum, struct err *err)
{
	if (!c->running || c->ended)
		return err_set(err, ERR_NOT_FOUND, "container %s is not running", c->id.at);
	if (syscall(SYS_pidfd_send_signal, c->child.pidfd, signum, NULL, 0))
		return err_set_errno(err, errno, "signalling container %s", c->id.at);
	return 0;
}

int shim_container_forget(struct shim *shim, struct str id, struct err *err)
{
	struct shim_container *c = shim_container_find(shim, id);

	if (!c)
		return 0;
	if (!c->recorded)
		return err_set(err, ERR_CONFLICT, "container %s is running", c->id.at);
	container_free(c);
	return 0;
}

void shim_containers_tell(struct shim *shim, struct shim_link *link)
{
	list_each (k, &shim->containers) {
		struct shim_container *c = LIST_ENTRY(k, struct shim_container, in_shim);
		_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
		if (c->recorded) {
			print_end(c, &text);
			shim_answer(link, 0, "\"exited\":\"%s\",%s", c->id.at, buf_text(&text));
		} else if (c->running) {
			shim_answer(link, 0, "\"running\":\"%s\",\"pid\":%d,\"started\":%lld",
				c->id.at, (int)c->child.pid, (long long)c->started);
		}
	}
	shim_answer(link, 0, "\"hello\":1");
}

/* ---- the start ---- */

static void refuse_start(struct shim_container *c)
{
	struct shim *shim = c->shim;

	shim_refuse(shim_link_living(shim, c->asker), c->asker_id, &c->start.err);
	shim_output_end(&c->out);
	shim_output_end(&c->err);
	cgroup_kill(&shim->cgroups, c->spec.cgroup.at);
	cgroup_remove(&shim->cgroups, c->spec.cgroup.at, NULL);
}

static void start_told(struct shim_start *s)
{
	struct shim_container *c = CONTAINER_OF(s, struct shim_container, start);
	struct shim *shim = c->shim;

	if (s->err.code) {
		/* The streams end by themselves, and with them what waits for them. */
		c->recorded = true;
		refuse_start(c);
		return;
	}
	if (s->master >= 0) {
		/* One descriptor to read, one to write: both sides close on their own. */
		c->input = fcntl(s->master, F_DUPFD_CLOEXEC, 3);
		shim_output_begin(&c->out, s->master);
	}
	c->running = true;
	c->started = env_wall(shim->env);
	shim_record(c, "started", "{\"started\":%lld,\"uid\":%lld,\"gid\":%lld,\"groups\":[%.*s]}",
		(long long)c->started, (long long)s->uid, (long long)s->gid, STRF(s->groups));
	shim_answer(shim_link_living(shim, c->asker), c->asker_id,
		"\"started\":%lld,\"uid\":%lld,\"gid\":%lld,\"groups\":[%.*s],\"pid\":%d",
		(long long)c->started, (long long)s->uid, (long long)s->gid, STRF(s->groups),
		(int)c->child.pid);
	/* It may have come and gone before we heard that it runs. */
	if (c->ended)
		drain(c);
	/* Reading what it is to be has taken more than what is left to do will. */
	mem_give_back();
}

static int make_group(struct shim_container *c, struct err *err)
{
	const struct container_spec *s = &c->spec;
	const struct cgroups *g = &c->shim->cgroups;
	struct cgroup_limits limits = {.cpu_period = s->cpu_period,
		.cpu_quota = s->cpu_quota,
		.cpu_shares = s->cpu_shares,
		.memory = s->memory,
		.swap = s->swap,
		.pids = s->pids,
		.kill_together = s->kill_together,
		.cpuset_cpus = s->cpuset_cpus.len ? s->cpuset_cpus.at : NULL,
		.cpuset_mems = s->cpuset_mems.len ? s->cpuset_mems.at : NULL,
		.hugepage_count = s->hugepage_count};
	struct cgroup_hugepages *huge =
		arena_new(&c->arena, (s->hugepage_count + 1) * sizeof(*huge));
	struct cgroup_device *devices =
		arena_new(&c->arena, (s->device_count + 1) * sizeof(*devices));

	for (size_t i = 0; i < s->hugepage_count; i++)
		huge[i] = (struct cgroup_hugepages){s->hugepages[i].size.at, s->hugepages[i].limit};
	limits.hugepages = huge;
	for (size_t i = 0; i < s->device_count; i++)
		devices[i] = (struct cgroup_device){s->devices[i].type.at[0], s->devices[i].major,
			s->devices[i].minor, s->devices[i].access.at};
	int code = cgroup_make(g, s->cgroup.at, err);
	if (!code)
		code = cgroup_limit(g, s->cgroup.at, &limits, err);
	if (!code)
		code = cgroup_devices(g, s->cgroup.at, devices, s->device_count, err);
	return code;
}

/* What the child has at 0, 1, 2, and what stays here. */
static int make_stdio(struct shim_container *c, int theirs[3], struct err *err)
{
	int ours[3];

	for (int i = 0; i < 3; i++) {
		int ends[2];
		if (i == 0 && !c->spec.stdin) {
			theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (pipe2(ends, O_CLOEXEC))
			return err_set_errno(err, errno, "making pipes");
		theirs[i] = ends[i != 0];
		ours[i] = ends[i == 0];
	}
	if (c->spec.stdin)
		c->input = ours[0];
	shim_output_begin(&c->out, ours[1]);
	shim_output_begin(&c->err, ours[2]);
	return 0;
}

static int begin(struct shim_container *c, struct err *err)
{
	struct child what = {.spec = &c->spec,
		.cgroups = &c->shim->cgroups,
		.args = &c->spec.args,
		.filter = c->filter,
		.enter = -1,
		.stdio = {-1, -1, -1},
		.tty = c->spec.tty};
	struct shim_container *target = shim_container_find(c->shim, c->spec.pid_target);
	int code = make_group(c, err);

	if (!code && c->spec.pid_target.len && (!target || target->ended || !target->running))
		code = err_set(
			err, ERR_NOT_FOUND, "container %s is not running", c->spec.pid_target.at);
	if (!code)
		code = shim_log_open(c, err);
	if (!code && !c->spec.tty)
		code = make_stdio(c, what.stdio, err);
	if (!code)
		shim_start_child(
			&c->start, &what, target ? target->child.pidfd : -1, c->spec.own_pid);
	for (int i = 0; i < 3; i++)
		if (what.stdio[i] >= 0)
			close(what.stdio[i]);
	return code;
}

static int load(struct shim_container *c, struct err *err)
{
	struct str text;
	int code = read_file(&c->arena, arena_print(&c->arena, "%s/spec.json", c->directory.at),
		SPEC_MAX, &text, err);

	if (!code)
		code = spec_parse(&c->arena, text, &c->spec, err);
	if (!code && c->spec.seccomp.len)
		code = read_file(&c->arena, c->spec.seccomp, MIB, &c->filter, err);
	for (size_t i = 0; i < c->spec.device_count && !code; i++)
		if (c->spec.devices[i].type.len == 0)
			code = err_set(err, ERR_INVALID, "a device without type");
	return code;
}

void shim_container_start(
	struct shim *shim, struct shim_link *link, int64_t id, const struct cJSON *request)
{
	struct str name = json_str(json_get(request, STR("container")));
	struct shim_container *c = shim_container_find(shim, name);
	_cleanup_(err_done) struct err err = {0};

	if (c) {
		err_set(&err, ERR_CONFLICT, "container %s has been started", c->id.at);
		shim_refuse(link, id, &err);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct shim_container){.shim = shim,
		.asker = link,
		.asker_id = id,
		.input = -1,
		.log = -1,
		.child = {.ended = process_ended, .pidfd = -1}};
	c->start = (struct shim_start){.shim = shim, .child = &c->child, .told = start_told};
	arena_init_lasting(&c->arena);
	c->id = arena_str(&c->arena, name);
	c->directory = arena_str(&c->arena, json_str(json_get(request, STR("directory"))));
	shim_output_init(&c->out, c, false);
	shim_output_init(&c->err, c, true);
	list_push(&shim->containers, &c->in_shim);
	int code = load(c, &err);
	if (!code)
		code = begin(c, &err);
	if (!code)
		return;
	c->recorded = true;
	err_move(&c->start.err, &err);
	refuse_start(c);
}
