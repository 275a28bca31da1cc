/* Logs of containers on a node: put away when they are large, gone with their container. */
#include "kubelet_rig.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fake_program programs[] = {
	{.name = "app", .here = true, .ends = 100 * MSEC},
	{.name = "fails", .here = true, .runs = SEC, .code = 3},
};

/* Of the only container. */
static const char *log_path(struct kubelet_rig *r)
{
	EXPECT_INT(r->runtime.container_count, 1);
	return r->runtime.containers[0]->c.log_path.at;
}

static void grow(struct kubelet_rig *r)
{
	EXPECT_INT(truncate(log_path(r), 10 * (off_t)MIB), 0);
}

static int64_t size_of(const char *path)
{
	struct stat there;

	return stat(path, &there) ? -1 : there.st_size;
}

static int files_beside(const char *path, const char *ending)
{
	struct str directory, name;
	int count = 0;

	str_cut_last(str_from(path), '/', &directory, &name);
	char *text = str_dup(directory);
	DIR *d = opendir(text);
	for (struct dirent *e; d && (e = readdir(d));)
		count += e->d_name[0] != '.' && str_ends(str_from(e->d_name), str_from(ending));
	if (d)
		closedir(d);
	mem_free(text);
	return count;
}

static void open_rig(struct kubelet_rig *r, const char *image)
{
	char *spec = mem_print("'containers':[{'name':'app','image':'%s'}]", image);

	kubelet_rig_open(r, programs, ARRAY_LEN(programs));
	rig_pod(r, "p", spec);
	mem_free(spec);
}

TEST(a_large_log_is_put_away_and_only_so_many_stay)
{
	struct kubelet_rig r;

	open_rig(&r, "app");
	rig_pass(&r, 11 * SEC);
	EXPECT_INT(size_of(log_path(&r)), 0); /* there was none: the runtime was told */
	for (int i = 1; i <= 6; i++) {
		grow(&r);
		rig_pass(&r, 10 * SEC);
		EXPECT_INT(size_of(log_path(&r)), 0);
		EXPECT_INT(files_beside(log_path(&r), ""), MIN(1 + i, 5));
		EXPECT_INT(files_beside(log_path(&r), ".gz"), MIN(i - 1, 3));
	}
	EXPECT_INT(r.runtime.reopened, 7);
	EXPECT_INT(truncate(log_path(&r), 10 * (off_t)MIB - 1), 0);
	rig_pass(&r, 20 * SEC);
	EXPECT_INT(r.runtime.reopened, 7);
	kubelet_rig_close(&r);
}

TEST(a_log_that_the_runtime_does_not_begin_anew_is_called_back)
{
	struct kubelet_rig r;

	open_rig(&r, "app");
	rig_pass(&r, 11 * SEC);
	grow(&r);
	r.runtime.fail_times = 1;
	r.runtime.fail_code = ERR_INTERNAL;
	rig_pass(&r, 10 * SEC);
	EXPECT_INT(r.runtime.fail_times, 0);
	EXPECT_INT(size_of(log_path(&r)), 10 * (int64_t)MIB);
	EXPECT_INT(files_beside(log_path(&r), ""), 1);
	rig_pass(&r, 10 * SEC);
	EXPECT_INT(size_of(log_path(&r)), 0);
	kubelet_rig_close(&r);
}

TEST(logs_go_with_their_container)
{
	struct kubelet_rig r;
	char path[256];

	open_rig(&r, "fails");
	rig_pass(&r, 500 * MSEC);
	snprintf(path, sizeof(path), "%s", log_path(&r));
	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(path, "a");

		EXPECT(f);
		fclose(f);
		strcat(path, ".20260102-150405.gz");
	}
	EXPECT_INT(files_beside(path, ""), 2);
	rig_pass(&r, 2 * MINUTE);
	EXPECT(r.runtime.created > 2);
	EXPECT_INT(files_beside(path, ""), 0);
	kubelet_rig_close(&r);
}
