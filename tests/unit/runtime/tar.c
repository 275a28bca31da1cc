#include "test.h"

#include "runtime/tar.c"

#include <stdio.h>

/* An archive in memory, given in pieces of seven bytes. */
struct archive {
	char bytes[8192];
	size_t len, at;
};

static int read_archive(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct archive *ar = ctx;

	(void)err;
	*n = MIN(len, ar->len - ar->at);
	*n = MIN(*n, (size_t)7);
	memcpy(at, ar->bytes + ar->at, *n);
	ar->at += *n;
	return 0;
}

static struct header *add_header(struct archive *ar, char type, const char *name, size_t size)
{
	struct header *h = (struct header *)(void *)(ar->bytes + ar->len);

	memset(h, 0, sizeof(*h));
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->mode, sizeof(h->mode), "0000644");
	snprintf(h->uid, sizeof(h->uid), "0000012");
	snprintf(h->gid, sizeof(h->gid), "0000034");
	snprintf(h->size, sizeof(h->size), "%011zo", size);
	snprintf(h->mtime, sizeof(h->mtime), "00000000005");
	memcpy(h->magic, "ustar", 6);
	h->type = type;
	ar->len += BLOCK;
	return h;
}

static void sign(struct header *h)
{
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += ((unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

static void add(struct archive *ar, char type, const char *name, struct str data)
{
	sign(add_header(ar, type, name, data.len));
	memset(ar->bytes + ar->len, 0, BLOCK);
	memcpy(ar->bytes + ar->len, data.at ? data.at : "", data.len);
	ar->len += (data.len + BLOCK - 1) / BLOCK * BLOCK;
}

static int next(struct tar *t, struct tar_entry *e, struct err *err)
{
	bool end = false;
	int failed = tar_next(t, e, &end, err);

	return failed ? failed : end;
}

TEST(entries_come_one_after_the_other)
{
	struct archive ar = {0};
	struct tar_entry e;
	struct tar t;
	char piece[64];
	size_t n;
	_cleanup_(err_done) struct err err = {0};

	add(&ar, '0', "a", STR("hello"));
	add(&ar, '0', "dir/", STR(""));
	add(&ar, '2', "link", STR(""));
	ar.len += (size_t)2 * BLOCK;
	tar_init(&t, read_archive, NULL, &ar);
	REQUIRE(EXPECT_INT(next(&t, &e, &err), 0));
	EXPECT_STR(e.path, "a");
	EXPECT_INT(e.kind, TAR_FILE);
	EXPECT_INT(e.mode, 0644);
	EXPECT_INT(e.uid, 10);
	EXPECT_INT(e.gid, 28);
	EXPECT_INT(e.mtime, 5 * SEC);
	EXPECT_INT(e.offset, BLOCK);
	EXPECT_INT(tar_data(&t, piece, 3, &n, &err), 0); /* the rest is passed over */
	EXPECT_STR(str_make(piece, n), "hel");
	EXPECT_INT(next(&t, &e, &err), 0);
	EXPECT_INT(e.kind, TAR_DIRECTORY);
	EXPECT_INT(next(&t, &e, &err), 0);
	EXPECT_INT(e.kind, TAR_SYMLINK);
	EXPECT_INT(next(&t, &e, &err), 1);
	tar_done(&t);
}

TEST(pax_records_count_for_the_next_entry_only)
{
	struct archive ar = {0};
	struct tar_entry e;
	struct tar t;
	_cleanup_(err_done) struct err err = {0};

	add(&ar, 'x', "pax",
		STR("15 path=longer\n10 uid=70\n13 mtime=1.5\n29 SCHILY.xattr.user.a=a=b\0c\n"));
	add(&ar, '0', "short", STR(""));
	add(&ar, '0', "other", STR(""));
	tar_init(&t, read_archive, NULL, &ar);
	REQUIRE(EXPECT_INT(next(&t, &e, &err), 0));
	EXPECT_STR(e.path, "longer");
	EXPECT_INT(e.uid, 70);
	EXPECT_INT(e.mtime, SEC + SEC / 2);
	REQUIRE(e.xattr_count == 1);
	EXPECT_STR(e.xattrs[0].name, "user.a");
	EXPECT(str_eq(e.xattrs[0].value, STR("a=b\0c")));
	EXPECT_INT(next(&t, &e, &err), 0);
	EXPECT_STR(e.path, "other");
	EXPECT_INT(e.uid, 10);
	EXPECT_INT(next(&t, &e, &err), 1); /* an end without blocks of zeros will do */
	tar_done(&t);
}

TEST(what_is_not_in_order_is_refused)
{
	static const struct {
		const char *what;
		char type;
		struct str data;
		int code;
	} rows[] = {
		{"sparse", 'S', STR_INIT(""), ERR_UNSUPPORTED},
		{"unknown", 'Z', STR_INIT(""), ERR_UNSUPPORTED},
		{"sparse by pax", 'x', STR_INIT("22 GNU.sparse.major=1\n"), ERR_UNSUPPORTED},
		{"no length", 'x', STR_INIT("path=a\n"), ERR_SYNTAX},
		{"too long", 'x', STR_INIT("99 path=a\n"), ERR_SYNTAX},
		{"no key", 'x', STR_INIT("6 =ab\n"), ERR_SYNTAX},
		{"negative size", 'x', STR_INIT("11 size=-1\n"), ERR_SYNTAX},
		{"huge size", 'x', STR_INIT("28 size=9223372036854775807\n"), ERR_SYNTAX},
		{"no owner", 'x', STR_INIT("18 uid=4294967295\n"), ERR_SYNTAX},
		{"a NUL", 'x', STR_INIT("12 path=a\0b\n"), ERR_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct archive ar = {0};
		struct tar_entry e;
		struct tar t;
		test_context("%s", rows[i].what);
		add(&ar, rows[i].type, "name", rows[i].data);
		add(&ar, '0', "next", STR(""));
		tar_init(&t, read_archive, NULL, &ar);
		EXPECT_INT(next(&t, &e, NULL), rows[i].code);
		tar_done(&t);
	}
	test_context_end();
}

TEST(gnu_names_have_any_length_up_to_the_ceiling)
{
	struct archive ar = {0};
	struct tar_entry e;
	struct tar t;
	char name[300];

	memset(name, 'n', sizeof(name));
	add(&ar, 'L', "././@LongLink", str_make(name, sizeof(name)));
	add(&ar, 'K', "././@LongLink", STR("target\0"));
	add(&ar, '2', "short", STR(""));
	tar_init(&t, read_archive, NULL, &ar);
	REQUIRE(EXPECT_INT(next(&t, &e, NULL), 0));
	EXPECT_INT(e.path.len, sizeof(name));
	EXPECT_STR(e.link, "target");
	tar_done(&t);
}

TEST(large_numbers_are_base_256)
{
	struct archive ar = {0};
	struct tar_entry e;
	struct tar t;
	struct header *h = add_header(&ar, '0', "a", 0);

	memcpy(h->uid, "\x80\0\0\0\0\x0f\x42\x40", 8);
	sign(h);
	tar_init(&t, read_archive, NULL, &ar);
	EXPECT_INT(next(&t, &e, NULL), 0);
	EXPECT_INT(e.uid, 1000000);
	tar_done(&t);
	memset(&ar, 0, sizeof(ar));
	h = add_header(&ar, '0', "a", 0);
	memset(h->size, 0xff, sizeof(h->size));
	sign(h);
	tar_init(&t, read_archive, NULL, &ar);
	EXPECT_INT(next(&t, &e, NULL), ERR_SYNTAX);
	tar_done(&t);
}

TEST(what_is_written_is_read_again)
{
	char part[91], path[200];
	struct archive ar = {0};
	struct tar_entry e = {.mode = 0640, .size = 3, .mtime = 5 * SEC};
	struct tar_entry found;
	struct tar t;
	bool end;

	memset(part, 'd', sizeof(part) - 1);
	part[sizeof(part) - 1] = 0;
	snprintf(path, sizeof(path), "%s/%s", part, part);
	e.path = str_from(path);
	REQUIRE(!tar_print_file(ar.bytes, &e, NULL));
	memcpy(ar.bytes + BLOCK, "abc", 3);
	ar.len = 4 * (size_t)BLOCK;
	tar_init(&t, read_archive, NULL, &ar);
	REQUIRE(!tar_next(&t, &found, &end, NULL) && !end);
	EXPECT_STR(found.path, path);
	EXPECT_INT(found.mode, 0640);
	EXPECT_INT(found.size, 3);
	EXPECT_INT(found.mtime, 5 * SEC);
	EXPECT(!tar_next(&t, &found, &end, NULL) && end);
	tar_done(&t);
	path[90] = 'd'; /* without a slash it is too long */
	EXPECT_INT(tar_print_file(ar.bytes, &e, NULL), ERR_TOO_LARGE);
	e = (struct tar_entry){.path = STR("a"), .size = (int64_t)(8192 * MIB)};
	EXPECT_INT(tar_print_file(ar.bytes, &e, NULL), ERR_TOO_LARGE);
	e.size--;
	EXPECT_INT(tar_print_file(ar.bytes, &e, NULL), 0);
}
