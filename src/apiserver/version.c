#include "version.h"
#include "represent_private.h"
#include "version_generated.h"

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

#define VERSION KUBE_API_VERSION "+kube" KUBE_VERSION

static void split_version(struct str *major, struct str *minor)
{
	struct str rest;

	str_cut(str_skip(STR(KUBE_API_VERSION), 1), '.', major, &rest);
	str_cut(rest, '.', minor, &rest);
}

void version_add_labels(struct buf *out)
{
	struct str major, minor;

	split_version(&major, &minor);
	buf_print(out,
		"build_date=\"%s\",compiler=\"%s\",git_commit=\"%s\",git_tree_state=\"%s\","
		"git_version=\"%s\",go_version=\"\",major=\"%.*s\",minor=\"%.*s\",platform=\"%s\"",
		KUBE_COMMIT_DATE, COMPILER, KUBE_COMMIT, KUBE_TREE_STATE, VERSION, STRF(major),
		STRF(minor), PLATFORM);
}

static void add(struct arena *a, struct cJSON *tree, const char *key, struct str value)
{
	json_add(a, tree, str_from(key), json_new_str(a, value));
}

void serve_version(struct api_request *r)
{
	struct arena *a = r->arena;
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct str major, minor;
	uint64_t number = 0;

	split_version(&major, &minor);
	str_to_u64(minor, &number);
	add(a, tree, "major", major);
	add(a, tree, "minor", minor);
	add(a, tree, "emulationMajor", major);
	add(a, tree, "emulationMinor", minor);
	add(a, tree, "minCompatibilityMajor", major);
	add(a, tree, "minCompatibilityMinor",
		arena_print(a, "%llu", (unsigned long long)(number ? number - 1 : 0)));
	add(a, tree, "gitVersion", STR(VERSION));
	add(a, tree, "gitCommit", STR(KUBE_COMMIT));
	add(a, tree, "gitTreeState", STR(KUBE_TREE_STATE));
	add(a, tree, "buildDate", STR(KUBE_COMMIT_DATE));
	/* Clients expect the key; there is no Go in here. */
	add(a, tree, "goVersion", STR(""));
	add(a, tree, "compiler", STR(COMPILER));
	add(a, tree, "platform", STR(PLATFORM));
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB), text = BUF_INIT(64 * KIB);
	json_print(&text, tree, JSON_COMPACT);
	indent_json(&out, buf_str(&text));
	answer_text(r, 200, "application/json", buf_str(&out));
}
