#include "loop/hosts.h"

#include <kube/mem.h>

#include "test.h"

static void expect_found(const char *text, const char *host, const char *wanted)
{
	struct addresses found = {0};
	struct buf out = BUF_INIT(4 * KIB);
	hosts_find(str_from(text), str_from(host), &found);
	for (size_t i = 0; i < found.count; i++) {
		if (i)
			buf_add_char(&out, ' ');
		ip_print(&out, &found.items[i]);
	}
	EXPECT_STR(buf_str(&out), wanted);
	buf_done(&out);
	mem_free(found.items);
}

static const char *const file = "# made by hand\n"
				"127.0.0.1\tlocalhost\n"
				"::1 localhost ip6-localhost # comment\n"
				"10.0.0.7   db.example.com db\r\n"
				"\n"
				"not-an-address junk\n"
				"10.0.0.8 DB\n"
				"10.0.0.7 db\n"
				"10.0.0.9 #db\n"
				"fe80::1%eth0 zoned\n"
				"10.1.1.1 last";

TEST(a_hosts_file_gives_every_address_of_a_name_in_its_order)
{
	expect_found(file, "localhost", "127.0.0.1 ::1");
	expect_found(file, "db", "10.0.0.7 10.0.0.8");
	expect_found(file, "db.example.com", "10.0.0.7");
	expect_found(file, "last", "10.1.1.1");
}

TEST(names_in_a_hosts_file_know_no_case)
{
	expect_found(file, "LocalHost", "127.0.0.1 ::1");
	expect_found("1.2.3.4 Mixed\n", "mixed", "1.2.3.4");
}

TEST(a_dot_at_the_end_of_a_name_changes_nothing)
{
	expect_found(file, "db.example.com.", "10.0.0.7");
	expect_found("1.2.3.4 rooted.example.\n", "rooted.example", "1.2.3.4");
	expect_found(file, ".", "");
}

TEST(what_is_no_entry_is_skipped)
{
	expect_found(file, "junk", "");
	expect_found(file, "comment", "");
	expect_found(file, "zoned", "");
	expect_found(file, "nobody", "");
	expect_found("", "x", "");
	expect_found("\n\n#\n \t\n1.2.3.4\n1.2.3.4 #x\n", "x", "");
	expect_found("1.2.3.4", "1.2.3.4", "");
}

TEST(a_name_has_so_many_addresses_and_no_more)
{
	struct buf text = BUF_INIT(MIB);
	struct addresses found = {0};
	for (int i = 0; i < 5000; i++)
		buf_print(&text, "10.0.%d.%d many\n", i / 250, i % 250);
	hosts_find(buf_str(&text), STR("many"), &found);
	EXPECT_INT(found.count, ADDRESSES_MAX);
	mem_free(found.items);
	buf_done(&text);
}
