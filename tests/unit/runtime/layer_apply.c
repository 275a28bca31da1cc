/*
 * Layers of any kind, thousands of them, from few names and every link one can think of: whatever
 * they do, nothing outside of the layer's directory changes. Only root makes what layers hold.
 */
#include "test.h"

#include "runtime/layer_apply.h"

#include <dirent.h>
#include <fcntl.h>
#include <kube/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct layer_dir {
	char dir[64]; /* holds "layer", and what must stay as it is */
	int top, root;
};

static bool layer_open(struct layer_dir *d)
{
	*d = (struct layer_dir){.top = -1, .root = -1};
	if (geteuid() != 0)
		return false;
	snprintf(d->dir, sizeof(d->dir), "%s/kube-layer-XXXXXX",
		access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!EXPECT(mkdtemp(d->dir) != NULL))
		return false;
	d->top = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT_INT(mkdirat(d->top, "layer", 0755), 0);
	EXPECT_INT(mkdirat(d->top, "a", 0751), 0);
	int fd = openat(d->top, "a/b", O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	EXPECT_INT(write(fd, "untouched", 9), 9);
	close(fd);
	d->root = openat(d->top, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return !test_failed();
}

static void expect_untouched(const struct layer_dir *d)
{
	struct stat st;
	char text[16] = {0};
	int fd = openat(d->top, "a/b", O_RDONLY | O_CLOEXEC);
	int names = 0;

	EXPECT(fd >= 0 && read(fd, text, sizeof(text)) == 9);
	EXPECT_TEXT(text, "untouched");
	EXPECT(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_nlink == 1);
	close(fd);
	EXPECT(fstatat(d->top, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0751);
	DIR *list = fdopendir(openat(d->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (readdir(list))
		names++;
	closedir(list);
	EXPECT_INT(names, 4); /* ".", "..", "a", "layer" */
}

static void layer_close(struct layer_dir *d)
{
	close(d->root);
	close(d->top);
	EXPECT_INT(tree_remove(AT_FDCWD, d->dir, NULL), 0);
	EXPECT(access(d->dir, F_OK) != 0);
}

static int no_bytes(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	(void)ctx;
	(void)len;
	(void)err;
	*n = 0;
	(void)at;
	return 0;
}

/* One entry without bytes. */
static int apply(struct layer_apply *l, const struct tar_entry *e, struct err *err)
{
	struct tar t;

	tar_init(&t, no_bytes, NULL, NULL);
	int failed = layer_apply_entry(l, &t, e, err);
	tar_done(&t);
	return failed;
}

static int apply_one(struct layer_apply *l, enum tar_kind kind, const char *path, const char *link)
{
	struct tar_entry e = {
		.kind = kind, .path = str_from(path), .link = str_from(link), .mode = 0755};

	return apply(l, &e, NULL);
}

static struct str random_path(struct rng *r, struct arena *a, bool leads_out)
{
	static const char *const names[] = {
		"a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", ".", "", "layer"};
	struct str path = {"", 0};
	uint64_t depth = 1 + rng_below(r, 4);

	for (uint64_t i = 0; i < depth; i++) {
		const char *name = names[rng_below(r, ARRAY_LEN(names))];
		if (leads_out && rng_below(r, 3) == 0)
			name = "..";
		path = arena_print(a, "%.*s%s%s", STRF(path), i ? "/" : "", name);
	}
	return leads_out && rng_below(r, 4) == 0 ? arena_print(a, "/%.*s", STRF(path)) : path;
}

TEST(no_layer_reaches_out_of_its_directory)
{
	struct layer_dir d;
	struct rng r;

	rng_init(&r, 1);
	for (int round = 0; round < 400 && !test_failed(); round++) {
		struct layer_apply l;
		struct arena a;
		if (!layer_open(&d))
			return;
		arena_init(&a);
		test_context("round %d", round);
		layer_apply_init(&l, d.root, 100);
		for (int i = 0; i < 40; i++) {
			struct tar_entry e = {.kind = (enum tar_kind)rng_below(&r, TAR_FIFO + 1),
				.path = random_path(&r, &a, rng_below(&r, 10) == 0),
				.link = random_path(&r, &a, rng_below(&r, 2)),
				.mode = (uint32_t)rng_below(&r, 010000),
				.uid = (uint32_t)rng_below(&r, 3),
				.device_minor = (uint32_t)rng_below(&r, 3)};
			/* Devices are made, not opened: none that does harm by being there. */
			e.device_major = e.device_minor ? 1 : 0;
			apply(&l, &e, NULL);
		}
		layer_apply_end(&l, NULL);
		layer_apply_done(&l);
		expect_untouched(&d);
		arena_done(&a);
		layer_close(&d);
	}
	test_context_end();
}

static bool is_whiteout_at(const struct layer_dir *d, const char *path)
{
	struct stat st;

	return fstatat(d->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

static bool is_opaque(const struct layer_dir *d, const char *path)
{
	char value[4] = {0};
	int fd = openat(d->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool opaque = fd >= 0 &&
		      fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
		      value[0] == 'y';

	if (fd >= 0)
		close(fd);
	return opaque;
}

TEST(whiteouts_are_what_overlayfs_knows)
{
	struct layer_dir d;
	struct layer_apply l;

	if (!layer_open(&d))
		return;
	layer_apply_init(&l, d.root, 100);
	EXPECT_INT(apply_one(&l, TAR_FILE, "x/.wh.gone", ""), 0);
	EXPECT(is_whiteout_at(&d, "x/gone"));
	/* What comes back as a directory hides what lay there before. */
	EXPECT_INT(apply_one(&l, TAR_DIRECTORY, "x/gone", ""), 0);
	EXPECT(is_opaque(&d, "x/gone"));
	EXPECT_INT(apply_one(&l, TAR_DIRECTORY, "x/kept", ""), 0);
	EXPECT(!is_opaque(&d, "x/kept"));
	EXPECT_INT(apply_one(&l, TAR_FILE, "x/.wh.kept", ""), 0);
	EXPECT(is_opaque(&d, "x/kept"));
	EXPECT_INT(apply_one(&l, TAR_FILE, "x/.wh..wh..opq", ""), 0);
	EXPECT(is_opaque(&d, "x"));
	EXPECT_INT(apply_one(&l, TAR_FILE, "x/.wh..wh.plnk", ""), 0);
	EXPECT(faccessat(d.root, "x/.wh..wh.plnk", F_OK, 0) != 0);
	layer_apply_done(&l);
	layer_close(&d);
}

TEST(a_parent_may_be_a_link_to_what_another_layer_has)
{
	struct layer_dir d;
	struct layer_apply l;

	if (!layer_open(&d))
		return;
	layer_apply_init(&l, d.root, 100);
	EXPECT_INT(apply_one(&l, TAR_SYMLINK, "var/run", "/run"), 0);
	EXPECT_INT(apply_one(&l, TAR_FILE, "var/run/pid", ""), 0);
	EXPECT(faccessat(d.root, "run/pid", F_OK, 0) == 0);
	layer_apply_done(&l);
	expect_untouched(&d);
	layer_close(&d);
}

TEST(what_stands_in_the_way_is_replaced)
{
	struct layer_dir d;
	struct layer_apply l;
	struct stat st;

	if (!layer_open(&d))
		return;
	layer_apply_init(&l, d.root, 100);
	EXPECT_INT(apply_one(&l, TAR_FILE, "x/y/z", ""), 0);
	EXPECT_INT(apply_one(&l, TAR_SYMLINK, "x", "elsewhere"), 0);
	EXPECT(fstatat(d.root, "x", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	EXPECT_INT(apply_one(&l, TAR_DIRECTORY, "x", ""), 0);
	EXPECT(fstatat(d.root, "x", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
	EXPECT_INT(apply_one(&l, TAR_FILE, "x", ""), 0);
	EXPECT_INT(apply_one(&l, TAR_HARD_LINK, "h", "x"), 0);
	EXPECT(fstatat(d.root, "h", &st, 0) == 0 && st.st_nlink == 2);
	EXPECT_INT(apply_one(&l, TAR_HARD_LINK, "h", "h"), 0); /* to itself: nothing happens */
	layer_apply_done(&l);
	layer_close(&d);
}

TEST(more_entries_than_allowed_are_refused)
{
	struct layer_dir d;
	struct layer_apply l;

	if (!layer_open(&d))
		return;
	layer_apply_init(&l, d.root, 2);
	EXPECT_INT(apply_one(&l, TAR_FILE, "a", ""), 0);
	EXPECT_INT(apply_one(&l, TAR_FILE, "b", ""), 0);
	EXPECT_INT(apply_one(&l, TAR_FILE, "c", ""), ERR_TOO_LARGE);
	layer_apply_done(&l);
	layer_close(&d);
}

TEST(deep_trees_are_taken_away)
{
	struct layer_dir d;

	if (!layer_open(&d))
		return;
	int at = dup(d.root);
	for (int i = 0; i < 3000; i++) {
		EXPECT_INT(mkdirat(at, "deeper", 0755), 0);
		EXPECT_INT(symlinkat("/", at, "link"), 0);
		int next = openat(at, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	layer_close(&d);
}
