#include "fixture.h"

#include <kube/random.h>

static const struct str dns_names[] = {
	STR_INIT("kubernetes"), STR_INIT("kubernetes.default.svc"), STR_INIT("*.example.com")};

static void expect_time(int64_t got, const char *wanted)
{
	struct buf text = BUF_INIT(64);
	time_print(&text, got);
	EXPECT_STR(buf_str(&text), wanted);
	buf_done(&text);
}

static void expect_subject(const struct cert *cert, const char *wanted)
{
	struct buf text = BUF_INIT(4096);
	cert_print_subject(cert, &text);
	EXPECT_STR(buf_str(&text), wanted);
	buf_done(&text);
}

TEST(an_authority_has_what_kubernetes_gives_it)
{
	struct pair ca = make_ca("kubernetes", NULL);
	const struct cert_info *i = cert_info(ca.cert);
	EXPECT_STR(i->subject.common_name, "kubernetes");
	EXPECT_STR(i->issuer.common_name, "kubernetes");
	EXPECT(i->is_ca);
	EXPECT_INT(i->path_length, -1);
	EXPECT_INT(i->key_usage,
		CERT_DIGITAL_SIGNATURE | CERT_KEY_ENCIPHERMENT | CERT_SIGN_CERTIFICATES);
	EXPECT(!i->has_extended);
	EXPECT_INT(i->serial.len, 16);
	EXPECT_INT(i->subject_key_id.len, 20);
	expect_time(i->not_before, "2026-01-02T14:04:05Z");
	expect_time(i->not_after, "2035-12-31T15:04:05Z");
	EXPECT(key_same(cert_key(ca.cert), ca.key));
	EXPECT(!key_is_private(cert_key(ca.cert)));
	expect_subject(ca.cert, "CN=kubernetes");
	pair_done(&ca);
}

TEST(a_leaf_carries_names_usages_and_its_issuers_key_id)
{
	struct pair ca = make_ca("kubernetes", NULL);
	struct str orgs[] = {STR("system:nodes"), STR("a,b"), STR("zwölf")};
	struct ip ips[2] = {ip_v4(10, 43, 0, 1)};
	REQUIRE(ip_parse(STR("fd00::1"), &ips[1]));
	struct cert_request r = {
		.subject = {STR("system:node:one"), orgs, 3},
		.now = NOW,
		.lifetime = 365 * DAY,
		.usages = CERT_SERVER,
		.dns = dns_names,
		.dns_count = 3,
		.ips = ips,
		.ip_count = 2,
		.serial = STR("\x80\x01"),
	};
	struct pair leaf = make(&r, &ca);
	const struct cert_info *i = cert_info(leaf.cert);
	EXPECT_STR(i->subject.common_name, "system:node:one");
	EXPECT_INT(i->subject.organization_count, 3);
	/* in the order of their encodings, where the length comes first */
	expect_subject(leaf.cert, "CN=system:node:one,O=a\\,b+O=zwölf+O=system:nodes");
	EXPECT_STR(i->issuer.common_name, "kubernetes");
	EXPECT(!i->is_ca);
	EXPECT_INT(i->key_usage, CERT_DIGITAL_SIGNATURE | CERT_KEY_ENCIPHERMENT);
	EXPECT(i->has_extended);
	EXPECT_INT(i->extended, CERT_SERVER);
	EXPECT(str_eq(i->serial, STR("\x80\x01")));
	EXPECT_INT(i->dns_count, 3);
	for (size_t n = 0; n < 3; n++)
		EXPECT(str_eq(i->dns[n], dns_names[n]));
	EXPECT_INT(i->ip_count, 2);
	EXPECT(ip_eq(&i->ips[0], &ips[0]) && ip_eq(&i->ips[1], &ips[1]));
	EXPECT(str_eq(i->authority_key_id, cert_info(ca.cert)->subject_key_id));
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(serial_numbers_differ)
{
	struct pair a = make_ca("x", NULL), b = make_ca("x", NULL);
	EXPECT(!str_eq(cert_info(a.cert)->serial, cert_info(b.cert)->serial));
	pair_done(&a);
	pair_done(&b);
}

TEST(a_leaf_never_outlives_its_issuer)
{
	struct cert_request r = ca_request("ca");
	r.lifetime = 10 * DAY;
	struct pair ca = make(&r, NULL);
	struct pair leaf = make_leaf("leaf", NULL, &ca);
	EXPECT_INT(cert_info(leaf.cert)->not_after, cert_info(ca.cert)->not_after);

	struct cert_request late = leaf_request("leaf", NULL);
	late.now = NOW + 11 * DAY;
	struct cert *none = NULL;
	struct err err = {0};
	EXPECT(cert_issue(&late, leaf.key, ca.cert, ca.key, &none, &err) != 0);
	EXPECT(says(&err, "has expired"));
	err_done(&err);
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(dates_beyond_2049_have_four_digit_years)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"2049-12-31T22:59:59Z", "2050-01-01T00:00:01Z"},
		{"2024-02-29T00:00:00Z", "2049-12-31T23:59:59Z"},
		{"2050-06-01T00:00:00Z", "2261-12-31T00:00:00Z"},
		{"1999-12-31T23:59:59Z", "2000-02-29T12:00:00Z"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cert_request r = ca_request("x");
		int64_t to;
		struct err err = {0};
		REQUIRE_OK(time_parse(str_from(cases[i].from), &r.now, &err), &err);
		REQUIRE_OK(time_parse(str_from(cases[i].to), &to, &err), &err);
		r.lifetime = to - r.now;
		struct pair ca = make(&r, NULL);
		EXPECT_INT(cert_info(ca.cert)->not_before, r.now - HOUR);
		EXPECT_INT(cert_info(ca.cert)->not_after, to);
		pair_done(&ca);
	}
}

TEST(an_endless_lifetime_ends_where_the_clock_does)
{
	struct cert_request r = ca_request("x");
	r.lifetime = INT64_MAX;
	struct pair ca = make(&r, NULL);
	EXPECT(cert_info(ca.cert)->not_after > INT64_MAX - 366 * DAY);
	pair_done(&ca);
}

static void expect_refused(const struct cert_request *r, struct key *key, struct cert *issuer,
	struct key *issuer_key, const char *said)
{
	struct cert *none = NULL;
	struct err err = {0};
	EXPECT(cert_issue(r, key, issuer, issuer_key, &none, &err) != 0);
	EXPECT(says(&err, said));
	EXPECT(none == NULL);
	err_done(&err);
}

TEST(impossible_requests_are_refused)
{
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", NULL, &ca);
	struct cert_request zero_path = ca_request("narrow");
	zero_path.path_length = 0;
	struct pair narrow = make(&zero_path, &ca);
	struct cert_request good = leaf_request("x", NULL), r = good;

	expect_refused(&good, leaf.key, leaf.cert, leaf.key, "not a certificate authority");
	expect_refused(&good, leaf.key, ca.cert, leaf.key, "does not fit its certificate");
	expect_refused(&good, leaf.key, NULL, ca.key, "not by the subject's key");
	expect_refused(&good, leaf.key, ca.cert, cert_key(ca.cert), "not a private one");
	r = ca_request("x");
	expect_refused(&r, leaf.key, narrow.cert, narrow.key, "may not issue authorities");
	r = good, r.lifetime = 0;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "no lifetime");
	r = good, r.subject.common_name = STR("a\0b");
	expect_refused(&r, leaf.key, ca.cert, ca.key, "not valid text");
	r = good, r.subject.common_name = STR("a\xff");
	expect_refused(&r, leaf.key, ca.cert, ca.key, "not valid text");
	char long_name[1025];
	memset(long_name, 'a', sizeof(long_name));
	r = good, r.subject.common_name = str_make(long_name, sizeof(long_name));
	expect_refused(&r, leaf.key, ca.cert, ca.key, "longer than 1024");
	struct str orgs[201];
	for (size_t i = 0; i < ARRAY_LEN(orgs); i++)
		orgs[i] = STR("o");
	r = good, r.subject.organizations = orgs, r.subject.organization_count = 201;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "more than 200 organizations");
	r = good, r.now = INT64_MIN;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "before");
	r = good, r.serial = STR("123456789012345678901");
	expect_refused(&r, leaf.key, ca.cert, ca.key, "serial number");
	struct str bad_dns[] = {STR(""), STR("a b"), STR("a\0b"), STR("\xc3\xa4")};
	for (size_t i = 0; i < ARRAY_LEN(bad_dns); i++) {
		r = good, r.dns = &bad_dns[i], r.dns_count = 1;
		expect_refused(&r, leaf.key, ca.cert, ca.key, "DNS name");
	}
	struct ip no_ip = {0};
	r = good, r.ips = &no_ip, r.ip_count = 1;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "empty address");
	pair_done(&narrow);
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(a_thousand_names_fit_and_no_more)
{
	struct pair ca = make_ca("ca", NULL);
	struct str names[1001];
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = STR("some.host.example.com");
	struct cert_request r = leaf_request("x", names);
	r.dns_count = 1000;
	struct pair leaf = make(&r, &ca);
	EXPECT_INT(cert_info(leaf.cert)->dns_count, 1000);
	r.dns_count = 1001;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "more than 1000");
	char longest[253];
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = str_make(longest, sizeof(longest));
	r.dns_count = 1000;
	expect_refused(&r, leaf.key, ca.cert, ca.key, "larger than 65536");
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(rsa_authorities_issue_too)
{
	struct err err = {0};
	struct pair ca = {0};
	REQUIRE_OK(key_generate(KEY_RSA_2048, &ca.key, &err), &err);
	struct cert_request r = ca_request("rsa");
	REQUIRE_OK(cert_issue(&r, ca.key, NULL, ca.key, &ca.cert, &err), &err);
	struct str name = STR("a.b");
	struct pair leaf = make_leaf("leaf", &name, &ca);
	struct certs chain = {&leaf.cert, 1}, roots = {&ca.cert, 1};
	struct cert_check check = {&roots, NOW, CERT_SERVER, name};
	EXPECT_OK(cert_verify(&chain, &check, &err), &err);
	pair_done(&leaf);
	pair_done(&ca);
	err_done(&err);
}
