/*
 * kube version [-o json|yaml]. The same facts, under the same names, that the API's /version
 * gives: clients parse them.
 */
#include "commands.h"

#include "version_generated.h"

#include <kube/flags.h>
#include <kube/json.h>
#include <kube/yaml.h>
#include <stdio.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__x86_64__)
#define PLATFORM "linux/amd64"
#elif defined(__aarch64__)
#define PLATFORM "linux/arm64"
#else
#define PLATFORM "linux/unknown"
#endif

/* The suffix keeps semantic-version order and tells a kube from another distribution. */
#define GIT_VERSION KUBE_API_VERSION "+kube" KUBE_VERSION

void version_print_component(void)
{
	printf("Kubernetes %s\n", GIT_VERSION);
}

static void set_text(struct arena *a, struct cJSON *object, const char *key, const char *text)
{
	json_set(a, object, str_from(key), json_new_str(a, str_from(text)));
}

static struct cJSON *describe(struct arena *a)
{
	struct cJSON *v = json_new(a, JSON_OBJECT);
	struct str major, minor, rest;

	str_cut(str_skip(STR(KUBE_API_VERSION), 1), '.', &major, &rest);
	str_cut(rest, '.', &minor, &rest);
	json_set(a, v, STR("major"), json_new_str(a, major));
	json_set(a, v, STR("minor"), json_new_str(a, minor));
	set_text(a, v, "gitVersion", GIT_VERSION);
	set_text(a, v, "gitCommit", KUBE_COMMIT);
	set_text(a, v, "gitTreeState", KUBE_TREE_STATE);
	set_text(a, v, "buildDate", KUBE_COMMIT_DATE);
	set_text(a, v, "compiler", COMPILER);
	set_text(a, v, "platform", PLATFORM);

	struct cJSON *root = json_new(a, JSON_OBJECT);
	json_set(a, root, STR("version"), v);
	return root;
}

static int print_as(struct str format)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	arena_init(&a);
	if (str_eq(format, STR("json"))) {
		json_print(&out, describe(&a), JSON_PRETTY);
		buf_add_char(&out, '\n');
	} else if (str_eq(format, STR("yaml"))) {
		yaml_write(&out, describe(&a));
	} else if (format.len == 0) {
		buf_print(&out, "kube %s\n", GIT_VERSION);
	} else {
		fprintf(stderr, "kube: --output must be 'json' or 'yaml'\n");
		return 1;
	}
	fwrite(out.at, 1, out.len, stdout);
	return 0;
}

int version_run(int argc, char **argv)
{
	struct str output;
	bool help;
	struct flag flags[] = {
		{.name = "output",
			.letter = 'o',
			.kind = FLAG_KIND_STRING,
			.target = &output,
			.value_name = "FORMAT",
			.help = "One of 'json' or 'yaml'; one line of text when left out."},
		{.name = "help",
			.letter = 'h',
			.kind = FLAG_KIND_BOOL,
			.target = &help,
			.help = "Print this."},
		FLAG_END,
	};
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	flags_init(flags, &a);
	if (flags_parse(flags, &a, argc - 1, argv + 1, NULL, &err)) {
		fprintf(stderr, "kube version: %s\n", err_text(&err));
		return 1;
	}
	if (help) {
		command_print_help("version", flags);
		return 0;
	}
	return print_as(output);
}
