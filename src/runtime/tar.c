/*
 * An entry is a block of 512 bytes and its bytes, filled up to a block. Before it may stand others
 * that say more about it: pax records ('x'), GNU's long names ('L', 'K').
 */
#include <kube/tar.h>
#include <kube/time.h>

#define BLOCK        TAR_BLOCK
#define EXTENDED_MAX (MIB)

static const struct str xattr_prefix = STR_INIT("SCHILY.xattr.");

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* What stood before the entry about it. */
struct told {
	struct str path, link;
	int64_t size, uid, gid, mtime;
	bool has_size, has_uid, has_gid, has_mtime;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t xattr_count;
};

void tar_init(struct tar *t, tar_read_fn *read, tar_skip_fn *skip, void *ctx)
{
	*t = (struct tar){.read = read, .skip = skip, .ctx = ctx};
	arena_init(&t->arena);
}

void tar_done(struct tar *t)
{
	arena_done(&t->arena);
}

static int malformed(struct err *err, const struct tar *t, const char *what)
{
	return err_set(err, ERR_SYNTAX, "tar: %s at offset %lld", what, (long long)t->at);
}

/* All of it, or *n < len at the archive's end. */
static int read_full(struct tar *t, void *at, size_t len, size_t *n, struct err *err)
{
	*n = 0;
	while (*n < len) {
		size_t got = 0;
		int failed = t->read(t->ctx, (char *)at + *n, len - *n, &got, err);
		if (failed)
			return failed;
		if (got == 0)
			break;
		*n += got;
		t->at += (int64_t)got;
	}
	return 0;
}

static int pass_over(struct tar *t, int64_t len, struct err *err)
{
	char waste[16 * KIB];

	if (t->skip && len > (int64_t)sizeof(waste)) {
		t->at += len;
		return t->skip(t->ctx, len, err);
	}
	while (len > 0) {
		size_t n, want = (size_t)MIN(len, (int64_t)sizeof(waste));
		int failed = read_full(t, waste, want, &n, err);
		if (failed)
			return failed;
		if (n < want)
			return malformed(err, t, "unexpected EOF");
		len -= (int64_t)n;
	}
	return 0;
}

/* Octal, or with the first bit set base 256. Blank counts as 0. */
static bool parse_number(const char *at, size_t len, int64_t *value)
{
	uint64_t v = 0;
	size_t i = 0;

	if ((unsigned char)at[0] & 0x80) {
		if (((unsigned char)at[0] & 0x7f) || len < 8)
			return false; /* negative, or more than 63 bits */
		for (i = 1; i < len; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | (unsigned char)at[i];
		}
		*value = (int64_t)v;
		return true;
	}
	while (i < len && at[i] == ' ')
		i++;
	for (; i < len && at[i] >= '0' && at[i] <= '7'; i++) {
		if (v >> 59)
			return false;
		v = v << 3 | (uint64_t)(at[i] - '0');
	}
	if (i < len && at[i] != ' ' && at[i] != '\0')
		return false;
	*value = (int64_t)v;
	return true;
}

static bool checksum_fits(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	int64_t plain = 0, odd = 0, wanted;

	for (size_t i = 0; i < BLOCK; i++) {
		bool own = i >= offsetof(struct header, checksum) &&
			   i < offsetof(struct header, checksum) + sizeof(h->checksum);
		plain += own ? ' ' : bytes[i];
		odd += own ? ' ' : (signed char)bytes[i]; /* old writers added signed */
	}
	return parse_number(h->checksum, sizeof(h->checksum), &wanted) &&
	       (wanted == plain || wanted == odd);
}

static bool all_zero(const struct header *h)
{
	const char *bytes = (const char *)h;

	for (size_t i = 0; i < BLOCK; i++)
		if (bytes[i])
			return false;
	return true;
}

static struct str field_text(const char *at, size_t len)
{
	return str_make(at, strnlen(at, len));
}

/* Up to nine digits behind the dot count. */
static bool parse_time(struct str s, int64_t *ns)
{
	struct str whole, part;
	int64_t seconds, nanos = 0;
	bool has_part = str_cut(s, '.', &whole, &part);

	if (!str_to_i64(whole, &seconds) || seconds > INT64_MAX / SEC - 1 ||
		seconds < -(INT64_MAX / SEC - 1))
		return false;
	int64_t unit = SEC / 10;
	for (size_t i = 0; has_part && i < part.len && unit; i++, unit /= 10) {
		if (part.at[i] < '0' || part.at[i] > '9')
			return false;
		nanos += (part.at[i] - '0') * unit;
	}
	*ns = seconds * SEC + (whole.at[0] == '-' ? -nanos : nanos);
	return true;
}

static int take_record(
	struct tar *t, struct told *told, struct str key, struct str value, struct err *err)
{
	bool fine = true;

	if (str_eq_text(key, "path"))
		told->path = value;
	else if (str_eq_text(key, "linkpath"))
		told->link = value;
	else if (str_eq_text(key, "size"))
		fine = told->has_size = str_to_i64(value, &told->size) && told->size >= 0 &&
					told->size <= INT64_MAX - BLOCK;
	else if (str_eq_text(key, "uid"))
		fine = told->has_uid = str_to_i64(value, &told->uid);
	else if (str_eq_text(key, "gid"))
		fine = told->has_gid = str_to_i64(value, &told->gid);
	else if (str_eq_text(key, "mtime"))
		fine = told->has_mtime = parse_time(value, &told->mtime);
	else if (str_starts(key, STR("GNU.sparse.")))
		return err_set(err, ERR_UNSUPPORTED, "tar: sparse files are not supported");
	else if (str_starts(key, xattr_prefix)) {
		if (told->xattr_count == TAR_XATTRS_MAX)
			return err_set(err, ERR_TOO_LARGE, "tar: more than %d extended attributes",
				TAR_XATTRS_MAX);
		told->xattrs[told->xattr_count++] =
			(struct tar_xattr){str_skip(key, xattr_prefix.len), value};
	}
	return fine ? 0 : malformed(err, t, "bad pax record");
}

/* "LENGTH KEY=VALUE\n", the length counting itself; values may hold any bytes. */
static int parse_records(struct tar *t, struct str text, struct told *told, struct err *err)
{
	while (text.len) {
		struct str digits, rest, key, value;
		uint64_t len;
		if (!str_cut(text, ' ', &digits, &rest) || !str_to_u64(digits, &len) ||
			len > text.len || len < digits.len + 3 || text.at[len - 1] != '\n')
			return malformed(err, t, "bad pax record");
		struct str record = str_sub(text, digits.len + 1, (size_t)len - 1);
		if (!str_cut(record, '=', &key, &value) || key.len == 0)
			return malformed(err, t, "bad pax record");
		int failed = take_record(t, told, key, value, err);
		if (failed)
			return failed;
		text = str_skip(text, (size_t)len);
	}
	return 0;
}

/* The bytes of an entry that says something about the next, with what fills the block. */
static int read_extended(struct tar *t, int64_t size, struct str *text, struct err *err)
{
	size_t n;

	if (size > (int64_t)EXTENDED_MAX)
		return err_set(
			err, ERR_TOO_LARGE, "tar: %lld bytes of extended header", (long long)size);
	size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
	char *at = arena_alloc(&t->arena, padded + 1);
	int failed = read_full(t, at, padded, &n, err);
	if (failed)
		return failed;
	if (n < padded)
		return malformed(err, t, "unexpected EOF");
	*text = str_make(at, (size_t)size);
	return 0;
}

static bool parse_kind(char type, struct str path, enum tar_kind *kind)
{
	switch (type) {
	case '\0': /* of old: a directory is a name that ends with a slash */
	case '0':
	case '7':
		*kind = str_ends(path, STR("/")) ? TAR_DIRECTORY : TAR_FILE;
		return true;
	case '1':
		*kind = TAR_HARD_LINK;
		return true;
	case '2':
		*kind = TAR_SYMLINK;
		return true;
	case '3':
		*kind = TAR_CHAR_DEVICE;
		return true;
	case '4':
		*kind = TAR_BLOCK_DEVICE;
		return true;
	case '5':
		*kind = TAR_DIRECTORY;
		return true;
	case '6':
		*kind = TAR_FIFO;
		return true;
	default:
		return false;
	}
}

static struct str header_path(struct arena *a, const struct header *h)
{
	struct str name = field_text(h->name, sizeof(h->name));

	/* GNU's own format has times where ustar has the prefix. */
	if (memcmp(h->magic, "ustar\0", 6) != 0 || !h->prefix[0])
		return arena_str(a, name);
	return arena_print(
		a, "%.*s/%.*s", STRF(field_text(h->prefix, sizeof(h->prefix))), STRF(name));
}

static bool fill_owner(struct tar_entry *e, const struct header *h, const struct told *told)
{
	int64_t uid, gid, mode;

	if (!parse_number(h->mode, sizeof(h->mode), &mode) ||
		!parse_number(h->uid, sizeof(h->uid), &uid) ||
		!parse_number(h->gid, sizeof(h->gid), &gid))
		return false;
	uid = told->has_uid ? told->uid : uid;
	gid = told->has_gid ? told->gid : gid;
	/* The last number means "leave it" to chown. */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return false;
	e->mode = (uint32_t)mode & 07777;
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	return true;
}

static bool fill_numbers(struct tar_entry *e, const struct header *h, const struct told *told)
{
	int64_t seconds, major, minor;

	if (!fill_owner(e, h, told))
		return false;
	if (!parse_number(h->mtime, sizeof(h->mtime), &seconds))
		return false;
	e->mtime = told->has_mtime ? told->mtime : MIN(seconds, INT64_MAX / SEC - 1) * SEC;
	if (e->kind != TAR_CHAR_DEVICE && e->kind != TAR_BLOCK_DEVICE)
		return true;
	if (!parse_number(h->major, sizeof(h->major), &major) || major > 0xfff ||
		!parse_number(h->minor, sizeof(h->minor), &minor) || minor > 0xfffff)
		return false;
	e->device_major = (uint32_t)major;
	e->device_minor = (uint32_t)minor;
	return true;
}

static int fill_entry(struct tar *t, struct tar_entry *e, const struct header *h, struct told *told,
	int64_t size, struct err *err)
{
	*e = (struct tar_entry){.path = told->path.at ? told->path : header_path(&t->arena, h)};
	e->link = told->link.at ? told->link
				: arena_str(&t->arena, field_text(h->link, sizeof(h->link)));
	if (e->path.len > TAR_PATH_MAX || e->link.len > TAR_PATH_MAX)
		return err_set(
			err, ERR_TOO_LARGE, "tar: a name of more than %d bytes", TAR_PATH_MAX);
	if (memchr(e->path.at, 0, e->path.len) ||
		(e->link.len && memchr(e->link.at, 0, e->link.len)))
		return malformed(err, t, "a name with a NUL");
	if (h->type == 'S')
		return err_set(err, ERR_UNSUPPORTED, "tar: sparse files are not supported");
	if (!parse_kind(h->type, e->path, &e->kind))
		return err_set(err, ERR_UNSUPPORTED, "tar: \"%.*s\" is of unknown type 0x%02x",
			STRF(e->path), (unsigned char)h->type);
	if (!fill_numbers(e, h, told))
		return malformed(err, t, "bad number in a header");
	/* Some write the size of a link's target; there are no bytes behind it. */
	e->size = e->kind == TAR_FILE ? (told->has_size ? told->size : size) : 0;
	e->offset = t->at;
	e->xattr_count = told->xattr_count;
	e->xattrs = arena_copy(&t->arena, told->xattrs,
		MAX(told->xattr_count, (size_t)1) * sizeof(told->xattrs[0]));
	t->left = e->size;
	t->pad = (BLOCK - e->size % BLOCK) % BLOCK;
	return 0;
}

/* One block; *end at the archive's end, which is a block of zeros or no block at all. */
static int read_header(struct tar *t, struct header *h, bool *end, struct err *err)
{
	size_t n;
	int failed = read_full(t, h, BLOCK, &n, err);

	if (failed)
		return failed;
	*end = n == 0 || (n == BLOCK && all_zero(h));
	if (*end)
		return 0;
	if (n < BLOCK)
		return malformed(err, t, "unexpected EOF");
	return checksum_fits(h) ? 0 : malformed(err, t, "bad checksum of a header");
}

int tar_next(struct tar *t, struct tar_entry *e, bool *end, struct err *err)
{
	struct told told = {0};
	struct header h;
	struct str text;
	int failed = pass_over(t, t->left + t->pad, err);

	t->left = t->pad = 0;
	arena_reset(&t->arena);
	for (int before = 0; !failed; before++) {
		int64_t size;
		failed = read_header(t, &h, end, err);
		if (failed || *end)
			return failed;
		if (!parse_number(h.size, sizeof(h.size), &size) || size > INT64_MAX - BLOCK)
			return malformed(err, t, "bad size in a header");
		if (!strchr("xgLK", h.type) || !h.type)
			return fill_entry(t, e, &h, &told, size, err);
		if (before >= 8)
			return malformed(err, t, "too many extended headers");
		failed = read_extended(t, size, &text, err);
		if (failed)
			break;
		if (h.type == 'x')
			failed = parse_records(t, text, &told, err);
		else if (h.type == 'L')
			told.path = field_text(text.at, text.len);
		else if (h.type == 'K')
			told.link = field_text(text.at, text.len);
	}
	return failed;
}

int tar_data(struct tar *t, void *at, size_t len, size_t *n, struct err *err)
{
	size_t want = (size_t)MIN((int64_t)len, t->left);
	int failed = read_full(t, at, want, n, err);

	if (failed)
		return failed;
	if (*n < want)
		return malformed(err, t, "unexpected EOF");
	t->left -= (int64_t)*n;
	return 0;
}

/* ---- writing ---- */

/* Octal digits with zeros before them; false when there are more than fit. */
static bool print_number(char *at, size_t len, uint64_t value)
{
	at[--len] = '\0';
	while (len) {
		at[--len] = (char)('0' + (value & 7));
		value >>= 3;
	}
	return value == 0;
}

/* A long path is cut at a slash, where both parts fit. */
static bool print_path(struct header *h, struct str path)
{
	size_t cut = 0;

	if (path.len > sizeof(h->name)) {
		cut = path.len - sizeof(h->name) - 1;
		while (cut < path.len && path.at[cut] != '/')
			cut++;
		if (cut == 0 || cut > sizeof(h->prefix) || cut + 1 >= path.len)
			return false;
		memcpy(h->prefix, path.at, cut);
		path = str_skip(path, cut + 1);
	}
	memcpy(h->name, path.at, path.len);
	return true;
}

int tar_print_file(char block[TAR_BLOCK], const struct tar_entry *e, struct err *err)
{
	struct header h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	unsigned sum = 0;

	if (!e->path.len || !print_path(&h, e->path))
		return err_set(
			err, ERR_TOO_LARGE, "tar: \"%.*s\" is too long for a path", STRF(e->path));
	if (!print_number(h.mode, sizeof(h.mode), e->mode & 07777) ||
		!print_number(h.uid, sizeof(h.uid), 0) || !print_number(h.gid, sizeof(h.gid), 0) ||
		!print_number(h.size, sizeof(h.size), (uint64_t)e->size) ||
		!print_number(h.mtime, sizeof(h.mtime), (uint64_t)(e->mtime / SEC)))
		return err_set(err, ERR_TOO_LARGE, "tar: \"%.*s\" is too large", STRF(e->path));
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += ((const unsigned char *)&h)[i];
	print_number(h.checksum, sizeof(h.checksum) - 1, sum);
	memcpy(block, &h, BLOCK);
	return 0;
}
