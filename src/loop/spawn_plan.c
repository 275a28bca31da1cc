/* What a child is made from: its environment, the files to be tried, its descriptors. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "transport.h"

void spawn_plan_init(struct spawn_plan *p, const struct process_options *options)
{
	p->spawn = (struct spawn){.options = options};
	arena_init(&p->arena);
	p->null = -1;
	memset(p->pipes, 0xff, sizeof(p->pipes));
	memset(p->theirs, 0xff, sizeof(p->theirs));
}

void spawn_plan_done(struct spawn_plan *p)
{
	for (size_t i = 0; i < PROCESS_FDS_MAX; i++) {
		fd_close(&p->pipes[i]);
		fd_close(&p->theirs[i]);
	}
	fd_close(&p->null);
	arena_done(&p->arena);
}

/* ---- environment and files ---- */

static size_t count_texts(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static struct str env_name(const char *entry)
{
	struct str name = str_from(entry), value;
	str_cut(name, '=', &name, &value);
	return name;
}

/* false: a later one of the list has the same name. */
static bool is_last_word(const char *entry, const char *const *later)
{
	while (later && *later)
		if (str_eq(env_name(*later++), env_name(entry)))
			return false;
	return true;
}

static const char *const *make_env(struct arena *a, const struct process_options *o)
{
	const char *const *base = o->env ? o->env : (const char *const *)environ;
	size_t more = count_texts(o->env_more), n = 0;
	const char **env = arena_new(a, (count_texts(base) + more + 1) * sizeof(*env));
	for (size_t i = 0; base && base[i]; i++)
		if (is_last_word(base[i], o->env_more))
			env[n++] = base[i];
	for (size_t i = 0; i < more; i++)
		if (is_last_word(o->env_more[i], o->env_more + i + 1))
			env[n++] = o->env_more[i];
	return env;
}

/* Our own, as Go's exec has it: what the child will have is the child's. */
static struct str search_path(void)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (str_eq(env_name(*entry), STR("PATH")))
			return str_from(*entry + sizeof("PATH=") - 1);
	return STR("/usr/bin:/bin");
}

/* Empty and relative places are passed over: what happens to lie where we are is not meant. */
static const char *const *make_files(struct arena *a, const char *file)
{
	struct str path = search_path(), dir;
	size_t max = 2, n = 0;
	for (size_t i = 0; i < path.len; i++)
		max += path.at[i] == ':';
	const char **files = arena_new(a, (max + 1) * sizeof(*files));
	if (strchr(file, '/')) {
		files[0] = file;
		return files;
	}
	while (path.len && *file) {
		str_cut(path, ':', &dir, &path);
		if (dir.len && dir.at[0] == '/')
			files[n++] = arena_print(a, "%.*s/%s", STRF(dir), file).at;
	}
	return files;
}

/* ---- descriptors ---- */

static int open_null(struct spawn_plan *p, struct err *err)
{
	if (p->null < 0)
		p->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return p->null < 0 ? err_set_errno(err, errno, "open /dev/null") : p->null;
}

/* What the child gets at place i of the list: a descriptor of ours, or an error's code. */
static int source_of(struct spawn_plan *p, size_t i, struct err *err)
{
	const struct process_fd *f = &p->spawn.options->fds[i];
	bool reads = f->kind == PROCESS_FD_READS;
	int ends[2];
	switch (f->kind) {
	case PROCESS_FD_NULL:
		return open_null(p, err);
	case PROCESS_FD_GIVEN:
		assert(f->fd >= 0);
		return f->fd;
	case PROCESS_FD_SAME:
		for (size_t k = 0; k < i; k++)
			if (p->spawn.fds[k].to == f->fd)
				return p->spawn.fds[k].from;
		break;
	case PROCESS_FD_READS:
	case PROCESS_FD_WRITES:
		if (pipe2(ends, O_CLOEXEC))
			return err_set_errno(err, errno, "pipe");
		p->pipes[i] = ends[reads];
		p->theirs[i] = ends[!reads];
		return p->theirs[i];
	}
	assert(!"a descriptor like one that was not said before it");
	return -1;
}

static int plan_fds(struct spawn_plan *p, struct err *err)
{
	const struct process_options *o = p->spawn.options;
	bool said[3] = {false};
	assert(o->fd_count <= PROCESS_FDS_MAX - 3);
	for (size_t i = 0; i < o->fd_count; i++) {
		int from = source_of(p, i, err), to = o->fds[i].number;
		if (from < 0)
			return err->code;
		p->spawn.fds[p->spawn.fd_count++] = (struct spawn_fd){from, to};
		if (to < 3)
			said[to] = true;
	}
	for (int to = 0; to < 3; to++) {
		if (said[to])
			continue;
		if (open_null(p, err) < 0)
			return err->code;
		p->spawn.fds[p->spawn.fd_count++] = (struct spawn_fd){p->null, to};
	}
	return 0;
}

int spawn_plan_make(struct spawn_plan *p, struct err *err)
{
	const struct process_options *o = p->spawn.options;
	assert(o->argv && o->argv[0] && o->enter_count <= PROCESS_ENTER_MAX);
	assert(!o->terminal || o->group == PROCESS_SESSION_NEW);
	p->spawn.argv = o->argv;
	p->spawn.env = make_env(&p->arena, o);
	p->spawn.files = make_files(&p->arena, o->path ? o->path : o->argv[0]);
	return plan_fds(p, err);
}
