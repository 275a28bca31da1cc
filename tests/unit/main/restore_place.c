/* A cluster's files take others' place as a whole, wherever it is cut off. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process ends behind the call of that number that changed something; 0: never. */
static int cut_at;
static int cut(int result)
{
	if (!result && cut_at && --cut_at == 0)
		_exit(9);
	return result;
}

static int cut_renameat(int from, const char *name, int to, const char *as)
{
	return cut(renameat(from, name, to, as));
}

static int cut_unlinkat(int dir, const char *name, int flags)
{
	return cut(unlinkat(dir, name, flags));
}

#define renameat cut_renameat
#define unlinkat cut_unlinkat
#include "main/backup_archive.c"
#include "main/restore_place.c"
#undef renameat
#undef unlinkat

#include <kube/mem.h>

static char top[] = "/tmp/kube-restore-XXXXXX";

static void write_at(const char *path, const char *text)
{
	_cleanup_(mem_done) char *whole = mem_print("%s/%s", top, path);

	for (char *slash = strchr(whole + strlen(top) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(whole, 0700);
		*slash = '/';
	}
	int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static struct str read_at(const char *path)
{
	static char text[64];
	_cleanup_(mem_done) char *whole = mem_print("%s/%s", top, path);
	int fd = open(whole, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? STR("(none)") : str_make(text, (size_t)n);
}

static void remove_top(void)
{
	char base[] = "/tmp";
	int fd = open(base, O_RDONLY | O_DIRECTORY);

	EXPECT(!file_tree_remove(fd, strrchr(top, '/') + 1, NULL, NULL));
	close(fd);
	memcpy(top, "/tmp/kube-restore-XXXXXX", sizeof(top));
}

/* A cluster with pods, and another that is to come. */
static void make(bool with_old)
{
	int fd;

	REQUIRE(mkdtemp(top));
	if (with_old) {
		write_at("state/state.db", "old");
		write_at("pki/ca.key", "old");
		write_at("manifests/a.yaml", "old");
		write_at("extra.kubeconfig", "old");
		write_at("admin.kubeconfig", "old");
	}
	write_at("runtime/pod", "runs");
	write_at("server.lock", "held");
	write_at("restore.part/rubbish", "from before");
	REQUIRE(!restore_open_part(top, &fd, NULL));
	close(fd);
	write_at("restore.part/state/state.db", "new");
	write_at("restore.part/pki/ca.key", "new");
	write_at("restore.part/admin.kubeconfig", "new");
}

static void expect_new(void)
{
	EXPECT_STR(read_at("state/state.db"), "new");
	EXPECT_STR(read_at("pki/ca.key"), "new");
	EXPECT_STR(read_at("admin.kubeconfig"), "new");
	EXPECT_STR(read_at("manifests/a.yaml"), "(none)");
	EXPECT_STR(read_at("extra.kubeconfig"), "(none)");
	EXPECT_STR(read_at("rubbish"), "(none)");
	EXPECT_STR(read_at("runtime/pod"), "runs");
	EXPECT_STR(read_at("server.lock"), "held");
}

static void expect_aside(void)
{
	EXPECT_STR(read_at("before-restore-1/state/state.db"), "old");
	EXPECT_STR(read_at("before-restore-1/pki/ca.key"), "old");
	EXPECT_STR(read_at("before-restore-1/manifests/a.yaml"), "old");
	EXPECT_STR(read_at("before-restore-1/extra.kubeconfig"), "old");
	EXPECT_STR(read_at("before-restore-1/admin.kubeconfig"), "old");
}

static void expect_old(void)
{
	EXPECT_STR(read_at("state/state.db"), "old");
	EXPECT_STR(read_at("pki/ca.key"), "old");
	EXPECT_STR(read_at("manifests/a.yaml"), "old");
	EXPECT_STR(read_at("extra.kubeconfig"), "old");
	EXPECT_STR(read_at("admin.kubeconfig"), "old");
}

TEST(an_empty_directory_becomes_a_cluster)
{
	int aside = 9;
	bool has = true;

	make(false);
	EXPECT_INT(restore_has_cluster(top, &has, NULL), 0);
	EXPECT(!has);
	EXPECT_INT(restore_choose(top, NULL), 0);
	EXPECT_INT(restore_finish(top, &aside, NULL), 0);
	EXPECT_INT(aside, 0);
	expect_new();
	EXPECT_INT(restore_has_cluster(top, &has, NULL), 0);
	EXPECT(has);
	remove_top();
}

TEST(what_was_there_is_put_aside_under_the_next_number)
{
	int aside = 0;

	make(true);
	write_at("before-restore-1/state", "older");
	EXPECT_INT(restore_choose(top, NULL), 0);
	EXPECT_INT(restore_finish(top, &aside, NULL), 0);
	EXPECT_INT(aside, 2);
	expect_new();
	EXPECT_STR(read_at("before-restore-1/state"), "older");
	EXPECT_STR(read_at("before-restore-2/extra.kubeconfig"), "old");
	EXPECT_INT(restore_finish(top, &aside, NULL), 0);
	EXPECT_INT(aside, 0);
	expect_new();
	remove_top();
}

TEST(what_is_not_whole_is_never_moved_in)
{
	make(true);
	EXPECT_INT(restore_finish(top, NULL, NULL), 0);
	expect_old();
	remove_top();
}

/* In a process of its own. */
static int run_cut(int k, bool choose)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		cut_at = k;
		if (choose && restore_choose(top, NULL))
			_exit(1);
		_exit(restore_finish(top, NULL, NULL) ? 1 : 0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(wherever_it_is_cut_off_it_goes_forward)
{
	int k, status = 9;

	for (k = 1; status == 9 && k < 100 && !test_failed(); k++) {
		test_context("cut at %d", k);
		make(true);
		status = run_cut(k, true);
		EXPECT(status == 9 || status == 0);
		EXPECT_INT(restore_finish(top, NULL, NULL), 0);
		expect_new();
		expect_aside();
		remove_top();
	}
	test_context_end();
	EXPECT(k > 10 && k < 100);
}

/* One step a life. */
TEST(it_comes_to_its_end_however_often_it_is_cut_off)
{
	int lives = 0;

	make(true);
	REQUIRE(run_cut(1, true) == 9);
	while (run_cut(1, false) == 9 && lives < 100)
		lives++;
	EXPECT(lives > 5 && lives < 100);
	expect_new();
	expect_aside();
	remove_top();
}
