#include "kubelet_config.h"
#include "process.h"

#include <kube/cgroup.h>
#include <kube/log.h>
#include <kube/tls_engine.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MOST 64

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int list_files(struct arena *a, struct str directory, struct str names[FILES_MOST],
	size_t *count, struct err *err)
{
	DIR *d = opendir(arena_str(a, directory).at);
	bool many = false;

	if (!d)
		return err_set_errno(err, errno, "--config-dir %.*s", STRF(directory));
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends(str_from(e->d_name), STR(".conf")))
			continue;
		if ((many = *count == FILES_MOST))
			break;
		names[(*count)++] = arena_print(a, "%.*s/%s", STRF(directory), e->d_name);
	}
	closedir(d);
	if (many)
		return err_set(err, ERR_TOO_LARGE, "--config-dir %.*s: more than %d files",
			STRF(directory), FILES_MOST);
	qsort(names, *count, sizeof(names[0]), by_name);
	return 0;
}

static void warn(const struct kubelet_configuration *c)
{
	for (size_t i = 0; i < c->idle_count; i++)
		log_warning(NULL, "a field of the kubelet's configuration has no effect here",
			LOG_STR("field", c->idle[i]));
}

/* A group of version 1 cannot be made to end as a whole. */
static int check_cgroups(const struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *said = json_get(c->tree, STR("singleProcessOOMKill"));
	struct cgroups groups = {0};
	bool unified;

	if (cgroup_load(&groups, NULL))
		return 0;
	unified = groups.unified;
	cgroup_done(&groups);
	if (!unified && c->fail_cgroup_v1)
		return err_set(err, ERR_INVALID,
			"kubelet is configured to not run on a host using cgroup v1 "
			"(failCgroupV1)");
	if (unified || !said || c->single_oom_kill)
		return 0;
	return err_set(err, ERR_INVALID,
		"invalid configuration: singleProcessOOMKill must not be explicitly set to false "
		"when using cgroup v1");
}

/* The first line of /proc/swaps says what the others mean. */
static int check_swap(struct arena *a, const struct kubelet_configuration *c, struct err *err)
{
	struct str text, line;

	if (!c->fail_swap_on || process_read_file(a, "failSwapOn", STR("/proc/swaps"), &text, NULL))
		return 0;
	str_cut(text, '\n', &line, &text);
	if (!str_trim(text).len)
		return 0;
	return err_set(err, ERR_INVALID,
		"running with swap on is not supported, please disable swap or set --fail-swap-on "
		"flag to false");
}

/* What upstream's kubelet would set by itself, were it not told to leave the kernel alone. */
static int check_kernel(struct arena *a, const struct kubelet_configuration *c, struct err *err)
{
	static const struct {
		const char *name;
		int64_t value;
	} wanted[] = {{"vm/overcommit_memory", 1}, {"vm/panic_on_oom", 0}, {"kernel/panic", 10},
		{"kernel/panic_on_oops", 1}, {"kernel/keys/root_maxkeys", 1000000},
		{"kernel/keys/root_maxbytes", 25000000}};

	for (size_t i = 0; i < ARRAY_LEN(wanted) && c->protect_kernel; i++) {
		struct str path = arena_print(a, "/proc/sys/%s", wanted[i].name), text;
		int code = process_read_file(a, "protectKernelDefaults", path, &text, err);
		int64_t value;

		if (code)
			return code;
		if (!str_to_i64(str_trim(text), &value) || value != wanted[i].value)
			return err_set(err, ERR_INVALID,
				"invalid kernel flag: %s, expected value: %lld, actual value: %.*s",
				wanted[i].name, (long long)wanted[i].value, STRF(str_trim(text)));
	}
	return 0;
}

static int check_machine(struct arena *a, const struct kubelet_configuration *c, struct err *err)
{
	int code = check_cgroups(c, err);

	if (code || (code = check_swap(a, c, err)))
		return code;
	return check_kernel(a, c, err);
}

/* How early this process is killed when the machine's memory runs out. Not everybody may say so. */
static void set_oom_score(const struct kubelet_configuration *c)
{
	_cleanup_(err_done) struct err err = {0};
	FILE *file = json_get(c->tree, STR("oomScoreAdj")) ? fopen("/proc/self/oom_score_adj", "we")
							   : NULL;
	bool failed = file && fprintf(file, "%lld", (long long)c->oom_score) < 0;

	if (file && (fclose(file) || failed)) {
		err_set_errno(&err, errno, "oomScoreAdj %lld", (long long)c->oom_score);
		log_warning(&err, "a field of the kubelet's configuration has no effect here");
	}
}

int kubelet_config_read(struct arena *a, struct str file, struct str directory, struct str text,
	struct kubelet_configuration *c, struct err *err)
{
	struct str names[FILES_MOST + 1], texts[FILES_MOST + 2];
	bool only_tls13;
	size_t count = 0;
	int code = 0;

	if (file.len)
		names[count++] = file;
	if (directory.len) {
		size_t more = 0;

		code = list_files(a, directory, names + count, &more, err);
		count += more;
	}
	for (size_t i = 0; i < count && !code; i++)
		code = process_read_file(a, "config", names[i], &texts[i], err);
	size_t files = count;
	if (text.len)
		texts[count++] = text;
	if (code)
		return code;
	code = kubelet_configuration_read_all(a, texts, count, c, err);
	if (!code)
		code = tls_version_parse(c->tls_min_version, &only_tls13, err);
	if (!code)
		code = check_machine(a, c, err);
	if (code && files)
		err_wrap(err, code, "failed to load kubelet config file, path: %.*s",
			STRF(names[0]));
	if (!code) {
		warn(c);
		set_oom_score(c);
	}
	return code;
}
