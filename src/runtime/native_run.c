/* A sandbox, from its config to the helper that holds it. */
#include "native.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/mount.h>
#include <kube/process.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_TIME (20 * SEC)
#define SHM_SIZE   "65536k"
#define LINES_MAX  (64 * KIB)

struct run {
	struct task task;
	struct native_sandbox *sandbox;
	struct runtime_sandbox_run *run;
	struct arena arena;
	struct work work;
	struct str state, helper, resolv, hostname;
	struct native_birth birth;
	struct stream *said;
	struct buf text;
	struct ip ips[2];
	size_t ip_count;
};

/* ---- the texts ---- */

static void add_line(struct buf *out, const char *word, const struct str *items, size_t count)
{
	if (count == 0)
		return;
	buf_add_text(out, word);
	for (size_t i = 0; i < count; i++) {
		buf_add_char(out, ' ');
		buf_add_str(out, items[i]);
	}
	buf_add_char(out, '\n');
}

static struct str resolv_text(struct arena *a, const struct sandbox_config *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(LINES_MAX);

	add_line(&out, "search", c->dns_searches, c->dns_search_count);
	for (size_t i = 0; i < c->dns_server_count; i++)
		add_line(&out, "nameserver", &c->dns_servers[i], 1);
	add_line(&out, "options", c->dns_options, c->dns_option_count);
	return arena_str(a, buf_str(&out));
}

static struct str helper_text(
	struct arena *a, const struct native_sandbox *s, const struct sandbox_config *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct cJSON *o = json_new(a, JSON_OBJECT), *sysctls = json_new(a, JSON_OBJECT);
	bool own = c->network != NAMESPACE_NODE;

	json_set(a, o, STR("cgroup"), json_new_str(a, s->cgroup));
	json_set(a, o, STR("socket"), json_new_str(a, s->socket));
	json_set(a, o, STR("ownNetwork"), json_new_bool(a, own));
	json_set(a, o, STR("hostname"), json_new_str(a, c->hostname));
	json_set(a, o, STR("domain"), json_new_str(a, c->domain));
	for (size_t i = 0; i < c->sysctls.count; i++)
		json_set(a, sysctls, c->sysctls.items[i].key,
			json_new_str(a, c->sysctls.items[i].value));
	json_set(a, o, STR("sysctls"), sysctls);
	if (s->user_count) {
		struct cJSON *users = json_new(a, JSON_OBJECT);

		json_set(a, users, STR("first"), json_new_int(a, s->user_first));
		json_set(a, users, STR("count"), json_new_int(a, s->user_count));
		json_set(a, o, STR("users"), users);
	}
	json_print(&out, o, JSON_COMPACT);
	return arena_str(a, buf_str(&out));
}

static struct str node_name(struct arena *a)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	return arena_str(a, str_from(name));
}

static void describe(struct run *r, const struct sandbox_config *c)
{
	struct native_sandbox *s = r->sandbox;
	struct native *n = s->native;
	struct arena *a = &s->arena;

	s->s.name = arena_str(a, c->name);
	s->s.namespace = arena_str(a, c->namespace);
	s->s.uid = arena_str(a, c->uid);
	s->s.attempt = c->attempt;
	s->s.created = env_wall(n->env);
	s->s.labels = native_pairs(a, c->labels);
	s->s.annotations = native_pairs(a, c->annotations);
	s->s.bandwidth = c->bandwidth;
	if (c->ports.count)
		s->s.ports = (struct runtime_ports){.count = c->ports.count,
			.items = arena_copy(
				a, c->ports.items, c->ports.count * sizeof(*c->ports.items))};
	s->log_directory = arena_str(a, c->log_directory);
	s->cgroup_parent = arena_print(a, "%.*s%.*s", STRF(n->cgroup_root), STRF(c->cgroup_parent));
	s->cgroup = arena_print(a, "%s/%s", s->cgroup_parent.at, s->s.id.at);
	s->hostname = c->hostname.len ? arena_str(a, c->hostname) : node_name(a);
	s->network = c->network;
	s->pid = c->pid;
	s->ipc = c->ipc;
	s->privileged = c->privileged;
	if (c->ipc != NAMESPACE_NODE)
		s->shm = arena_print(a, "%s/shm", s->directory.at);

	_cleanup_(buf_done) struct buf text = BUF_INIT(NATIVE_FILE_MAX);
	native_sandbox_print(&text, s);
	r->state = arena_str(&r->arena, buf_str(&text));
	r->helper = helper_text(&r->arena, s, c);
	r->resolv = resolv_text(&r->arena, c);
	r->hostname = arena_print(&r->arena, "%s\n", s->hostname.at);
}

static int refuse_unknown(const struct sandbox_config *c, struct err *err)
{
	if (c->handler.len && !str_eq_text(c->handler, "kube") && !str_eq_text(c->handler, "runc"))
		return err_set(err, ERR_NOT_FOUND, "no runtime for \"%.*s\" is configured",
			STRF(c->handler));
	if (c->user_count && (c->network == NAMESPACE_NODE || c->ipc == NAMESPACE_NODE))
		return err_set(err, ERR_INVALID,
			"users of its own need a network and an ipc namespace of its own");
	if (c->cgroup_parent.len && c->cgroup_parent.at[0] != '/')
		return err_set(err, ERR_INVALID, "cgroup \"%.*s\" does not begin with \"/\"",
			STRF(c->cgroup_parent));
	return 0;
}

/* ---- on disk ---- */

static int make_shm(const char *path, struct err *err)
{
	static const struct mount_option options[] = {{"mode", "1777"}, {"size", SHM_SIZE}};
	int fd, code = native_make_dirs(path, 0755, err);

	if (!code)
		code = mount_new("tmpfs", options, ARRAY_LEN(options),
			MOUNT_NO_SUID | MOUNT_NO_DEV | MOUNT_NO_EXEC, &fd, err);
	if (code)
		return code;
	code = mount_attach_at(fd, path, err);
	close(fd);
	return code;
}

static int write_in(struct run *r, const char *name, struct str text, struct err *err)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);

	buf_print(&path, "%s/%s", r->sandbox->directory.at, name);
	return native_write(buf_text(&path), text, err);
}

/* Containers read these, whoever they are. */
static int write_open(struct run *r, const char *name, struct str text, struct err *err)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);
	int code = write_in(r, name, text, err);

	buf_print(&path, "%s/%s", r->sandbox->directory.at, name);
	if (!code && chmod(buf_text(&path), 0644))
		code = err_set_errno(err, errno, "%s", buf_text(&path));
	return code;
}

static void make_files(struct work *w)
{
	struct run *r = CONTAINER_OF(w, struct run, work);
	struct native_sandbox *s = r->sandbox;
	int code = native_make_dirs(s->directory.at, 0711, &w->err);

	/* First of all what tells the next start what there may be. */
	if (!code)
		code = write_in(r, "config.json", r->state, &w->err);
	if (!code)
		code = write_in(r, "shim.json", r->helper, &w->err);
	if (!code)
		code = write_open(r, "resolv.conf", r->resolv, &w->err);
	if (!code)
		code = write_open(r, "hostname", r->hostname, &w->err);
	if (!code && s->log_directory.len)
		code = native_make_dirs(s->log_directory.at, 0755, &w->err);
	if (!code && s->shm.len)
		make_shm(s->shm.at, &w->err);
}

static void make_record(struct work *w)
{
	struct run *r = CONTAINER_OF(w, struct run, work);
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

	native_ips_print(&text, r->sandbox);
	write_in(r, "ready", buf_str(&text), &w->err);
}

/* ---- the steps ---- */

enum run_step { RUN_FILES, RUN_START, RUN_STARTED, RUN_READ, RUN_LINKED, RUN_ATTACHED, RUN_DONE };
static const char *const run_steps[] = {
	"files", "start", "started", "read", "linked", "attached", "done"};

/* The helper has it now: what it says ends with it. */
static void stop_reporting(struct run *r)
{
	if (r->birth.report >= 0)
		close(r->birth.report);
	r->birth.report = -1;
}

static void run_free(struct run *r)
{
	struct native *n = r->sandbox->native;

	stream_close(TAKE(r->said));
	stop_reporting(r);
	buf_done(&r->text);
	arena_done(&r->arena);
	native_sandbox_release(r->sandbox);
	mem_free(r);
	native_leave(n);
}

static void run_failed(struct run *r, struct err *err)
{
	struct task *t = &r->task;

	native_sandbox_discard(r->sandbox);
	task_fail(t, err);
	run_free(r);
}

static int namespaces_of(const struct native_sandbox *s)
{
	int namespaces = 0;

	/* A name of its own goes with a network of its own; with users of its own the helper makes
	 * them. */
	if (s->network != NAMESPACE_NODE && !s->user_count)
		namespaces |= CLONE_NEWNET | CLONE_NEWUTS;
	if (s->ipc != NAMESPACE_NODE && !s->user_count)
		namespaces |= CLONE_NEWIPC;
	if (s->pid == NAMESPACE_POD)
		namespaces |= CLONE_NEWPID;
	return namespaces;
}

static int open_report(struct run *r, struct err *err)
{
	struct native *n = r->sandbox->native;
	int report[2];

	if (pipe2(report, O_CLOEXEC))
		return err_set_errno(err, errno, "pipe");
	r->birth.report = report[1];
	r->said = stream_from_fd(n->env->loop, &n->scope, report[0]);
	if (r->said)
		return 0;
	close(report[0]);
	return err_set(err, ERR_LIMIT, "no descriptor left for a pipe to a helper");
}

/* Until it listens it dies with us: a helper that nobody could find would be there for ever. */
static void start_helper(struct run *r)
{
	struct native_sandbox *s = r->sandbox;
	struct err err = {0};

	if (open_report(r, &err)) {
		run_failed(r, &err);
		return;
	}
	r->birth.directory = s->directory.at;
	r->birth.namespaces = namespaces_of(s);
	r->birth.process = &s->process;
	native_bear(s->native, task_await(&r->task, RUN_STARTED, OP_NO_DEADLINE), &r->birth);
}

static void process_over_now(struct op *op, struct err *err)
{
	struct native_sandbox *s = CONTAINER_OF(op, struct native_sandbox, process_ended);

	if (!err->code)
		process_close(TAKE(s->process));
	native_sandbox_release(s);
}

/* Its end is seen by the link; here it is only reaped. */
static void watch_helper(struct native_sandbox *s)
{
	native_sandbox_hold(s);
	op_init(&s->process_ended, &s->native->scope, process_over_now, OP_NO_DEADLINE);
	process_wait(s->process, &s->process_ended);
}

void native_sandbox_let_go(struct native_sandbox *s)
{
	if (s->process)
		process_leave(TAKE(s->process));
}

static void read_said(struct run *r)
{
	stream_read(r->said,
		task_await(&r->task, RUN_READ, loop_in(r->sandbox->native->env->loop, READY_TIME)),
		&r->text, KIB);
}

/* Until the end: "ok", or why not. */
static void have_read(struct run *r, struct err *err)
{
	struct native_sandbox *s = r->sandbox;

	if (!err->code && r->task.wait.n > 0) {
		read_said(r);
		return;
	}
	if (!err->code && !str_eq(buf_str(&r->text), STR("ok")))
		err_set(err, ERR_INTERNAL, "failed to start the helper of the pod: %s",
			r->text.len ? buf_text(&r->text) : "it ended");
	if (err->code) {
		run_failed(r, err);
		return;
	}
	native_link_open(s, task_await(&r->task, RUN_LINKED, OP_NO_DEADLINE));
}

static void attach(struct run *r)
{
	struct native_sandbox *s = r->sandbox;
	struct runtime_network *network = s->native->network;
	struct op *op = task_await(&r->task, RUN_ATTACHED, OP_NO_DEADLINE);

	if (!network || s->network == NAMESPACE_NODE) {
		op_yield(op);
		return;
	}
	s->attached = true;
	network->attach(network, op, &s->s, r->ips, &r->ip_count);
}

static void run_done(struct run *r)
{
	struct native_sandbox *s = r->sandbox;

	s->s.state = SANDBOX_READY;
	native_sandbox_list(s);
	/* The helper may have gone while we wrote. */
	if (!s->link)
		native_sandbox_lost(s);
	r->run->id = s->s.id;
	native_changed(s->native, s->s.id, (struct str){0});
	task_finish(&r->task, 0);
	run_free(r);
}

static void run_run(struct task *t, struct err *err)
{
	struct run *r = CONTAINER_OF(t, struct run, task);
	struct native_sandbox *s = r->sandbox;

	if (err->code && t->step != RUN_READ) {
		run_failed(r, err);
		return;
	}
	switch ((enum run_step)t->step) {
	case RUN_FILES:
		work_start(
			&r->work, task_await(t, RUN_START, OP_NO_DEADLINE), WORK_DISK, make_files);
		return;
	case RUN_START:
		start_helper(r);
		return;
	case RUN_STARTED:
		stop_reporting(r);
		watch_helper(s);
		read_said(r);
		return;
	case RUN_READ:
		have_read(r, err);
		return;
	case RUN_LINKED:
		attach(r);
		return;
	case RUN_ATTACHED:
		memcpy(s->s.ips, r->ips, sizeof(r->ips));
		s->s.ip_count = MIN(r->ip_count, (size_t)2);
		work_start(
			&r->work, task_await(t, RUN_DONE, OP_NO_DEADLINE), WORK_DISK, make_record);
		return;
	case RUN_DONE:
		run_done(r);
	}
}

void native_run_sandbox(struct runtime *runtime, struct op *op, struct runtime_sandbox_run *run)
{
	static const struct op_kind refused = {.name = "run sandbox"};
	static const struct task_kind kind = TASK_KIND("run sandbox", run_steps, run_run);
	struct native *n = native_of(runtime);
	struct err err = {0};

	if (refuse_unknown(&run->config, &err)) {
		if (op_begin(op, &refused, n))
			op_fail(op, &err);
		err_done(&err);
		return;
	}
	struct run *r = mem_new(sizeof(*r));
	*r = (struct run){.run = run, .birth.report = -1};
	arena_init(&r->arena);
	buf_init(&r->text, 4 * KIB);
	r->sandbox = native_sandbox_new(n, native_new_id(n, &r->arena));
	native_sandbox_hold(r->sandbox);
	native_enter(n);
	native_users_take(r->sandbox, run->config.user_count);
	describe(r, &run->config);
	task_start(&r->task, &kind, op);
	if (!native_begun(&r->task)) {
		native_sandbox_forget(r->sandbox);
		run_free(r);
	}
}
