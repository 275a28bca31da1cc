#include "podnet/addresses.h"

#include "test.h"

static struct address_range range_of(const char *text)
{
	struct address_range r = {0};
	struct err err = {0};
	struct cidr cidr;

	EXPECT(cidr_parse(str_from(text), &cidr));
	EXPECT_OK(address_range_init(&r, &cidr, &err), &err);
	return r;
}

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};

	EXPECT(ip_parse(str_from(text), &ip));
	return ip;
}

static bool taken_below(const void *ctx, const struct ip *ip)
{
	return ip->bytes[ip->len - 1] < *(const uint8_t *)ctx;
}

static void takes(struct address_range *r, uint8_t below, const char *wanted)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct err err = {0};
	struct ip ip = {0};

	EXPECT_OK(address_range_take(r, taken_below, &below, &ip, &err), &err);
	ip_print(&text, &ip);
	EXPECT_STR(buf_str(&text), wanted);
}

TEST(addresses_come_in_turn_without_those_that_are_taken)
{
	struct address_range r = range_of("10.42.0.7/29");

	EXPECT_INT(r.count, 5);
	takes(&r, 0, "10.42.0.2");
	takes(&r, 5, "10.42.0.5");
	takes(&r, 0, "10.42.0.6");
	takes(&r, 0, "10.42.0.2");
}

TEST(the_last_address_of_ipv6_is_one_like_others)
{
	struct address_range r = range_of("fd42::/126");

	EXPECT_INT(r.count, 2);
	takes(&r, 0, "fd42::2");
	takes(&r, 0, "fd42::3");
	takes(&r, 0, "fd42::2");
}

TEST(a_full_range_says_so)
{
	struct address_range r = range_of("10.42.0.0/29");
	struct err err = {0};
	struct ip ip;

	EXPECT_INT(address_range_take(&r, taken_below, &(uint8_t){255}, &ip, &err), ERR_LIMIT);
	EXPECT_TEXT(
		err_text(&err), "no address is left in pod CIDR 10.42.0.0/29: all 5 are in use");
	err_done(&err);
}

TEST(what_is_passed_comes_last)
{
	struct address_range r = range_of("10.42.0.0/29"), v6 = range_of("fd42::/64");
	struct ip ip = ip_of("10.42.0.4"), last = ip_of("10.42.0.6"), far = ip_of("10.43.0.4"),
		  seven = ip_of("fd42::7");

	address_range_pass(&r, &ip);
	takes(&r, 0, "10.42.0.5");
	address_range_pass(&r, &last);
	takes(&r, 0, "10.42.0.2");
	address_range_pass(&r, &far);
	takes(&r, 0, "10.42.0.3");
	address_range_pass(&v6, &seven);
	takes(&v6, 0, "fd42::8");
	takes(&v6, 0, "fd42::9");
}

TEST(large_networks_are_used_from_their_beginning)
{
	struct address_range whole = range_of("fd00::/8"), ten = range_of("10.0.0.0/8");

	EXPECT_INT(whole.count, ((int64_t)1 << 32) - 2);
	EXPECT_INT(ten.count, (1 << 24) - 3);
	takes(&whole, 0, "fd00::2");
	ten.next = 254;
	takes(&ten, 0, "10.0.1.0");
	whole.next = 0xfffe;
	takes(&whole, 0, "fd00::1:0");
	struct ip above = ip_of("fd00::1:0:0:5");
	address_range_pass(&whole, &above);
	takes(&whole, 0, "fd00::1:1");
}

TEST(networks_without_room_are_refused)
{
	static const char *const small[] = {
		"10.0.0.0/31", "10.0.0.1/32", "10.0.0.0/30", "fd00::/127", "fd00::/128"};
	struct address_range r;
	struct cidr cidr;

	/* A /30 has room for one. */
	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		EXPECT(cidr_parse(str_from(small[i]), &cidr));
		EXPECT_INT(address_range_init(&r, &cidr, NULL), i == 2 ? 0 : ERR_INVALID);
	}
}
