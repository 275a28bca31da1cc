#include "fixture.h"

/* A self-signed leaf with one DNS name and one address, either of them missing when NULL. */
static struct pair make_for(const char *cn, const char *dns, const char *ip)
{
	struct ip address;
	struct str name = str_from(dns);
	struct cert_request r = leaf_request(cn, dns ? &name : NULL);
	if (ip && !ip_parse(str_from(ip), &address))
		abort();
	r.ips = &address;
	r.ip_count = ip ? 1 : 0;
	return make(&r, NULL);
}

TEST(names_match_by_gos_rules)
{
	static const struct {
		const char *san, *host;
		bool matches;
	} cases[] = {
		{"example.com", "example.com", true},
		{"example.com", "EXAMPLE.com", true},
		{"EXAMPLE.com", "example.COM", true},
		{"example.com", "example.com.", true},
		{"example.com", "a.example.com", false},
		{"example.com", "xexample.com", false},
		{"example.com", "example.co", false},
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", "example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "*.example.com", true},
		{"a*.example.com", "ab.example.com", false},
		{"a.*.com", "a.b.com", false},
		{"*.*.com", "a.b.com", false},
		{"*", "example", false},
		{"*.", "a.", false},
		{"*.com", "a.com", true},
		{"localhost", "localhost", true},
		{"under_score.a", "under_score.a", true},
		{"-dash.a", "-dash.a", true}, /* no host name, but literally the same */
		{"a..b", "a..b", true},
		{"*.a..b", "x.a..b", false},
		{"1.2.3.4", "1.2.3.4", false}, /* an address matches only IP SANs */
		{"example.com", "", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair p = make_for("x", cases[i].san, NULL);
		test_context("\"%s\" for \"%s\"", cases[i].san, cases[i].host);
		EXPECT_INT(cert_matches_host(p.cert, str_from(cases[i].host), NULL) == 0,
			cases[i].matches);
		pair_done(&p);
	}
}

TEST(addresses_match_only_addresses)
{
	static const struct {
		const char *san, *host;
		bool matches;
	} cases[] = {
		{"10.43.0.1", "10.43.0.1", true},
		{"10.43.0.1", "10.43.0.2", false},
		{"10.43.0.1", "[10.43.0.1]", true},
		{"10.43.0.1", "::ffff:10.43.0.1", true},
		{"10.43.0.1", "010.43.0.1", false},
		{"fd00::1", "fd00::1", true},
		{"fd00::1", "[fd00::1]", true},
		{"fd00::1", "fd00:0:0:0:0:0:0:1", true},
		{"fd00::1", "fd00::2", false},
		{"fd00::1", "[fd00::1", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair p = make_for("x", NULL, cases[i].san);
		test_context("\"%s\" for \"%s\"", cases[i].san, cases[i].host);
		EXPECT_INT(cert_matches_host(p.cert, str_from(cases[i].host), NULL) == 0,
			cases[i].matches);
		pair_done(&p);
	}
}

TEST(a_nul_in_the_wanted_name_matches_nothing)
{
	struct pair p = make_for("x", "example.com", NULL);
	EXPECT(cert_matches_host(p.cert, STR("example.com\0"), NULL) != 0);
	EXPECT(cert_matches_host(p.cert, STR("example.com\0.evil"), NULL) != 0);
	pair_done(&p);
}

TEST(errors_say_what_the_certificate_is_good_for)
{
	static const struct {
		const char *cn, *dns, *ip, *host, *said;
	} cases[] = {
		{"x", "kubernetes", "10.43.0.1", "example.com",
			"certificate is valid for kubernetes, 10.43.0.1, not example.com"},
		{"x", "kubernetes", "10.43.0.1", "1.2.3.4",
			"certificate is valid for kubernetes, 10.43.0.1, not 1.2.3.4"},
		{"x", "kubernetes", NULL, "1.2.3.4",
			"cannot validate certificate for 1.2.3.4 because it doesn't contain any IP "
			"SANs"},
		{"x", NULL, NULL, "example.com",
			"certificate is not valid for any names, but wanted to match example.com"},
		{"example.com", NULL, NULL, "example.com",
			"certificate relies on legacy Common Name field, use SANs instead"},
		{"*.example.com", NULL, NULL, "a.example.com",
			"certificate relies on legacy Common Name field, use SANs instead"},
		{"example.com", "other.com", NULL, "example.com",
			"certificate is valid for other.com, not example.com"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair p = make_for(cases[i].cn, cases[i].dns, cases[i].ip);
		struct err err = {0};
		EXPECT_INT(
			cert_matches_host(p.cert, str_from(cases[i].host), &err), ERR_CERTIFICATE);
		EXPECT_TEXT(err_text(&err), cases[i].said);
		err_done(&err);
		pair_done(&p);
	}
}

TEST(long_lists_of_names_are_counted_not_listed)
{
	struct str names[200];
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = STR("some.host.example.com");
	struct cert_request r = leaf_request("x", names);
	r.dns_count = ARRAY_LEN(names);
	struct pair p = make(&r, NULL);
	EXPECT(cert_matches_host(p.cert, STR("example.org"), &err) != 0);
	EXPECT_TEXT(
		err_text(&err), "certificate is valid for 200 names, but none matched example.org");
	err_done(&err);
	pair_done(&p);
}
