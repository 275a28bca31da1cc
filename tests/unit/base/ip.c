#include <kube/ip.h>
#include <kube/random.h>

#include <arpa/inet.h>
#include <test.h>

static const char *printed(const struct ip *ip)
{
	static char text[64];
	_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(text) - 1);
	ip_print(&b, ip);
	return strcpy(text, buf_text(&b));
}

static struct ip parsed(const char *text)
{
	struct ip ip = {0};
	EXPECT(ip_parse(str_from(text), &ip));
	return ip;
}

TEST(ip_reads_and_prints_as_netip)
{
	static const char *const rows[][2] = {
		{"0.0.0.0", "0.0.0.0"},
		{"192.168.140.255", "192.168.140.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"fd7a:115c:a1e0:ab12:4843:cd96:626b:430b",
			"fd7a:115c:a1e0:ab12:4843:cd96:626b:430b"},
		{"fd7a:115c::626b:430b", "fd7a:115c::626b:430b"},
		{"fd7a:115c:a1e0:ab12:4843:cd96::", "fd7a:115c:a1e0:ab12:4843:cd96::"},
		{"fd7a:115c:a1e0:ab12:4843:cd96:626b::", "fd7a:115c:a1e0:ab12:4843:cd96:626b:0"},
		{"::ffff:192.168.140.255", "::ffff:192.168.140.255"},
		{"::ffff:c0a8:8cff", "::ffff:192.168.140.255"},
		{"1:2::ffff:192.168.140.255", "1:2::ffff:c0a8:8cff"},
		{"FD9E:1A04:F01D::1", "fd9e:1a04:f01d::1"},
		{"0001:002:03:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
		{"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
		{"0:0:0:0:0:0:0:0", "::"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i][0]);
		struct ip ip = parsed(rows[i][0]);
		EXPECT_TEXT(printed(&ip), rows[i][1]);
	}
	struct ip none = {0};
	EXPECT_TEXT(printed(&none), "invalid IP");
}

TEST(ip_refuses_what_netip_refuses)
{
	static const char *const bad[] = {"", "bad", "1234", "1a.2.3.4", "[::1]", " ::1", "::1 ",
		"1.2.3", "1.2.3.4.5", "0300.0250.0214.0377", "01.2.3.4", "1.2.3.04", "1.2.3.256",
		".1.2.3", "1.2.3.", "1..2.3", "1.2.3.4 ", "+1.2.3.4", "1.2.3.-4", ":",
		":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3",
		"1:", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "fe80:::1", "fe801::1", "00001::", "g::1",
		"fe80::1%eth0", "1.2.3.4%1", "%", "::1.2.3", "::1.2.3.400", "::1.2.3.4.5",
		"1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::ffff:001.2.3.4",
		"::1.2.3.4:5", "1:2:3:4:5:6:7::1.2.3.4", "::12345.1.1.1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ip ip = {.len = 77};
		test_context("%s", bad[i]);
		EXPECT(!ip_parse(str_from(bad[i]), &ip));
		EXPECT_INT(ip.len, 77);
	}
	struct ip ip;
	EXPECT(!ip_parse(STR("1.2.3.4\0"), &ip));
	EXPECT(!ip_parse((struct str){0}, &ip));
}

TEST(ip_agrees_with_the_c_library)
{
	struct rng r;
	rng_init(&r, 8);
	for (int i = 0; i < 5000; i++) {
		struct ip ip = {.len = 16};
		rng_fill(&r, ip.bytes, 16);
		/* Many zero groups, so that runs of every shape come up. */
		for (int g = 0; g < 8; g++)
			if (rng_below(&r, 3))
				ip.bytes[2 * g] = ip.bytes[2 * g + 1] = 0;
		ip.bytes[0] |= 1;
		char wanted[64];
		inet_ntop(AF_INET6, ip.bytes, wanted, sizeof(wanted));
		EXPECT_TEXT(printed(&ip), wanted);
		struct ip back = parsed(wanted);
		EXPECT(ip_eq(&ip, &back));
	}
}

TEST(ip_knows_loopback_and_unspecified)
{
	static const struct {
		const char *text;
		bool loopback, unspecified;
	} rows[] = {
		{"127.0.0.1", true, false},
		{"127.255.0.9", true, false},
		{"128.0.0.1", false, false},
		{"::1", true, false},
		{"::ffff:127.0.0.1", true, false},
		{"::2", false, false},
		{"0.0.0.0", false, true},
		{"::", false, true},
		{"::ffff:0.0.0.0", false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].text);
		struct ip ip = parsed(rows[i].text);
		EXPECT_INT(ip_is_loopback(&ip), rows[i].loopback);
		EXPECT_INT(ip_is_unspecified(&ip), rows[i].unspecified);
	}
	struct ip none = {0};
	EXPECT(!ip_is_loopback(&none) && !ip_is_unspecified(&none));
}

TEST(ip_orders_by_length_then_bytes)
{
	struct ip a = ip_v4(1, 2, 3, 4), b = parsed("1.2.3.5"), c = parsed("::"),
		  mapped = parsed("::ffff:1.2.3.4");
	EXPECT(ip_cmp(&a, &b) < 0);
	EXPECT(ip_cmp(&b, &a) > 0);
	EXPECT(ip_cmp(&b, &c) < 0);
	EXPECT(!ip_eq(&a, &mapped));
	EXPECT(ip_eq(&a, &a));
}

TEST(cidr_holds_what_lies_in_it)
{
	static const struct {
		const char *cidr, *ip;
		bool has;
	} rows[] = {
		{"10.0.0.0/8", "10.255.1.2", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.1.2.3/16", "10.1.9.9", true},
		{"10.43.0.0/15", "10.42.0.1", true},
		{"10.44.0.0/15", "10.43.0.1", false},
		{"1.2.3.4/32", "1.2.3.4", true},
		{"1.2.3.4/32", "1.2.3.5", false},
		{"0.0.0.0/0", "255.1.1.1", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "::ffff:1.2.3.4", true},
		{"::/0", "1.2.3.4", false},
		{"fd00::/9", "fd7f::1", true},
		{"fd00::/9", "fd80::1", false},
		{"::1/128", "::1", true},
		{"::1/127", "::", true},
		{"::1/128", "::", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s in %s", rows[i].ip, rows[i].cidr);
		struct cidr cidr;
		struct ip ip = parsed(rows[i].ip);
		REQUIRE(cidr_parse(str_from(rows[i].cidr), &cidr));
		EXPECT_INT(cidr_has(&cidr, &ip), rows[i].has);
		_cleanup_(buf_done) struct buf b = BUF_INIT(64);
		cidr_print(&b, &cidr);
		EXPECT_STR(buf_str(&b), rows[i].cidr);
		EXPECT(!cidr_has(&cidr, &(struct ip){0}));
	}
}

TEST(cidr_refuses_bad_lengths)
{
	static const char *const bad[] = {"", "/", "/8", "1.2.3.4", "1.2.3.4/", "1.2.3.4/33",
		"::/129", "1.2.3.4/-1", "1.2.3.4/+8", "1.2.3.4/08", "1.2.3.4/00", "1.2.3.4/8/8",
		"1.2.3/8", "::1%eth0/64", "1.2.3.4/ 8", "1.2.3.4/1e1", "::/99999999999999999999"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cidr cidr;
		test_context("%s", bad[i]);
		EXPECT(!cidr_parse(str_from(bad[i]), &cidr));
	}
}

TEST(address_reads_and_prints_ip_and_unix)
{
	static const char *const rows[][2] = {
		{"1.2.3.4:80", "1.2.3.4:80"},
		{"[::1]:80", "[::1]:80"},
		{":6443", "[::]:6443"},
		{"[::ffff:1.2.3.4]:0", "[::ffff:1.2.3.4]:0"},
		{"0.0.0.0:65535", "0.0.0.0:65535"},
		{"unix:/run/x.sock", "unix:/run/x.sock"},
		{"unix:///run/x.sock", "unix:/run/x.sock"},
		{"unix:////", "unix:/"},
		{"unix://///run//x", "unix:/run//x"},
		{"unix:@abstract", "unix:@abstract"},
		{"unix:relative:80", "unix:relative:80"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i][0]);
		struct address a, back;
		_cleanup_(err_done) struct err err = {0};
		REQUIRE_OK(address_parse(str_from(rows[i][0]), &a, &err), &err);
		_cleanup_(buf_done) struct buf b = BUF_INIT(200);
		address_print(&b, &a);
		EXPECT_STR(buf_str(&b), rows[i][1]);
		REQUIRE_OK(address_parse(buf_str(&b), &back, &err), &err);
		EXPECT(address_eq(&a, &back));
	}
}

TEST(address_refuses_names_and_junk)
{
	static const char *const bad[] = {"", "1.2.3.4", "::1", "::1:80", "[::1]", "[::1]80",
		"[1.2.3.4]:80", "localhost:80", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1",
		"1.2.3.4:http", "[]:80", "[:80", "]:80", "[::1:80", "unix:", "unix:@", "unix://",
		"[::1%lo]:80"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct address a;
		_cleanup_(err_done) struct err err = {0};
		test_context("%s", bad[i]);
		EXPECT_INT(address_parse(str_from(bad[i]), &a, &err), ERR_ADDRESS);
		EXPECT(err.text);
	}
	struct address a;
	EXPECT_INT(address_parse(STR("unix:/a\0b"), &a, NULL), ERR_ADDRESS);
}

TEST(address_paths_fit_a_socket_address)
{
	char text[5 + ADDRESS_PATH_MAX] = "unix:";
	memset(text + 5, 'x', ADDRESS_PATH_MAX);
	struct address a, b;
	EXPECT_INT(address_parse(str_make(text, 5 + ADDRESS_PATH_MAX), &a, NULL), ERR_ADDRESS);
	EXPECT_INT(address_parse(str_make(text, 5 + ADDRESS_PATH_MAX - 1), &a, NULL), 0);
	EXPECT_INT(strlen(a.path), ADDRESS_PATH_MAX - 1);
	b = address_of(ip_v4(127, 0, 0, 1), 80);
	EXPECT(!address_eq(&a, &b));
	a = address_of(ip_v4(127, 0, 0, 1), 80);
	EXPECT(address_eq(&a, &b));
	b.port++;
	EXPECT(!address_eq(&a, &b));
}
