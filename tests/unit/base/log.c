#include <kube/buf.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <test.h>
#include <unistd.h>

/* 2006-01-02T15:04:05.123456789Z */
static int64_t now = 1136214245123456789;

static int64_t test_clock(void)
{
	return now;
}

static int pipe_ends[2];

static void log_to_pipe(enum log_format format)
{
	int failed = pipe2(pipe_ends, O_NONBLOCK);
	assert(!failed);
	log_set_fd(pipe_ends[1]);
	log_set_format(format);
	log_set_clock(test_clock);
	log_set_verbosity(0);
}

static void log_to_stderr(void)
{
	log_set_fd(2);
	log_set_format(LOG_FORMAT_TEXT);
	log_set_clock(NULL);
	log_set_verbosity(0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

/* What was written since the last look. */
static struct str logged(void)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t got;
	while ((got = read(pipe_ends[0], text + len, sizeof(text) - len)) > 0)
		len += (size_t)got;
	return str_make(text, len);
}

/* Only what stands behind the place, which changes with every edit of this file. */
static struct str logged_behind(const char *mark)
{
	struct str line = logged();
	ssize_t at = str_find(line, str_from(mark));
	EXPECT(at >= 0);
	return at < 0 ? line : str_skip(line, (size_t)at + strlen(mark));
}

TEST(log_writes_the_header_of_klog)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	int line = __LINE__ + 1;
	log_info("listening", LOG_TEXT("address", "127.0.0.1"), LOG_INT("port", 6443));
	char wanted[200];
	snprintf(wanted, sizeof(wanted),
		"I0102 15:04:05.123456 %7d log.c:%d] \"listening\" address=\"127.0.0.1\" "
		"port=6443\n",
		(int)getpid(), line);
	EXPECT_STR(logged(), wanted);
	log_warning(NULL, "careful");
	EXPECT_STR(str_sub(logged(), 0, 5), "W0102");
	log_error(NULL, "broken");
	EXPECT_STR(str_sub(logged(), 0, 5), "E0102");
	log_to_stderr();
}

TEST(log_prints_every_kind_of_field)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	log_info("x", LOG_STR("s", STR("a b")), LOG_INT("n", INT64_MIN), LOG_BOOL("yes", true),
		LOG_BOOL("no", false), LOG_DURATION("took", 1500 * MSEC),
		LOG_STR("none", (struct str){0}));
	EXPECT_STR(logged_behind("] "), "\"x\" s=\"a b\" n=-9223372036854775808 yes=true no=false "
					"took=\"1.5s\" none=\"\"\n");
	log_to_stderr();
}

TEST(log_puts_the_error_first)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	_cleanup_(err_done) struct err err = {0};
	err_set(&err, ERR_NOT_FOUND, "pods \"x\" not found");
	log_error(&err, "cannot sync", LOG_TEXT("pod", "x"));
	EXPECT_STR(logged_behind("] "),
		"\"cannot sync\" err=\"pods \\\"x\\\" not found\" pod=\"x\"\n");
	struct err nothing = {0};
	log_error(&nothing, "fine");
	EXPECT_STR(logged_behind("] "), "\"fine\"\n");
	log_to_stderr();
}

TEST(log_escapes_what_could_forge_a_line)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	log_info("two\nlines", LOG_TEXT("v", "a\tb\r\n\x1b[31m\x7f\"\\\a"));
	EXPECT_STR(logged_behind("] "),
		"\"two\\nlines\" v=\"a\\tb\\r\\n\\x1b[31m\\x7f\\\"\\\\\\a\"\n");
	log_info("x", LOG_TEXT("v", "\b\f\v"));
	EXPECT_STR(logged_behind("] "), "\"x\" v=\"\\b\\f\\v\"\n");
	/* Valid UTF-8 stays, invisible characters and invalid bytes do not. */
	log_info(
		"x", LOG_TEXT("v",
			     "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x80\xae \xc2\x85 \xff\xc3"));
	EXPECT_STR(logged_behind("] "), "\"x\" v=\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \\u202e "
					"\\u0085 \\xff\\xc3\"\n");
	log_to_stderr();
}

TEST(log_escapes_invisible_characters_of_every_plane)
{
	static const char text[] = "\xc2\xad \xd8\x9c \xef\xbf\xb9 \xf3\xa0\x81\xa1";
	log_to_pipe(LOG_FORMAT_TEXT);
	log_info("x", LOG_TEXT("v", text));
	EXPECT_STR(logged_behind("] "), "\"x\" v=\"\\u00ad \\u061c \\ufff9 \\U000e0061\"\n");
	log_set_format(LOG_FORMAT_JSON);
	log_info("x", LOG_TEXT("v", text));
	EXPECT_STR(logged_behind("\"v\":\"\\u00ad"), " \\u061c \\ufff9 \\udb40\\udc61\"}\n");
	log_to_stderr();
}

TEST(log_cuts_values_between_characters)
{
	_cleanup_(buf_done) struct buf value = BUF_INIT(64 * KIB);
	log_to_pipe(LOG_FORMAT_TEXT);
	for (int i = 0; i < 4096; i++)
		buf_add_text(&value, "\xe2\x82\xac");
	log_info("x", LOG_STR("v", buf_str(&value)));
	struct str line = logged();
	EXPECT(str_ends(line, STR("\xe2\x82\xac...\"\n")));
	EXPECT(str_find(line, STR("\\x")) < 0);
	log_to_stderr();
}

static int64_t clock_before_1970(void)
{
	return -1500 * MSEC;
}

TEST(log_stays_json_when_the_clock_is_before_1970)
{
	log_to_pipe(LOG_FORMAT_JSON);
	log_set_clock(clock_before_1970);
	log_info("x");
	EXPECT(str_starts(logged(), STR("{\"ts\":0.000,")));
	log_to_stderr();
}

TEST(log_writes_json)
{
	log_to_pipe(LOG_FORMAT_JSON);
	_cleanup_(err_done) struct err err = {0};
	err_set(&err, ERR_IO, "bad \"disk\"");
	log_error(&err, "x\n\x01\xff", LOG_TEXT("k", "\xe2\x82\xac"), LOG_INT("n", -1),
		LOG_BOOL("b", true), LOG_DURATION("d", SEC));
	struct str line = logged(),
		   head = STR("{\"ts\":1136214245123.456,\"v\":0,\"level\":\"error\","
			      "\"caller\":\"log.c:");
	EXPECT(str_starts(line, head));
	ssize_t message = str_find(line, STR("\"msg\""));
	EXPECT_STR(str_skip(line, (size_t)message), "\"msg\":\"x\\n\\u0001\\ufffd\",\"err\":\"bad "
						    "\\\"disk\\\"\",\"k\":\"\xe2\x82\xac\","
						    "\"n\":-1,\"b\":true,\"d\":\"1s\"}\n");
	log_info("x");
	EXPECT(str_find(logged(), STR("level")) < 0);
	log_to_stderr();
}

TEST(log_verbosity_lets_levels_through)
{
	log_to_pipe(LOG_FORMAT_JSON);
	EXPECT_INT(log_verbosity(), 0);
	log_v(1, "hidden");
	EXPECT_INT(logged().len, 0);
	log_set_verbosity(4);
	log_v(5, "hidden");
	EXPECT_INT(logged().len, 0);
	log_v(4, "shown", LOG_INT("n", 1));
	EXPECT(str_find(logged(), STR("\"v\":4,")) > 0);
	log_to_stderr();
}

static void log_from_one_place(int n)
{
	log_info("again", LOG_INT("n", n));
}

static size_t count_lines(struct str s)
{
	size_t lines = 0;
	for (size_t i = 0; i < s.len; i++)
		lines += s.at[i] == '\n';
	return lines;
}

TEST(log_holds_repeats_back_and_says_how_many)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	int64_t start = now;
	for (int i = 0; i < 50; i++)
		log_from_one_place(i);
	EXPECT_INT(count_lines(logged()), 20);
	log_info("another place passes");
	EXPECT_INT(count_lines(logged()), 1);
	now += 10 * SEC - 1;
	log_from_one_place(50);
	EXPECT_INT(logged().len, 0);
	now += 1;
	log_from_one_place(51);
	EXPECT_STR(logged_behind("] "), "\"again\" n=51 dropped=31\n");
	log_from_one_place(52);
	EXPECT_STR(logged_behind("] "), "\"again\" n=52\n");
	/* A clock set back must not silence a place for long. */
	for (int i = 0; i < 30; i++)
		log_from_one_place(i);
	logged();
	now = start - 1000 * SEC;
	log_from_one_place(53);
	EXPECT_STR(logged_behind("] "), "\"again\" n=53 dropped=12\n");
	now = start;
	log_to_stderr();
}

TEST(log_redacts_by_key)
{
	static const char *const secret[] = {"token", "clientToken", "password", "userPassword",
		"Authorization", "secret", "client-secret", "private_key", "privateKey",
		"private key", "credentials", "Cookie", "api-key", "passphrase", "client-key-data",
		".dockerconfigjson", "jwt", "signing-key"};
	static const char *const open[] = {
		"name", "secretName", "secret-namespace", "key", "tokenName", "path", "author"};
	for (size_t i = 0; i < ARRAY_LEN(secret) + ARRAY_LEN(open); i++) {
		bool hidden = i < ARRAY_LEN(secret);
		const char *key = hidden ? secret[i] : open[i - ARRAY_LEN(secret)];
		test_context("%s", key);
		log_to_pipe(LOG_FORMAT_TEXT);
		now += 10 * SEC; /* this place repeats */
		log_info("x", LOG_TEXT(key, "hunter2"), LOG_INT("port", 5));
		struct str line = logged();
		EXPECT_INT(str_find(line, STR("hunter2")) < 0, hidden);
		EXPECT_INT(str_find(line, STR("=\"<redacted>\"")) > 0, hidden);
		EXPECT(str_find(line, STR(" port=5")) > 0);
		log_to_stderr();
	}
}

TEST(log_redacts_by_value)
{
	static const char *const secret[] = {"Bearer 0123456789abcdef.x",
		"authorization: bearer abcdefghijklmnopqrst",
		"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n",
		"x -----BEGIN EC PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----",
		"token=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl",
		"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl",
		"v1.eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl",
		"jwt_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl-_",
		"proxy https://me:hunter2@proxy:3128/", "://u:p@h"};
	static const char *const open[] = {"invalid bearer token", "the bearer of news", "eyJ",
		"-----BEGIN CERTIFICATE-----", "heyJude.plays.music", "eyJhbGciOiJSUzI1NiJ9.only",
		"bearer ", "eyJhbGciOiJSUzI1NiJ9.short.c2lnbmF0dXJl", "https://[::1]:6443/a@b",
		"https://me@host/x:y@z", "https://:@h"};
	for (size_t i = 0; i < ARRAY_LEN(secret) + ARRAY_LEN(open); i++) {
		bool hidden = i < ARRAY_LEN(secret);
		const char *value = hidden ? secret[i] : open[i - ARRAY_LEN(secret)];
		_cleanup_(err_done) struct err err = {0};
		test_context("%s", value);
		log_to_pipe(LOG_FORMAT_TEXT);
		now += 10 * SEC;
		log_info("x", LOG_TEXT("header", value));
		EXPECT_INT(str_find(logged(), STR("<redacted>")) > 0, hidden);
		err_set(&err, ERR_IO, "%s", value);
		now += 10 * SEC;
		log_error(&err, "x");
		EXPECT_INT(str_find(logged(), STR("<redacted>")) > 0, hidden);
		log_to_stderr();
	}
}

TEST(log_cuts_huge_values_and_lines)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	fcntl(pipe_ends[1], F_SETPIPE_SZ, 1 << 20);
	_cleanup_(mem_done) char *huge = mem_alloc(1 << 20);
	memset(huge, 'x', 1 << 20);
	struct str value = str_make(huge, 1 << 20);
	log_info("x", LOG_STR("v", value), LOG_INT("n", 1));
	struct str line = logged();
	EXPECT(line.len > 4096 && line.len < 4300);
	EXPECT(str_ends(line, STR("x...\" n=1\n")));
	memset(huge, 1, 1 << 20);
	log_info("x", LOG_STR("a", value), LOG_STR("b", value), LOG_STR("c", value),
		LOG_STR("d", value), LOG_STR("e", value), LOG_STR("f", value), LOG_INT("n", 1));
	line = logged();
	EXPECT(line.len < 66000);
	EXPECT(str_ends(line, STR(" truncated=1\n")));
	EXPECT_INT(count_lines(line), 1);
	/* What would take quadratic time if looked at carelessly. */
	for (size_t i = 0; i < 1 << 20; i++)
		huge[i] = "eyJbearer "[i % 10];
	log_info("x", LOG_STR("v", value));
	EXPECT_INT(count_lines(logged()), 1);
	log_to_stderr();
}

TEST(log_never_waits_for_a_full_pipe)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	char fill[4096] = {0};
	while (write(pipe_ends[1], fill, sizeof(fill)) > 0)
		;
	log_info("lost 1");
	log_info("lost 2");
	logged();
	log_info("x");
	EXPECT_STR(logged_behind("] "), "\"x\" lost=2\n");
	log_info("x");
	EXPECT_STR(logged_behind("] "), "\"x\"\n");
	log_set_fd(-1);
	log_info("lost 3");
	log_set_fd(pipe_ends[1]);
	log_info("x");
	EXPECT_STR(logged_behind("] "), "\"x\" lost=1\n");
	log_to_stderr();
}

TEST(log_begins_anew_after_a_torn_line)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	/* A write larger than PIPE_BUF takes what fits and then finds the pipe full. */
	int size = fcntl(pipe_ends[1], F_SETPIPE_SZ, 8192);
	char fill[4096] = {0};
	EXPECT(size >= 8192 && write(pipe_ends[1], fill, sizeof(fill)) == sizeof(fill));
	_cleanup_(mem_done) char *huge = mem_alloc(1 << 16);
	memset(huge, 1, 1 << 16);
	log_info("torn", LOG_STR("a", str_make(huge, 4000)), LOG_STR("b", str_make(huge, 4000)));
	struct str line = logged();
	EXPECT_INT(count_lines(line), 0);
	EXPECT(line.len > sizeof(fill));
	log_info("whole");
	line = logged();
	EXPECT(str_starts(line, STR("\nI")));
	EXPECT(str_ends(line, STR("\"whole\" lost=1\n")));
	log_to_stderr();
}

TEST(log_keeps_errno)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	log_set_fd(-1);
	errno = ENOENT;
	log_info("x");
	EXPECT_INT(errno, ENOENT);
	log_set_fd(pipe_ends[1]);
	log_info("x");
	log_to_stderr();
}

static void *log_from_thread(void *arg)
{
	for (int i = 0; i < 200; i++) {
		log_info("from a thread", LOG_INT("thread", *(int *)arg), LOG_INT("i", i));
		log_v(0, "also", LOG_BOOL("b", true));
	}
	return NULL;
}

TEST(log_lines_of_threads_do_not_mix)
{
	log_to_pipe(LOG_FORMAT_TEXT);
	pthread_t threads[4];
	int numbers[4] = {0, 1, 2, 3};
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, log_from_thread, &numbers[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	struct str rest = logged(), line;
	size_t lines = 0;
	while (str_next(&rest, '\n', &line) && line.len) {
		EXPECT(str_starts(line, STR("I0")));
		EXPECT(str_find(str_skip(line, 1), STR("] \"")) > 0);
		EXPECT(str_find(str_skip(line, 25), STR("I0102")) < 0);
		lines++;
	}
	/* Two places, 20 lines each; threads that meet at the window's start may pass a few more.
	 */
	EXPECT(lines >= 40 && lines <= 60);
	log_to_stderr();
}
