#include "test.h"

#include <kube/file_tree.h>
#include <kube/machine.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TEST(a_directory_that_is_still_to_be_made_has_a_disk)
{
	struct machine_space here, later;
	struct machine m;
	struct arena a;

	arena_init(&a);
	EXPECT(machine_space("/tmp", &here));
	EXPECT(machine_space("/tmp/kube-is-not-there/nor/this", &later));
	EXPECT_INT(later.bytes, here.bytes);
	EXPECT(later.id == here.id);
	machine_read(&a, "/tmp/kube-is-not-there/nor/this", &m);
	EXPECT_INT(m.disk, here.bytes);
	EXPECT(!machine_space("/dev/null/x", &later));
	arena_done(&a);
}

TEST(processes_are_counted)
{
	int64_t most = 0, now = 0;

	EXPECT(machine_processes(&most, &now));
	EXPECT(now > 0 && now < most);
}

TEST(a_tree_is_measured_by_what_it_takes_on_the_disk)
{
	static const _Atomic(bool) never;
	char root[] = "/tmp/kube-measure-XXXXXX", path[64];
	struct file_tree_usage u;

	EXPECT(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/file", root);
	FILE *f = fopen(path, "w");
	EXPECT(f);
	for (int i = 0; i < 100000; i++)
		fputc('x', f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/link", root);
	EXPECT_INT(symlink("/usr", path), 0);
	file_tree_measure(root, &never, &u);
	EXPECT_INT(u.inodes, 2);
	EXPECT(u.bytes >= 100000 && u.bytes < 200000);
	unlink(path);
	snprintf(path, sizeof(path), "%s/file", root);
	unlink(path);
	EXPECT_INT(rmdir(root), 0);
	file_tree_measure(root, &never, &u);
	EXPECT_INT(u.bytes, 0);
}
