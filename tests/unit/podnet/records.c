#include "podnet/records.h"

#include "test.h"

#include <netinet/in.h>

static bool parses(const char *text)
{
	_cleanup_(arena_done) struct arena a;
	struct record r = {0};

	arena_init(&a);
	return record_parse(str_from(text), &a, &r);
}

TEST(a_record_reads_as_it_was_written)
{
	const struct runtime_port ports[] = {
		{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
		{.protocol = IPPROTO_UDP,
			.host_port = 53,
			.container_port = 5353,
			.host_ip = ip_v4(127, 0, 0, 1)},
		{.protocol = IPPROTO_SCTP, .host_port = 65535, .container_port = 1}};
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB), again = BUF_INIT(KIB);
	_cleanup_(arena_done) struct arena a;
	struct record r = {.sandbox = STR("abc"), .ports = {ports, 3}}, read = {0};

	arena_init(&a);
	record_print(&r, &text);
	EXPECT_STR(buf_str(&text), "abc\ntcp 8080 80\nudp 53 5353 127.0.0.1\nsctp 65535 1\n");
	REQUIRE(record_parse(buf_str(&text), &a, &read));
	EXPECT_INT(read.ports.count, 3);
	record_print(&read, &again);
	EXPECT_STR(buf_str(&again), buf_text(&text));
}

TEST(a_record_without_ports_is_its_sandbox)
{
	_cleanup_(arena_done) struct arena a;
	struct record r = {0};

	arena_init(&a);
	REQUIRE(record_parse(STR("abc\n"), &a, &r));
	EXPECT_STR(r.sandbox, "abc");
	EXPECT_INT(r.ports.count, 0);
}

TEST(what_is_no_record_is_refused)
{
	EXPECT(!parses(""));
	EXPECT(!parses("\n"));
	EXPECT(!parses("abc"));
	EXPECT(!parses("a/c\n"));
	EXPECT(!parses("a c\n"));
	EXPECT(!parses("abc\n\n"));
	EXPECT(!parses("abc\ntcp 8080\n"));
	EXPECT(!parses("abc\ntcp 8080 80"));
	EXPECT(!parses("abc\ntcp 8080 65536\n"));
	EXPECT(!parses("abc\nicmp 8080 80\n"));
	EXPECT(!parses("abc\ntcp 8080 80 nowhere\n"));
	EXPECT(!parses("abc\ntcp 8080 80 ::1 more\n"));
	EXPECT(!parses("abc\n\ntcp 8080 80\n"));
}
