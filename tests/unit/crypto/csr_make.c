/* Requests made here are read here, and what is issued for them is what they ask for. */
#include "test.h"

#include <kube/mem.h>
#include <kube/x509.h>

static const struct str organizations[] = {STR_INIT("system:nodes")};
static const struct str dns[] = {STR_INIT("n1"), STR_INIT("n1.example.com")};
static const struct str uris[] = {STR_INIT("spiffe://x/y")};
static const struct str emails[] = {STR_INIT("a@example.com")};

static struct cert_request wish(const struct ip *ip)
{
	return (struct cert_request){.subject = {.common_name = STR("system:node:n1"),
					     .organizations = organizations,
					     .organization_count = 1},
		.dns = dns,
		.dns_count = 2,
		.ips = ip,
		.ip_count = 1,
		.uris = uris,
		.uri_count = 1,
		.emails = emails,
		.email_count = 1};
}

static void expect_names(const struct cert_info *info)
{
	EXPECT_STR(info->subject.common_name, "system:node:n1");
	REQUIRE(info->subject.organization_count == 1 && info->dns_count == 2 &&
		info->ip_count == 1 && info->uri_count == 1 && info->email_count == 1);
	EXPECT_STR(info->subject.organizations[0], "system:nodes");
	EXPECT_STR(info->dns[1], "n1.example.com");
	EXPECT_STR(info->uris[0], "spiffe://x/y");
	EXPECT_STR(info->emails[0], "a@example.com");
}

TEST(a_request_is_what_it_was_made_of)
{
	static const enum key_kind kinds[] = {KEY_ECDSA_P256, KEY_RSA_2048};
	struct ip ip = ip_v4(10, 0, 0, 1);
	struct cert_request r = wish(&ip);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_cleanup_(buf_done) struct buf der = BUF_INIT(MIB);
		struct key *key = NULL;
		struct cert *csr = NULL;

		EXPECT_INT(key_generate(kinds[i], &key, NULL), 0);
		EXPECT_INT(csr_make(&r, key, &der, NULL), 0);
		REQUIRE(csr_parse_der(buf_str(&der), &csr, NULL) == 0);
		EXPECT_INT(csr_check_signature(csr, NULL), 0);
		expect_names(cert_info(csr));
		EXPECT(key_same(cert_key(csr), key));
		cert_unref(csr);
		key_unref(key);
	}
}

TEST(without_names_there_are_no_extensions)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(MIB);
	struct cert_request r = {.subject.common_name = STR("jane")};
	struct key *key = NULL;
	struct cert *csr = NULL;

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	EXPECT_INT(csr_make(&r, key, &der, NULL), 0);
	REQUIRE(csr_parse_der(buf_str(&der), &csr, NULL) == 0);
	EXPECT_INT(cert_info(csr)->dns_count, 0);
	EXPECT_STR(cert_info(csr)->subject.common_name, "jane");
	cert_unref(csr);
	key_unref(key);
}

/* The certificate of a request: usages as they stand, dates as they were asked for. */
static struct cert *issue(struct key *key, unsigned usages, unsigned key_usage)
{
	_cleanup_(buf_done) struct buf der = BUF_INIT(MIB);
	struct ip ip = ip_v4(10, 0, 0, 1);
	struct cert_request r = wish(&ip), root = {.subject.common_name = STR("ca"),
						   .now = 1000 * HOUR,
						   .lifetime = 1000 * HOUR,
						   .is_ca = true,
						   .path_length = -1};
	struct cert *csr = NULL, *ca = NULL, *made = NULL;

	EXPECT_INT(cert_issue(&root, key, NULL, key, &ca, NULL), 0);
	EXPECT_INT(csr_make(&r, key, &der, NULL), 0);
	EXPECT_INT(csr_parse_der(buf_str(&der), &csr, NULL), 0);
	r.subject = (struct cert_name){0};
	r.subject_der = cert_info(csr)->subject_der;
	r.asked = true;
	r.key_usage = key_usage;
	r.usages = usages;
	r.now = 1000 * HOUR;
	r.backdate = 5 * MINUTE;
	r.lifetime = HOUR;
	r.path_length = -1;
	EXPECT_INT(cert_issue(&r, cert_key(csr), ca, key, &made, NULL), 0);
	cert_unref(csr);
	cert_unref(ca);
	return made;
}

TEST(what_is_issued_is_what_was_asked_for)
{
	static const unsigned key_usages[] = {0, CERT_DIGITAL_SIGNATURE,
		CERT_DIGITAL_SIGNATURE | CERT_KEY_ENCIPHERMENT, CERT_DECIPHER_ONLY,
		CERT_SIGN_REVOCATIONS | CERT_ENCIPHER_ONLY};
	struct key *key = NULL;

	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(key_usages); i++) {
		struct cert *c = issue(key, CERT_CLIENT | CERT_OCSP_SIGNING, key_usages[i]);

		REQUIRE(c != NULL);
		expect_names(cert_info(c));
		EXPECT_INT(cert_info(c)->key_usage, key_usages[i]);
		EXPECT_INT(cert_info(c)->extended, CERT_CLIENT);
		EXPECT(cert_info(c)->not_before == 1000 * HOUR - 5 * MINUTE);
		EXPECT(cert_info(c)->not_after == 1001 * HOUR);
		cert_unref(c);
	}
	key_unref(key);
}
