/* kube uninstall: a cluster's pods, data and logs are taken away. The program itself stays. */
#include "commands.h"
#include "pods_end.h"
#include "server_stop.h"
#include "uninstall_names.h"

#include <kube/file_tree.h>
#include <kube/flags.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct uninstall {
	/* flags */
	struct str data_dir;
	int64_t timeout, grace;
	bool yes, help;
	/* running */
	struct arena arena;
	const char *dir;
	struct server_trace trace;
	bool listing;
	size_t kept; /* names that are nobody's here */
};

static const char usage[] =
	"Usage:\n"
	"  kube uninstall          says what will be removed, and asks\n"
	"  kube uninstall --yes    does not ask\n\n"
	"The server and its pods are ended; their data, images and logs are removed.\n"
	"The program and its unit of systemd stay.\n\n"
	"Flags:\n";

/* ---- the files that are ours ---- */

struct removal {
	struct uninstall *u;
	const char *top;
	bool (*ours)(const char *name);
};

static int each_name(void *ctx, int dir, const char *name, struct err *err)
{
	const struct removal *r = ctx;

	if (!r->ours(name)) {
		r->u->kept += strcmp(name, "server.lock") != 0;
		return 0;
	}
	if (!r->u->listing)
		return file_tree_remove(dir, name, NULL, err);
	printf("  %s/%s\n", r->top, name);
	return 0;
}

static int each_below(
	struct uninstall *u, const char *top, bool (*ours)(const char *), struct err *err)
{
	struct removal r = {.u = u, .top = top, .ours = ours};
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", top);
	int code = file_tree_each(fd, each_name, &r, err);
	close(fd);
	return code;
}

static int each_file(struct uninstall *u, struct err *err)
{
	const char *logs = arena_str(&u->arena, u->trace.pods_log_dir).at;
	int code = 0;

	u->kept = 0;
	if (u->trace.pods_log_dir.len)
		code = each_below(u, logs, uninstall_is_log, err);
	if (!code && !u->listing && u->trace.pods_log_dir.len)
		rmdir(logs); /* unless others have something there */
	return code ? code : each_below(u, u->dir, uninstall_is_data, err);
}

/* ---- asking, and doing ---- */

static int list(struct uninstall *u, struct err *err)
{
	u->listing = true;
	printf("The server of %s and its pods are ended, with their mounts, cgroups, links,\n"
	       "routes and rules. These are removed:\n",
		u->dir);
	int code = each_file(u, err);
	printf("  %s/server.lock\n", u->dir);
	u->listing = false;
	return code;
}

static int ask(struct err *err)
{
	char answer[16];

	if (!isatty(STDIN_FILENO))
		return err_set(
			err, ERR_USAGE, "nobody is there to ask; --yes says that all of it may go");
	printf("All of it? [y/N] ");
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	return err_set(err, ERR_CANCELLED, "nothing was removed");
}

static int take_away(struct uninstall *u, struct err *err)
{
	const struct pods_end_options options = {.data_dir = u->dir, .grace = u->grace};
	const char *lock = arena_print(&u->arena, "%s/server.lock", u->dir).at;
	size_t ended;
	bool ran;
	int code = server_stop(u->dir, u->timeout, &ran, err);

	if (!code)
		code = pods_end(&options, &ended, err);
	/* What could not be ended may still use its files. */
	if (code || (code = each_file(u, err)))
		return code;
	if (unlink(lock))
		return err_set_errno(err, errno, "%s", lock);
	if (u->kept)
		printf("removed; what is no cluster's stays in %s\n", u->dir);
	else if (rmdir(u->dir))
		return err_set_errno(err, errno, "%s", u->dir);
	else
		printf("removed\n");
	return 0;
}

static int uninstall(struct uninstall *u, struct err *err)
{
	int code;

	u->dir = server_stop_directory(&u->arena, u->data_dir);
	if (geteuid() != 0)
		return err_set(err, ERR_FORBIDDEN, "only root can do that: begin with sudo");
	if (access(arena_print(&u->arena, "%s/server.lock", u->dir).at, F_OK))
		return err_set(
			err, ERR_NOT_FOUND, "%s: no server has ever had this directory", u->dir);
	if ((code = server_lock_read(&u->arena, u->dir, &u->trace, err)) || (code = list(u, err)) ||
		(!u->yes && (code = ask(err))))
		return code;
	return take_away(u, err);
}

int uninstall_run(int argc, char **argv)
{
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct uninstall u = {0};
	struct flag flags[] = {
		FLAG_STRING("data-dir", &u.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server keeps what it has."),
		FLAG_BOOL("yes", &u.yes, "false", "Do not ask."),
		FLAG_INT("grace-period", &u.grace, "-1", "SECONDS",
			"How long each pod may take to end before it is killed; without it, as "
			"long as it says itself."),
		FLAG_DURATION("timeout", &u.timeout, "1m", "How long the server may take to end."),
		FLAG_BOOL("help", &u.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&u.arena);
	flags_init(flags, &u.arena);
	int code = flags_parse(flags, &u.arena, argc - 1, argv + 1, NULL, &err);
	if (!code && u.help) {
		flags_print_help(flags, &help);
		printf("%s%s", usage, buf_text(&help));
	} else if (!code) {
		code = uninstall(&u, &err);
	}
	if (code)
		fprintf(stderr, "kube uninstall: %s\n", err_text(&err));
	arena_done(&u.arena);
	return code != 0;
}
