/*
 * kube check: is this machine fit for a cluster, and is the one that runs here well? One line each,
 * and below it what can be done about it.
 */
#include "check.h"

#include "commands.h"
#include "server_stop.h"

#include <kube/flags.h>

#include <stdio.h>

static const char *const verdicts[] = {"ok", "warning", "failure"};

static void add_finding(struct check *c, enum verdict verdict, const char *what, const char *remedy,
	struct str text)
{
	struct arena *a = &c->arena;
	struct cJSON *f = json_new(a, JSON_OBJECT);

	json_set(a, f, STR("check"), json_new_str(a, str_from(what)));
	json_set(a, f, STR("verdict"), json_new_str(a, str_from(verdicts[verdict])));
	json_set(a, f, STR("finding"), json_new_str(a, text));
	if (remedy)
		json_set(a, f, STR("remedy"), json_new_str(a, str_from(remedy)));
	json_append(c->findings, f);
}

void check_say(struct check *c, enum verdict verdict, const char *what, const char *remedy,
	const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	c->counts[verdict]++;
	if (c->findings) {
		add_finding(c, verdict, what, remedy, buf_str(&text));
		return;
	}
	printf("%-8s %-12s %s\n", verdicts[verdict], what, buf_text(&text));
	if (remedy)
		printf("%-21s → %s\n", "", remedy);
	fflush(stdout);
}

const char *check_read(struct check *c, const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	if (disk_read_file(c->env->disk, path, &text, NULL))
		return NULL;
	return arena_str(&c->arena, buf_str(&text)).at;
}

static void check_server(struct check *c)
{
	_cleanup_(err_done) struct err err = {0};

	if (server_lock_holder(c->dir, &c->server, &err))
		check_say(c, WARNING, "server", "look from the machine itself, as root", "%s",
			err_text(&err));
	else if (c->server)
		check_say(c, FINE, "server", NULL, "process %d runs on %s", (int)c->server, c->dir);
	else
		check_say(c, FINE, "server", NULL, "none runs on %s yet", c->dir);
}

static void print_findings(struct check *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	struct arena *a = &c->arena;
	struct cJSON *all = json_new(a, JSON_OBJECT);

	json_set(a, all, STR("checks"), c->findings);
	json_set(a, all, STR("failures"), json_new_int(a, (int64_t)c->counts[FAILURE]));
	json_set(a, all, STR("warnings"), json_new_int(a, (int64_t)c->counts[WARNING]));
	json_print(&out, all, JSON_COMPACT);
	printf("%s\n", buf_text(&out));
}

static void check_all(struct check *c)
{
	struct loop *loop = loop_new();

	c->env = env_new(loop);
	c->dir = server_stop_directory(&c->arena, c->data_dir);
	if (str_eq_text(c->output, "json"))
		c->findings = json_new(&c->arena, JSON_ARRAY);
	check_machine(c);
	check_server(c);
	check_data(c);
	check_rivals(c);
	if (c->server)
		check_cluster(c);
	if (c->findings)
		print_findings(c);
	loop_shutdown(loop);
	loop_run(loop, NULL);
	env_free(c->env);
	loop_free(loop);
}

int check_run(int argc, char **argv)
{
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);
	struct check c = {0};
	struct flag flags[] = {
		FLAG_STRING("data-dir", &c.data_dir, "/var/lib/kube", "DIRECTORY",
			"Where the server keeps what it has, or would."),
		FLAG_STRING("output", &c.output, "text", "FORMAT", "text or json."),
		FLAG_STRING("cluster-domain", &c.domain, "cluster.local", "DOMAIN",
			"What the names of services end with."),
		FLAG_BOOL("help", &c.help, "false", "Print this."),
		FLAG_END,
	};

	arena_init(&c.arena);
	flags_init(flags, &c.arena);
	int code = flags_parse(flags, &c.arena, argc - 1, argv + 1, NULL, &err);
	if (!code && !str_eq_text(c.output, "text") && !str_eq_text(c.output, "json"))
		code = err_set(&err, ERR_USAGE, "--output: text or json");
	if (code) {
		fprintf(stderr, "kube check: %s\n", err_text(&err));
	} else if (c.help) {
		flags_print_help(flags, &help);
		printf("Usage:\n  kube check [flags]    fails when something must be mended\n\n"
		       "Flags:\n%s",
			buf_text(&help));
	} else {
		check_all(&c);
	}
	arena_done(&c.arena);
	return code || c.counts[FAILURE];
}
