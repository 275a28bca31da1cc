#include "main/server_lock.c"

#include "test.h"

#include <stdlib.h>

TEST(what_was_written_is_read_again)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	struct server_trace in = {.pods_log_dir = STR("/var/log/with space"), .dns_ip_count = 2};
	struct server_trace out;

	ip_parse(STR("10.43.0.10"), &in.dns_ips[0]);
	ip_parse(STR("fd43::a"), &in.dns_ips[1]);
	server_trace_print(&in, &text);
	server_trace_parse(buf_str(&text), &out);
	EXPECT_INT(out.dns_ip_count, 2);
	EXPECT(ip_eq(&out.dns_ips[0], &in.dns_ips[0]));
	EXPECT(ip_eq(&out.dns_ips[1], &in.dns_ips[1]));
	EXPECT_STR(out.pods_log_dir, "/var/log/with space");
}

TEST(a_trace_takes_the_place_of_another_and_is_not_written_twice)
{
	char path[] = "/tmp/kube-lock-XXXXXX";
	int fd = mkstemp(path);

	EXPECT(fd >= 0);
	unlink(path);
	EXPECT(!has_text(fd, STR("logs /a")));
	EXPECT_INT(write_text(fd, STR("logs /a/longer/one")), 0);
	EXPECT(has_text(fd, STR("logs /a/longer/one")));
	EXPECT_INT(write_text(fd, STR("logs /a")), 0);
	EXPECT(has_text(fd, STR("logs /a")));
	EXPECT(!has_text(fd, STR("logs /")));
	close(fd);
}

TEST(what_is_not_understood_is_left_out)
{
	struct server_trace out;

	server_trace_parse(
		STR("dns nonsense\n\nlogs\nnew thing\ndns ::1\ndns ::2\ndns ::3\nlogs /l"), &out);
	EXPECT_INT(out.dns_ip_count, 2);
	EXPECT_STR(out.pods_log_dir, "/l");
	server_trace_parse((struct str){0}, &out);
	EXPECT_INT(out.dns_ip_count, 0);
	EXPECT_INT(out.pods_log_dir.len, 0);
}
