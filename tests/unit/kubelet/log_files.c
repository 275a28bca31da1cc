#include "test.h"

#include "kubelet/log_files.h"

#include <kube/gzip.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "name=fate …", as planned. */
static void expect_plan(const char *names, int64_t most, const char *wanted)
{
	static const char *const fates[] = {"keep", "pack", "remove"};
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct str rest = str_from(names), name;
	struct log_file files[16];
	size_t count = 0;

	while (str_next(&rest, ' ', &name))
		files[count++] = (struct log_file){.name = name};
	log_files_plan(files, count, most);
	for (size_t i = 0; i < count; i++)
		buf_print(&text, "%s%.*s=%s", i ? " " : "", STRF(files[i].name),
			fates[files[i].fate]);
	EXPECT_STR(buf_str(&text), wanted);
}

TEST(older_logs_are_packed_and_the_oldest_go)
{
	expect_plan("l.2 l.1.gz", 5, "l.1.gz=keep l.2=pack");
	expect_plan(
		"l.4 l.3.gz l.2.gz l.1.gz", 5, "l.1.gz=remove l.2.gz=keep l.3.gz=keep l.4=pack");
	expect_plan("l.2 l.1.gz", 2, "l.1.gz=remove l.2=remove");
}

TEST(what_an_interrupted_rotation_left_goes)
{
	expect_plan("l.1.gz l.1 l.2.tmp l.2", 5, "l.1=remove l.1.gz=keep l.2=pack l.2.tmp=remove");
}

struct rig {
	char root[64];
	char path[128];
	struct arena a;
	int64_t wall;
};

static void open_rig(struct rig *r)
{
	*r = (struct rig){.root = "/tmp/kube-logs-XXXXXX", .wall = 1700000000 * SEC};
	arena_init(&r->a);
	EXPECT(mkdtemp(r->root));
	snprintf(r->path, sizeof(r->path), "%s/0.log", r->root);
}

static void close_rig(struct rig *r)
{
	arena_done(&r->a);
	EXPECT_INT(rmdir(r->root), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	EXPECT(f);
	fputs(text, f);
	fclose(f);
}

static struct str rotate(struct rig *r, const char *text)
{
	static const _Atomic(bool) never;
	struct str put_away = {0};
	struct err err = {0};

	write_file(r->path, text);
	r->wall += SEC;
	EXPECT_OK(log_files_rotate(&r->a, r->path, 3, r->wall, &never, &put_away, &err), &err);
	return put_away;
}

TEST(a_log_is_put_away_then_packed_then_removed)
{
	struct rig r;

	open_rig(&r);
	struct str first = rotate(&r, "first\n");
	EXPECT(str_ends(first, STR("/0.log.20231114-221321")));
	EXPECT_INT(access(first.at, F_OK), 0);
	EXPECT(access(r.path, F_OK) != 0);
	rotate(&r, "second\n");
	struct str packed = arena_print(&r.a, "%s.gz", first.at);
	EXPECT(access(first.at, F_OK) != 0);
	FILE *f = fopen(packed.at, "r");
	char bytes[256];
	_cleanup_(buf_done) struct buf plain = BUF_INIT(KIB);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	EXPECT_INT(gzip_decode(str_make(bytes, n), &plain, NULL), 0);
	EXPECT_STR(buf_str(&plain), "first\n");
	rotate(&r, "third\n");
	EXPECT(access(packed.at, F_OK) != 0);
	write_file(r.path, "now\n");
	EXPECT_INT(log_files_remove(r.path, NULL), 0);
	close_rig(&r);
}

TEST(a_log_that_is_called_back_harms_no_other)
{
	struct rig r;
	int64_t size;

	open_rig(&r);
	struct str away = rotate(&r, "first\n");
	EXPECT_INT(log_files_call_back(away.at, r.path, NULL), 0);
	EXPECT_INT(log_files_size(r.path, &size, NULL), 0);
	EXPECT_INT(size, 6);
	away = rotate(&r, "second\n");
	write_file(r.path, "new\n");
	EXPECT_INT(log_files_call_back(away.at, r.path, NULL), ERR_ALREADY_EXISTS);
	EXPECT_INT(log_files_size(r.path, &size, NULL), 0);
	EXPECT_INT(size, 4);
	EXPECT_INT(log_files_remove(r.path, NULL), 0);
	close_rig(&r);
}
