/* kube stop: the end of the server that runs from a data directory, and of its pods if asked. */
#include "commands.h"
#include "pods_end.h"
#include "server_stop.h"

#include <kube/flags.h>
#include <kube/time.h>

#include <stdio.h>
#include <unistd.h>

struct stop_line {
	struct str data_dir;
	int64_t timeout, grace;
	bool pods, help;
};

static const char usage[] =
	"Usage:\n"
	"  kube stop             ends the server; pods go on, and the next server meets them\n"
	"  kube stop --pods      ends its pods, too: no process, mount or rule of theirs stays\n\n"
	"What is on disk stays. The next server starts the pods again.\n\n"
	"Flags:\n";

static int end_pods(const struct stop_line *l, const char *dir, struct err *err)
{
	const struct pods_end_options options = {.data_dir = dir, .grace = l->grace};
	size_t ended;
	int code = pods_end(&options, &ended, err);

	if (!code)
		printf("%zu pods ended\n", ended);
	return code;
}

static int stop(struct arena *a, const struct stop_line *l, struct err *err)
{
	const char *dir = server_stop_directory(a, l->data_dir);
	bool ran;
	int code = server_stop(dir, l->timeout, &ran, err);

	if (code)
		return code;
	printf(ran ? "the server on %s has ended\n" : "no server runs on %s\n", dir);
	return l->pods && access(dir, F_OK) == 0 ? end_pods(l, dir, err) : 0;
}

int stop_run(int argc, char **argv)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct stop_line l = {0};
	struct flag flags[] = {
		FLAG_STRING("data-dir", &l.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server keeps what it has."),
		FLAG_BOOL("pods", &l.pods, "false", "End its pods, too."),
		FLAG_INT("grace-period", &l.grace, "-1", "SECONDS",
			"How long each pod may take to end before it is killed; without it, as "
			"long as it says itself. Its preStop hooks are not run."),
		FLAG_DURATION("timeout", &l.timeout, "1m",
			"How long the server may take to end; it is not killed afterwards."),
		FLAG_BOOL("help", &l.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&a);
	flags_init(flags, &a);
	int code = flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err);
	if (!code && l.help) {
		flags_print_help(flags, &help);
		printf("%s%s", usage, buf_text(&help));
		return 0;
	}
	if (!code)
		code = stop(&a, &l, &err);
	if (code)
		fprintf(stderr, "kube stop: %s\n", err_text(&err));
	return code != 0;
}
