/* A backup comes back as it was written, or not at all. */
#include "test.h"

#include "main/backup_archive.c"

#include <kube/arena.h>

struct made {
	struct buf bytes;
	size_t at;       /* of reading */
	struct buf seen; /* what was taken */
};

static int keep(void *ctx, struct str bytes, struct err *err)
{
	(void)err;
	buf_add_str(&((struct made *)ctx)->bytes, bytes);
	return 0;
}

static int give(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct made *m = ctx;

	(void)err;
	*n = MIN(len, m->bytes.len - m->at);
	*n = MIN(*n, (size_t)1000);
	memcpy(at, m->bytes.at + m->at, *n);
	m->at += *n;
	return 0;
}

static int see_begin(void *ctx, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	(void)err;
	buf_print(&((struct made *)ctx)->seen, "%.*s %o %lld [", STRF(path), mode, (long long)size);
	return 0;
}

static int see_bytes(void *ctx, struct str bytes, struct err *err)
{
	(void)err;
	if (bytes.len < 100)
		buf_add_str(&((struct made *)ctx)->seen, bytes);
	return 0;
}

static int see_end(void *ctx, struct err *err)
{
	(void)err;
	buf_add_text(&((struct made *)ctx)->seen, "]\n");
	return 0;
}

static void made_init(struct made *m)
{
	*m = (struct made){0};
	buf_init(&m->bytes, 4 * MIB);
	buf_init(&m->seen, MIB);
}

static void made_done(struct made *m)
{
	buf_done(&m->bytes);
	buf_done(&m->seen);
}

static int read_back(struct made *m, struct err *err)
{
	const struct backup_taker taker = {see_begin, see_bytes, see_end, m};
	struct backup_summary summary;

	m->at = 0;
	buf_clear(&m->seen);
	return backup_read(give, m, &taker, &summary, err);
}

static void add_file(struct backup_writer *w, const char *path, uint32_t mode, struct str text)
{
	REQUIRE(!backup_write_file(w, str_from(path), mode, (int64_t)text.len, NULL));
	REQUIRE(!backup_write_bytes(w, text, NULL));
	REQUIRE(!backup_write_file_end(w, NULL));
}

static void make(struct made *m)
{
	struct backup_writer w = {.write = keep, .ctx = m};
	char page[4096];

	memset(page, 'p', sizeof(page));
	made_init(m);
	REQUIRE(!backup_write_begin(&w, NULL));
	add_file(&w, "state/state.db", 0600, str_make(page, sizeof(page)));
	add_file(&w, "pki/ca.key", 0600, STR("secret"));
	add_file(&w, "pki/etcd/deep/ca.crt", 0644, STR("known"));
	add_file(&w, "manifests/empty.yaml", 0644, STR(""));
	REQUIRE(!backup_write_end(&w, NULL));
	backup_write_done(&w);
}

TEST(what_was_written_is_read)
{
	struct made m;

	make(&m);
	EXPECT_INT(read_back(&m, NULL), 0);
	EXPECT_STR(buf_str(&m.seen), "state/state.db 600 4096 []\n"
				     "pki/ca.key 600 6 [secret]\n"
				     "pki/etcd/deep/ca.crt 644 5 [known]\n"
				     "manifests/empty.yaml 644 0 []\n");
	made_done(&m);
}

/* Of padding and owners' names nothing is ever used: everything else counts. */
static bool is_unused(const struct made *m, size_t at, const struct made *fresh)
{
	struct made copy = *m;
	struct buf seen = copy.seen;
	bool same;

	(void)at;
	buf_init(&copy.seen, MIB);
	same = !read_back(&copy, NULL) && str_eq(buf_str(&copy.seen), buf_str(&fresh->seen));
	buf_done(&copy.seen);
	copy.seen = seen;
	return same;
}

TEST(a_byte_that_was_changed_is_noticed_or_harmless)
{
	struct made m, fresh;
	size_t noticed = 0;

	make(&m);
	make(&fresh);
	REQUIRE(!read_back(&fresh, NULL));
	for (size_t i = 0; i < m.bytes.len && !test_failed(); i++) {
		test_context("byte %d", (int)i);
		m.bytes.at[i] ^= 0x40;
		if (read_back(&m, NULL))
			noticed++;
		else
			EXPECT(is_unused(&m, i, &fresh));
		m.bytes.at[i] ^= 0x40;
	}
	test_context_end();
	EXPECT(noticed > 4096);
	made_done(&m);
	made_done(&fresh);
}

TEST(a_backup_that_was_cut_off_is_none)
{
	struct made m;

	make(&m);
	size_t whole = m.bytes.len - 2 * TAR_BLOCK;
	for (size_t len = 0; len < whole && !test_failed(); len += 64) {
		test_context("%d bytes", (int)len);
		m.bytes.len = len;
		EXPECT(read_back(&m, NULL) != 0);
	}
	test_context_end();
	made_done(&m);
}

/* An archive of one entry behind the first, with right digests. */
static int read_hostile(const char *path, char type, const char *link)
{
	struct backup_writer w = {0};
	struct made m;
	_cleanup_(err_done) struct err err = {0};

	make(&m);
	buf_clear(&m.bytes);
	w = (struct backup_writer){.write = keep, .ctx = &m};
	EXPECT(!backup_write_begin(&w, NULL));
	size_t at = m.bytes.len;
	EXPECT(!begin_entry(&w, str_from(path), 04777, 0, NULL));
	EXPECT(!backup_write_file_end(&w, NULL));
	m.bytes.at[at + 156] = type;
	memcpy(m.bytes.at + at + 157, link, strlen(link));
	unsigned sum = 0;
	memset(m.bytes.at + at + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)m.bytes.at[at + i];
	for (int i = 5; i >= 0; i--, sum >>= 3)
		m.bytes.at[at + 148 + (size_t)i] = (char)('0' + (sum & 7));
	m.bytes.at[at + 154] = 0;
	add_file(&w, "state/state.db", 0600, STR("pages"));
	EXPECT(!backup_write_end(&w, NULL));
	backup_write_done(&w);
	int code = read_back(&m, &err);
	made_done(&m);
	return code;
}

TEST(what_has_no_place_in_a_backup_is_refused)
{
	static const char *const paths[] = {"../x.yaml", "/x.yaml", "pki/../../x", "pki/./x",
		"pki//x", "pki", "state/other", "runtime/x", "kubelet/pods/x", "server.lock",
		"pki/a\nb", "digests/x", "a.yaml/..", "manifests/1/2/3/4/5/6/7/8/9"};

	EXPECT_INT(read_hostile("pki/x", '0', ""), 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		test_context("%s", paths[i]);
		EXPECT_INT(read_hostile(paths[i], '0', ""), ERR_INVALID);
	}
	test_context_end();
	for (const char *type = "123456"; *type; type++) {
		test_context("type %c", *type);
		EXPECT_INT(read_hostile("pki/x", *type, "/etc/shadow"), ERR_INVALID);
	}
	test_context_end();
}

TEST(other_archives_are_no_backups)
{
	_cleanup_(err_done) struct err err = {0};
	struct made m;

	make(&m);
	memmove(m.bytes.at, m.bytes.at + 1024, m.bytes.len - 1024); /* without what stands first */
	m.bytes.len -= 1024;
	EXPECT_INT(read_back(&m, &err), ERR_INVALID);
	EXPECT_STR(str_from(err_text(&err)), "this is no backup of kube's");
	m.bytes.len = 0;
	EXPECT_INT(read_back(&m, NULL), ERR_INVALID);
	made_done(&m);
}

TEST(a_file_that_changes_while_it_is_read_is_no_backup)
{
	struct backup_writer w = {0};
	struct made m;

	made_init(&m);
	w = (struct backup_writer){.write = keep, .ctx = &m};
	REQUIRE(!backup_write_begin(&w, NULL));
	REQUIRE(!backup_write_file(&w, STR("a.yaml"), 0600, 3, NULL));
	EXPECT_INT(backup_write_bytes(&w, STR("four"), NULL), ERR_CONFLICT);
	EXPECT_INT(backup_write_bytes(&w, STR("tw"), NULL), 0);
	EXPECT_INT(backup_write_file_end(&w, NULL), ERR_CONFLICT);
	EXPECT_INT(backup_write_file(&w, STR("pki/x"), 0600, BACKUP_FILE_MAX + 1, NULL),
		ERR_TOO_LARGE);
	backup_write_done(&w);
	made_done(&m);
}
