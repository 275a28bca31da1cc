/* Whatever is logged is one line of valid UTF-8 without controls; in JSON it is an object. */
#include <kube/json.h>
#include <kube/log.h>
#include <kube/time.h>

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now = SEC;

/* Far from one call to the next, so that no line is held back. */
static int64_t next_time(void)
{
	return now += HOUR;
}

static struct str logged(int fd)
{
	static char text[1 << 18];
	ssize_t len = pread(fd, text, sizeof(text), 0);
	assert(len > 0 && (size_t)len < sizeof(text));
	int failed = ftruncate(fd, 0);
	assert(!failed);
	failed = lseek(fd, 0, SEEK_SET) != 0;
	assert(!failed);
	return str_make(text, (size_t)len);
}

static void check_line(struct str line)
{
	assert(str_ends(line, STR("\n")) && str_is_utf8(line));
	for (size_t i = 0; i + 1 < line.len; i++)
		assert((unsigned char)line.at[i] >= ' ' && line.at[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd;
	struct err err = {0};
	struct str s = str_make((const char *)data, size);
	_cleanup_(buf_done) struct buf b = BUF_INIT(64 * KIB);
	if (size > 32 * KIB)
		return 0;
	if (!fd) {
		fd = memfd_create("log", MFD_CLOEXEC);
		assert(fd > 0);
		log_set_fd(fd);
		log_set_clock(next_time);
	}
	buf_add_str(&b, s);
	err_set(&err, ERR_IO, "%s", buf_text(&b));

	log_set_format(LOG_FORMAT_TEXT);
	log_error(&err, buf_text(&b), LOG_STR("value", s), LOG_INT("n", (int64_t)size));
	check_line(logged(fd));
	log_set_format(LOG_FORMAT_JSON);
	log_error(&err, buf_text(&b), LOG_STR("value", s), LOG_INT("n", (int64_t)size));
	struct str line = logged(fd);
	check_line(line);

	_cleanup_(arena_done) struct arena a = {0};
	struct cJSON *root;
	int64_t n;
	int code = json_parse(&a, line, NULL, &root, NULL);
	assert(code == 0);
	bool found = json_int(json_get(root, STR("n")), &n);
	assert(found && n == (int64_t)size);
	err_done(&err);
	return 0;
}
