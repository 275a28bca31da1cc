#include "fixture.h"

#include "crypto/cert_private.h"

#define HOST STR("example.com")

static const struct str host = STR_INIT("example.com");

/* Verifies a chain of up to four against up to three roots. */
struct trial {
	struct cert *chain[4], *roots[3];
	struct cert_check check; /* roots filled in; now 0: NOW */
};

static int verify(struct trial t, struct err *err)
{
	struct certs chain = {.items = t.chain}, roots = {.items = t.roots};
	while (chain.count < 4 && t.chain[chain.count])
		chain.count++;
	while (roots.count < 3 && t.roots[roots.count])
		roots.count++;
	t.check.roots = &roots;
	if (!t.check.now)
		t.check.now = NOW;
	return cert_verify(&chain, &t.check, err);
}

#define EXPECT_VALID(...)                                                                          \
	do {                                                                                       \
		struct err err_ = {0};                                                             \
		EXPECT_OK(verify((struct trial){.chain = __VA_ARGS__}, &err_), &err_);             \
		err_done(&err_);                                                                   \
	} while (0)
#define EXPECT_REFUSED(said, ...)                                                                  \
	do {                                                                                       \
		struct err err_ = {0};                                                             \
		EXPECT_INT(verify((struct trial){.chain = __VA_ARGS__}, &err_), ERR_CERTIFICATE);  \
		EXPECT_TEXT(err_text(&err_), said);                                                \
		err_done(&err_);                                                                   \
	} while (0)

TEST(a_leaf_of_a_root_is_valid_for_its_name_and_usages)
{
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &host, &ca);
	EXPECT_VALID({leaf.cert}, {ca.cert});
	EXPECT_VALID({leaf.cert}, {ca.cert}, {.host = HOST, .usage = CERT_SERVER});
	EXPECT_VALID({leaf.cert}, {ca.cert}, {.usage = CERT_SERVER | CERT_CLIENT});
	EXPECT_REFUSED("certificate is valid for example.com, not other.com", {leaf.cert},
		{ca.cert}, {.host = STR("other.com")});
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(an_empty_chain_and_no_roots_are_refused)
{
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &host, &ca);
	EXPECT_REFUSED("there is no certificate", {0}, {ca.cert});
	EXPECT_REFUSED(
		"certificate signed by unknown authority (issuer \"CN=ca\")", {leaf.cert}, {0});
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(dates_bind_every_member)
{
	struct cert_request r = ca_request("short ca");
	r.lifetime = DAY;
	struct pair ca = make_ca("ca", NULL);
	struct pair middle = make(&r, &ca), leaf = make_leaf("leaf", &host, &middle);
	struct pair direct = make_leaf("direct", &host, &ca);

	EXPECT_VALID({leaf.cert, middle.cert}, {ca.cert});
	EXPECT_VALID({leaf.cert, middle.cert}, {ca.cert}, {.now = NOW - HOUR});
	EXPECT_VALID({leaf.cert, middle.cert}, {ca.cert}, {.now = NOW + DAY});
	EXPECT_REFUSED("certificate \"leaf\" expired on 2026-01-03T15:04:05Z "
		       "(it is now 2026-01-03T15:04:06Z)",
		{leaf.cert, middle.cert}, {ca.cert}, {.now = NOW + DAY + SEC});
	EXPECT_REFUSED("certificate \"leaf\" is not valid before 2026-01-02T14:04:05Z "
		       "(it is now 2026-01-02T14:04:04Z)",
		{leaf.cert, middle.cert}, {ca.cert}, {.now = NOW - HOUR - SEC});
	EXPECT_VALID({direct.cert}, {ca.cert}, {.now = NOW + 2 * DAY});
	pair_done(&direct);
	pair_done(&leaf);
	pair_done(&middle);
	pair_done(&ca);
}

TEST(an_expired_authority_spoils_a_leaf_that_is_not)
{
	/* The same name and key with a shorter life: our own issuing would clamp the leaf. */
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &host, &ca);
	struct cert_request r = ca_request("ca");
	struct cert *brief = NULL;
	struct err err = {0};
	r.lifetime = DAY;
	REQUIRE_OK(cert_issue(&r, ca.key, NULL, ca.key, &brief, &err), &err);
	EXPECT_VALID({leaf.cert}, {brief});
	EXPECT_REFUSED("certificate \"ca\" expired on 2026-01-03T15:04:05Z "
		       "(it is now 2026-01-04T15:04:05Z)",
		{leaf.cert}, {brief}, {.now = NOW + 2 * DAY});
	/* with both, the one that lives is found */
	EXPECT_VALID({leaf.cert}, {brief, ca.cert}, {.now = NOW + 2 * DAY});
	cert_unref(brief);
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(usages_narrow_down_the_chain)
{
	struct pair ca = make_ca("ca", NULL);
	struct cert_request r = leaf_request("client", &host);
	r.usages = CERT_CLIENT;
	struct pair client = make(&r, &ca);
	EXPECT_VALID({client.cert}, {ca.cert}, {.usage = CERT_CLIENT});
	EXPECT_REFUSED("certificate \"client\" specifies an incompatible key usage (wanted: server "
		       "auth)",
		{client.cert}, {ca.cert}, {.usage = CERT_SERVER});

	struct cert_request narrow = ca_request("clients only");
	narrow.usages = CERT_CLIENT;
	struct pair middle = make(&narrow, &ca), leaf = make_leaf("leaf", &host, &middle);
	EXPECT_VALID({leaf.cert, middle.cert}, {ca.cert}, {.usage = CERT_CLIENT});
	EXPECT_REFUSED("certificate \"clients only\" specifies an incompatible key usage "
		       "(wanted: server auth)",
		{leaf.cert, middle.cert}, {ca.cert}, {.usage = CERT_SERVER});

	r = leaf_request("anything", &host);
	r.usages = 0;
	struct pair any = make(&r, &ca);
	EXPECT_VALID({any.cert}, {ca.cert}, {.usage = CERT_SERVER});
	pair_done(&any);
	pair_done(&leaf);
	pair_done(&middle);
	pair_done(&client);
	pair_done(&ca);
}

TEST(intermediates_come_in_any_order)
{
	struct pair ca = make_ca("root", NULL), a = make_ca("a", &ca), b = make_ca("b", &a);
	struct pair leaf = make_leaf("leaf", &host, &b), stray = make_ca("stray", NULL);
	EXPECT_VALID({leaf.cert, b.cert, a.cert}, {ca.cert});
	EXPECT_VALID({leaf.cert, a.cert, b.cert}, {ca.cert});
	EXPECT_VALID({leaf.cert, stray.cert, a.cert, b.cert}, {stray.cert, ca.cert});
	EXPECT_VALID({leaf.cert, b.cert}, {a.cert}); /* an intermediate may be the root */
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=a\")",
		{leaf.cert, b.cert}, {ca.cert});
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=b\")",
		{leaf.cert, a.cert}, {ca.cert});
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=root\")",
		{leaf.cert, b.cert, a.cert, ca.cert}, {stray.cert});
	pair_done(&stray);
	pair_done(&leaf);
	pair_done(&b);
	pair_done(&a);
	pair_done(&ca);
}

TEST(of_several_roots_of_one_name_the_right_one_is_found)
{
	struct pair one = make_ca("kubernetes", NULL), two = make_ca("kubernetes", NULL);
	struct pair leaf = make_leaf("leaf", &host, &two);
	EXPECT_VALID({leaf.cert}, {one.cert, two.cert});
	EXPECT_VALID({leaf.cert}, {two.cert, one.cert});
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=kubernetes\", "
		       "possibly because of \"the signature does not fit the key\" while trying "
		       "candidate authority \"kubernetes\")",
		{leaf.cert}, {one.cert});
	pair_done(&leaf);
	pair_done(&two);
	pair_done(&one);
}

TEST(a_root_of_the_right_name_and_another_sort_of_key_is_no_issuer)
{
	struct pair ec = make_ca("kubernetes", NULL), rsa = {0};
	struct cert_request r = ca_request("kubernetes");
	struct err err = {0};
	REQUIRE_OK(key_generate(KEY_RSA_2048, &rsa.key, &err), &err);
	REQUIRE_OK(cert_issue(&r, rsa.key, NULL, rsa.key, &rsa.cert, &err), &err);
	struct pair of_ec = make_leaf("leaf", &host, &ec), of_rsa = make_leaf("leaf", &host, &rsa);
	EXPECT_VALID({of_ec.cert}, {rsa.cert, ec.cert});
	EXPECT_VALID({of_rsa.cert}, {ec.cert, rsa.cert});
	static const char said[] =
		"certificate signed by unknown authority (issuer \"CN=kubernetes\", possibly "
		"because of \"signed with an algorithm that does not fit the issuer's key\" while "
		"trying candidate authority \"kubernetes\")";
	EXPECT_REFUSED(said, {of_ec.cert}, {rsa.cert});
	EXPECT_REFUSED(said, {of_rsa.cert}, {ec.cert});
	pair_done(&of_ec);
	pair_done(&of_rsa);
	pair_done(&ec);
	pair_done(&rsa);
}

TEST(cross_signed_authorities_lead_to_either_root)
{
	struct pair one = make_ca("one", NULL), two = make_ca("two", NULL);
	struct pair middle = make_ca("middle", &one), leaf = make_leaf("leaf", &host, &middle);
	struct cert_request r = ca_request("middle");
	struct pair crossed = {.key = key_ref(middle.key)};
	struct err err = {0};
	REQUIRE_OK(cert_issue(&r, middle.key, two.cert, two.key, &crossed.cert, &err), &err);
	EXPECT_VALID({leaf.cert, middle.cert, crossed.cert}, {two.cert});
	EXPECT_VALID({leaf.cert, crossed.cert, middle.cert}, {one.cert});
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=two\")",
		{leaf.cert, crossed.cert}, {one.cert});
	pair_done(&crossed);
	pair_done(&leaf);
	pair_done(&middle);
	pair_done(&two);
	pair_done(&one);
}

TEST(circles_and_deep_chains_end)
{
	struct pair chain[13], root = make_ca("root", NULL);
	struct cert *items[14];
	for (int i = 0; i < 12; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", i);
		chain[i] = make_ca(name, i ? &chain[i - 1] : &root);
	}
	chain[12] = make_leaf("leaf", &host, &chain[11]);
	for (int i = 0; i < 13; i++)
		items[i] = chain[12 - i].cert;
	struct certs all = {items, 13}, roots = {&root.cert, 1}, near = {&chain[3].cert, 1};
	struct cert_check check = {.roots = &roots, .now = NOW};
	EXPECT(cert_verify(&all, &check, NULL) != 0); /* 14 with the root */
	check.roots = &near;
	struct err err = {0};
	EXPECT_OK(cert_verify(&all, &check, &err), &err); /* 10 with this one */

	/* two authorities that vouch for each other, and no root */
	struct pair a = make_ca("a", NULL), b = make_ca("b", &a);
	struct pair leaf = make_leaf("leaf", &host, &b);
	struct cert_request r = ca_request("a");
	struct cert *back = NULL;
	REQUIRE_OK(cert_issue(&r, a.key, b.cert, b.key, &back, &err), &err);
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=b\")",
		{leaf.cert, back}, {root.cert});
	EXPECT(verify((struct trial){.chain = {leaf.cert, b.cert, back}, .roots = {root.cert}},
		       NULL) != 0);
	cert_unref(back);
	pair_done(&leaf);
	pair_done(&b);
	pair_done(&a);
	for (int i = 0; i < 13; i++)
		pair_done(&chain[i]);
	pair_done(&root);
	err_done(&err);
}

TEST(a_hostile_heap_of_intermediates_costs_a_bounded_search)
{
	/* Many authorities of the name the leaf names, none of which signed it. */
	struct pair ca = make_ca("x", NULL), root = make_ca("root", NULL);
	struct pair leaf = make_leaf("leaf", &host, &ca), others[200];
	struct cert *items[ARRAY_LEN(others) + 1] = {leaf.cert};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		others[i] = make_ca("x", NULL);
		items[i + 1] = others[i].cert;
	}
	struct certs chain = {items, ARRAY_LEN(items)}, roots = {&root.cert, 1};
	struct cert_check check = {.roots = &roots, .now = NOW};
	struct err err = {0};
	EXPECT(cert_verify(&chain, &check, &err) != 0);
	EXPECT(says(&err, "unknown authority"));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		pair_done(&others[i]);
	err_done(&err);
	pair_done(&leaf);
	pair_done(&root);
	pair_done(&ca);
}

TEST(a_certificate_among_the_roots_is_trusted_as_it_stands)
{
	struct pair self = make_leaf("self", &host, NULL), ca = make_ca("ca", NULL);
	struct pair leaf = make_leaf("leaf", &host, &ca);
	EXPECT_VALID({self.cert}, {self.cert}, {.host = HOST, .usage = CERT_SERVER});
	EXPECT_VALID({leaf.cert}, {leaf.cert});
	struct cert_request r = leaf_request("client", &host);
	r.usages = CERT_CLIENT;
	struct pair client = make(&r, NULL);
	EXPECT_REFUSED("certificate \"client\" specifies an incompatible key usage (wanted: server "
		       "auth)",
		{client.cert}, {client.cert}, {.usage = CERT_SERVER});
	EXPECT_REFUSED("certificate \"client\" specifies an incompatible key usage (wanted: server "
		       "and client auth)",
		{client.cert}, {client.cert}, {.usage = CERT_SERVER | CERT_CLIENT});
	pair_done(&client);
	EXPECT_REFUSED("certificate \"self\" expired on 2027-01-02T15:04:05Z (it is now "
		       "2027-01-03T15:04:05Z)",
		{self.cert}, {self.cert}, {.now = NOW + 366 * DAY});
	EXPECT_REFUSED("certificate signed by unknown authority (issuer \"CN=self\")", {self.cert},
		{ca.cert});
	pair_done(&leaf);
	pair_done(&ca);
	pair_done(&self);
}

TEST(only_authorities_sign_and_only_as_deep_as_allowed)
{
	struct pair ca = make_ca("ca", NULL);
	struct cert_request r = ca_request("shallow");
	r.path_length = 0;
	struct pair shallow = make(&r, &ca), leaf = make_leaf("leaf", &host, &shallow);
	EXPECT_VALID({leaf.cert, shallow.cert}, {ca.cert});
	EXPECT_INT(cert_info(shallow.cert)->path_length, 0);

	/* A leaf's key signs another leaf, under a name the leaf has: forged with an authority of
	 * that name and key, which the peer does not show. */
	struct cert_request as_ca = ca_request("leaf");
	struct pair forger = {.key = key_ref(leaf.key)};
	struct err err = {0};
	REQUIRE_OK(cert_issue(&as_ca, leaf.key, NULL, leaf.key, &forger.cert, &err), &err);
	struct pair forged = make_leaf("forged", &host, &forger);
	EXPECT_REFUSED("certificate \"leaf\" is not a certificate authority",
		{forged.cert, leaf.cert, shallow.cert}, {ca.cert});

	/* An authority below "shallow": the same trick. */
	struct cert_request wide = ca_request("shallow");
	struct cert *wide_cert = NULL;
	REQUIRE_OK(cert_issue(&wide, shallow.key, NULL, shallow.key, &wide_cert, &err), &err);
	struct pair wide_pair = {wide_cert, key_ref(shallow.key)};
	struct pair below = make_ca("below", &wide_pair), deep = make_leaf("deep", &host, &below);
	EXPECT_REFUSED("too many intermediates below certificate \"shallow\" (it allows 0)",
		{deep.cert, below.cert, shallow.cert}, {ca.cert});
	EXPECT_VALID({deep.cert, below.cert}, {wide_cert});
	pair_done(&deep);
	pair_done(&below);
	pair_done(&wide_pair);
	pair_done(&forged);
	pair_done(&forger);
	pair_done(&leaf);
	pair_done(&shallow);
	pair_done(&ca);
	err_done(&err);
}

/* ---- name constraints, on structs made by hand ---- */

static struct cert_subtree dns_tree(const char *name)
{
	return (struct cert_subtree){.dns = str_from(name)};
}

static bool allowed(
	const struct cert_subtree *permitted, const struct cert_subtree *excluded, const char *name)
{
	struct str dns = str_from(name);
	struct cert ca = {.permitted = permitted,
		.permitted_count = permitted ? 1 : 0,
		.excluded = excluded,
		.excluded_count = excluded ? 1 : 0};
	struct cert leaf = {.info = {.dns = &dns, .dns_count = 1}, .name_forms = NAME_DNS};
	return cert_check_constraints(&ca, &leaf, NULL) == 0;
}

TEST(dns_constraints_cover_subtrees)
{
	static const struct {
		const char *constraint, *name;
		bool permitted, excluded;
	} cases[] = {
		{"example.com", "example.com", true, true},
		{"example.com", "EXAMPLE.COM.", true, true},
		{"example.com", "a.b.example.com", true, true},
		{"example.com", "xexample.com", false, false},
		{"example.com", "com", false, false},
		{".example.com", "example.com", false, false},
		{".example.com", "a.example.com", true, true},
		{"", "anything", true, true},
		{"example.com.", "a.example.com.", true, true},
		{"example.com", "*.example.com", true, true},
		{"a.example.com", "*.example.com", false, true}, /* the wildcard may mean a */
		{"b.a.example.com", "*.example.com", false, false},
		{"a.example.com", "*.other.com", false, false},
		{"*", "*.example.com", false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cert_subtree tree = dns_tree(cases[i].constraint);
		test_context("%s under \"%s\"", cases[i].name, cases[i].constraint);
		EXPECT_INT(allowed(&tree, NULL, cases[i].name), cases[i].permitted);
		EXPECT_INT(!allowed(NULL, &tree, cases[i].name), cases[i].excluded);
	}
}

TEST(constraints_bind_only_names_of_their_form)
{
	struct cert_subtree net = {.ip = {10, 1}, .mask = {255, 255}, .ip_len = 4};
	struct cert_subtree dns = dns_tree("example.com");
	struct ip inside = ip_v4(10, 1, 2, 3), outside = ip_v4(10, 2, 0, 1);
	struct cert by_net = {.permitted = &net, .permitted_count = 1};
	struct cert not_net = {.excluded = &net, .excluded_count = 1};
	struct cert by_dns = {.permitted = &dns, .permitted_count = 1};
	struct cert in = {.info = {.ips = &inside, .ip_count = 1}};
	struct cert out = {.info = {.ips = &outside, .ip_count = 1}};
	EXPECT_INT(cert_check_constraints(&by_net, &in, NULL), 0);
	EXPECT(cert_check_constraints(&by_net, &out, NULL) != 0);
	EXPECT(cert_check_constraints(&not_net, &in, NULL) != 0);
	EXPECT_INT(cert_check_constraints(&not_net, &out, NULL), 0);
	EXPECT_INT(cert_check_constraints(&by_dns, &out, NULL), 0);
	EXPECT(allowed(&net, NULL, "any.name"));

	struct cert by_uri = {.constrained_forms = NAME_URI};
	struct cert with_uri = {.name_forms = NAME_URI | NAME_DNS};
	EXPECT(cert_check_constraints(&by_uri, &with_uri, NULL) != 0);
	EXPECT_INT(cert_check_constraints(&by_uri, &in, NULL), 0);
}
