#include "kubelet_config.h"
#include "process.h"

#include <kube/cgroup.h>
#include <kube/log.h>

#include <dirent.h>
#include <errno.h>
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
static int check_machine(const struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *said = json_get(c->tree, STR("singleProcessOOMKill"));
	struct cgroups groups = {0};
	bool unified;

	if (!said || c->single_oom_kill || cgroup_load(&groups, NULL))
		return 0;
	unified = groups.unified;
	cgroup_done(&groups);
	if (unified)
		return 0;
	return err_set(err, ERR_INVALID,
		"invalid configuration: singleProcessOOMKill must not be explicitly set to false "
		"when using cgroup v1");
}

int kubelet_config_read(struct arena *a, struct str file, struct str directory, struct str text,
	struct kubelet_configuration *c, struct err *err)
{
	struct str names[FILES_MOST + 1], texts[FILES_MOST + 2];
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
		code = check_machine(c, err);
	if (code && files)
		err_wrap(err, code, "failed to load kubelet config file, path: %.*s",
			STRF(names[0]));
	if (!code)
		warn(c);
	return code;
}
