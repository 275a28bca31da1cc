#include "fixture.h"

#include "crypto/cert_private.h"
#include "crypto/der_write.h"
#include "crypto/oid.h"

#include <kube/random.h>

TEST(a_certificate_cut_short_anywhere_is_refused)
{
	struct str name = STR("example.com");
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &name, &ca);
	struct str der = cert_der(leaf.cert);
	for (size_t len = 0; len < der.len; len++) {
		struct cert *none = NULL;
		/* in a block of its own, so that reading beyond is seen */
		char *part = mem_copy(der.at, len);
		EXPECT(cert_parse_der(str_make(part, len), &none, NULL) != 0);
		EXPECT(none == NULL);
		mem_free(part);
	}
	struct buf longer = BUF_INIT(CERT_DER_MAX);
	struct cert *none = NULL;
	buf_add_str(&longer, der);
	buf_add_char(&longer, 0);
	EXPECT(cert_parse_der(buf_str(&longer), &none, NULL) != 0);
	buf_done(&longer);
	pair_done(&leaf);
	pair_done(&ca);
}

/* What can be read of it may be printed, matched and verified. */
static void use(struct cert *cert, const struct certs *roots)
{
	struct buf text = BUF_INIT(MIB);
	struct certs chain = {&cert, 1};
	struct cert_check check = {roots, NOW, CERT_SERVER, STR("example.com")};
	cert_print_subject(cert, &text);
	cert_print_pem(cert, &text);
	cert_verify(&chain, &check, NULL);
	buf_done(&text);
}

TEST(no_flipped_byte_goes_unnoticed_or_harms)
{
	struct str name = STR("example.com");
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &name, &ca);
	struct certs roots = {&ca.cert, 1};
	struct str der = cert_der(leaf.cert);
	char *bytes = mem_copy(der.at, der.len);
	for (size_t at = 0; at < der.len; at++) {
		struct cert *odd = NULL;
		size_t bit = at * 8 + at % 8;
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (cert_parse_der(str_make(bytes, der.len), &odd, NULL) == 0) {
			struct certs chain = {&odd, 1};
			struct cert_check check = {&roots, NOW, 0, {0}};
			test_context("bit %zu", bit);
			EXPECT(cert_verify(&chain, &check, NULL) != 0);
			cert_unref(odd);
		}
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	mem_free(bytes);
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(random_damage_never_harms)
{
	struct rng rng;
	struct str name = STR("example.com");
	struct pair ca = make_ca("ca", NULL), leaf = make_leaf("leaf", &name, &ca);
	struct certs roots = {&ca.cert, 1};
	struct str der = cert_der(leaf.cert);
	rng_init(&rng, 1);
	for (int round = 0; round < 5000; round++) {
		struct cert *odd = NULL;
		char *bytes = mem_copy(der.at, der.len);
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
			bytes[rng_below(&rng, der.len)] = (char)rng_u64(&rng);
		if (cert_parse_der(str_make(bytes, der.len), &odd, NULL) == 0) {
			use(odd, &roots);
			cert_unref(odd);
		}
		mem_free(bytes);
	}
	pair_done(&leaf);
	pair_done(&ca);
}

TEST(giants_are_refused)
{
	char *bytes = mem_new(CERT_DER_MAX + 1);
	struct cert *none = NULL;
	bytes[0] = 0x30;
	EXPECT_INT(cert_parse_der(str_make(bytes, CERT_DER_MAX + 1), &none, NULL), ERR_TOO_LARGE);
	mem_free(bytes);
}

/* ---- extensions one by one ---- */

static int parse_extension(
	struct cert *cert, struct str oid, bool critical, struct str value, struct err *err)
{
	struct buf der = BUF_INIT(MIB);
	size_t mark = der_open(&der, DER_SEQUENCE);
	der_add(&der, DER_OID, oid);
	if (critical)
		der_add_bool(&der, true);
	der_add(&der, DER_OCTET_STRING, value);
	der_close(&der, mark);
	arena_init(&cert->arena);
	struct str kept = arena_str(&cert->arena, buf_str(&der));
	buf_done(&der);
	cert->info.path_length = -1;
	return cert_parse_extensions(cert, kept, err);
}

static void expect_bad_extension(struct str oid, struct str value, const char *said)
{
	struct cert cert = {0};
	struct err err = {0};
	EXPECT_INT(parse_extension(&cert, oid, false, value, &err), ERR_SYNTAX);
	EXPECT(says(&err, said));
	arena_done(&cert.arena);
	err_done(&err);
}

TEST(malformed_extensions_are_refused)
{
	static const struct {
		struct str oid, value;
		const char *said;
	} cases[] = {
		{OID_BASIC_CONSTRAINTS, STR_INIT(""), "basic constraints"},
		{OID_BASIC_CONSTRAINTS, STR_INIT("\x30\x03\x01\x01\x07"), "basic constraints"},
		{OID_BASIC_CONSTRAINTS, STR_INIT("\x30\x03\x02\x01\xff"), "basic constraints"},
		{OID_BASIC_CONSTRAINTS, STR_INIT("\x30\x00x"), "basic constraints"},
		{OID_KEY_USAGE, STR_INIT("\x03\x00"), "key usage"},
		{OID_KEY_USAGE, STR_INIT("\x03\x05\x00\x01\x02\x03\x04"), "key usage"},
		{OID_EXTENDED_KEY_USAGE, STR_INIT("\x30\x00"), "extended key usage"},
		{OID_EXTENDED_KEY_USAGE, STR_INIT("\x30\x02\x05\x00"), "extended key usage"},
		{OID_SUBJECT_ALT_NAME, STR_INIT("\x30\x02\x82\x01"), "alternative names"},
		{OID_SUBJECT_ALT_NAME, STR_INIT("\x30\x05\x87\x03\x01\x02\x03"), "IP address"},
		{OID_SUBJECT_ALT_NAME,
			STR_INIT("\x30\x07\x82\x05"
				 "a\0b.c"),
			"DNS name"},
		{OID_SUBJECT_ALT_NAME, STR_INIT("\x30\x04\x82\x02\xc3\xa4"), "DNS name"},
		{OID_SUBJECT_ALT_NAME,
			STR_INIT("\x30\x05\x86\x03"
				 "a\0b"),
			"URI"},
		{OID_NAME_CONSTRAINTS, STR_INIT("\x30\x00"), "name constraints"},
		{OID_NAME_CONSTRAINTS, STR_INIT("\x30\x02\xa0\x00"), "name constraints"},
		{OID_NAME_CONSTRAINTS,
			STR_INIT("\x30\x0c\xa0\x0a\x30\x08\x87\x06\x01\x02\x03\x04\xff\x00"),
			"name constraints"},
		{OID_NAME_CONSTRAINTS,
			STR_INIT("\x30\x0e\xa0\x0c\x30\x0a\x87\x08\x01\x02\x03\x04\xff\x00\xff"
				 "\x00"),
			"name constraints"},
		{OID_SUBJECT_KEY_ID, STR_INIT("\x05\x00"), "subject key identifier"},
		{OID_AUTHORITY_KEY_ID, STR_INIT("\x04\x00"), "authority key identifier"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("case %zu", i);
		expect_bad_extension(cases[i].oid, cases[i].value, cases[i].said);
	}
}

TEST(more_than_a_thousand_names_are_refused)
{
	struct buf value = BUF_INIT(MIB);
	size_t mark = der_open(&value, DER_SEQUENCE);
	for (int i = 0; i < 1001; i++)
		der_add(&value, DER_CONTEXT(2), STR("a"));
	der_close(&value, mark);
	expect_bad_extension(OID_SUBJECT_ALT_NAME, buf_str(&value), "more than 1000");
	buf_done(&value);
}

TEST(uris_and_unknown_usages_are_read)
{
	struct cert cert = {0};
	struct err err = {0};
	EXPECT_OK(parse_extension(&cert, OID_SUBJECT_ALT_NAME, true,
			  STR("\x30\x0d\x86\x0bspiffe://ab"), &err),
		&err);
	EXPECT_INT(cert.info.uri_count, 1);
	EXPECT_STR(cert.info.uris[0], "spiffe://ab");
	EXPECT_INT(cert.unhandled.len, 0);
	arena_done(&cert.arena);

	cert = (struct cert){0};
	EXPECT_OK(parse_extension(&cert, OID_EXTENDED_KEY_USAGE, false,
			  STR("\x30\x04\x06\x02\x2a\x03"), &err),
		&err);
	EXPECT(cert.info.has_extended);
	EXPECT_INT(cert.info.extended, 0);
	arena_done(&cert.arena);

	cert = (struct cert){0};
	EXPECT_OK(parse_extension(&cert, OID_EXTENDED_KEY_USAGE, false,
			  STR("\x30\x06\x06\x04\x55\x1d\x25\x00"), &err),
		&err);
	EXPECT_INT(cert.info.extended, CERT_SERVER | CERT_CLIENT);
	arena_done(&cert.arena);
	err_done(&err);
}

TEST(unknown_extensions_matter_only_when_critical)
{
	struct cert cert = {0};
	EXPECT_INT(parse_extension(&cert, STR("\x2a\x03"), false, STR("x"), NULL), 0);
	EXPECT_INT(cert.unhandled.len, 0);
	arena_done(&cert.arena);
	cert = (struct cert){0};
	EXPECT_INT(parse_extension(&cert, STR("\x2a\x03"), true, STR("x"), NULL), 0);
	EXPECT_INT(cert.unhandled.len, 2);
	arena_done(&cert.arena);
}

TEST(one_extension_twice_is_refused)
{
	struct cert cert = {0};
	struct err err = {0};
	arena_init(&cert.arena);
	EXPECT(cert_parse_extensions(&cert,
		       STR("\x30\x07\x06\x02\x2a\x03\x04\x01x\x30\x07\x06\x02\x2a\x03\x04\x01x"),
		       &err) != 0);
	EXPECT(says(&err, "twice"));
	arena_done(&cert.arena);
	err_done(&err);
}

/* ---- names ---- */

static void add_part(struct buf *out, struct str oid, unsigned char tag, struct str value)
{
	size_t set = der_open(out, DER_SET), pair = der_open(out, DER_SEQUENCE);
	der_add(out, DER_OID, oid);
	der_add(out, tag, value);
	der_close(out, pair);
	der_close(out, set);
}

static void expect_name(unsigned char tag, struct str value, const char *wanted)
{
	struct buf der = BUF_INIT(4096), text = BUF_INIT(4096);
	struct arena arena;
	struct cert_name name;
	arena_init(&arena);
	size_t mark = der_open(&der, DER_SEQUENCE);
	add_part(&der, OID_COMMON_NAME, tag, value);
	der_close(&der, mark);
	int rc = cert_parse_name(&arena, buf_str(&der), &name, NULL);
	EXPECT_INT(rc == 0, wanted != NULL);
	if (rc == 0 && wanted)
		EXPECT_STR(name.common_name, wanted);
	cert_print_name(buf_str(&der), &text);
	arena_done(&arena);
	buf_done(&der);
	buf_done(&text);
}

TEST(every_string_type_becomes_utf8)
{
	expect_name(DER_UTF8_STRING, STR("zwölf"), "zwölf");
	expect_name(DER_PRINTABLE_STRING, STR("abc"), "abc");
	expect_name(DER_IA5_STRING, STR("a@b"), "a@b");
	expect_name(DER_NUMERIC_STRING, STR("12"), "12");
	expect_name(DER_T61_STRING, STR("\xe4"), "ä");
	expect_name(DER_BMP_STRING, STR("\0a\x20\xac"), "a€");
}

TEST(names_that_could_deceive_are_refused)
{
	expect_name(DER_UTF8_STRING, STR("a\0b"), NULL);
	expect_name(DER_UTF8_STRING, STR("\xff"), NULL);
	expect_name(DER_PRINTABLE_STRING, STR("\xe4"), NULL);
	expect_name(DER_BMP_STRING, STR("\0a\0"), NULL);
	expect_name(DER_BMP_STRING, STR("\0\0"), NULL);
	expect_name(DER_BMP_STRING, STR("\xd8\x00"), NULL);
	expect_name(DER_INTEGER, STR("\x01"), NULL);
}

TEST(subjects_print_as_go_prints_them)
{
	struct buf der = BUF_INIT(4096), text = BUF_INIT(4096);
	size_t mark = der_open(&der, DER_SEQUENCE);
	add_part(&der, STR("\x2a\x03"), DER_UTF8_STRING, STR("odd"));
	add_part(&der, OID_COMMON_NAME, DER_UTF8_STRING, STR("first"));
	add_part(&der, OID_ORGANIZATION, DER_UTF8_STRING, STR(" o;1 "));
	add_part(&der, STR("\x55\x04\x0b"), DER_UTF8_STRING, STR("unit"));
	add_part(&der, OID_ORGANIZATION, DER_UTF8_STRING, STR("#2"));
	add_part(&der, STR("\x55\x04\x06"), DER_PRINTABLE_STRING, STR("DE"));
	add_part(&der, OID_COMMON_NAME, DER_UTF8_STRING, STR("a+b \"c\""));
	der_close(&der, mark);
	cert_print_name(buf_str(&der), &text);
	EXPECT_STR(buf_str(&text),
		"CN=a\\+b \\\"c\\\",OU=unit,O=\\ o\\;1\\ +O=\\#2,C=DE,1.2.3=#0c036f6464");
	buf_done(&der);
	buf_done(&text);
}

TEST(malformed_names_do_not_print_garbage)
{
	static const struct str bad[] = {STR_INIT(""), STR_INIT("\x30\x02\x31\x00"),
		STR_INIT("\x30\x04\x31\x02\x30\x00"), STR_INIT("\x30\x01\x31"),
		STR_INIT("\x05\x00")};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf text = BUF_INIT(100);
		struct arena arena;
		struct cert_name name;
		arena_init(&arena);
		EXPECT(cert_parse_name(&arena, bad[i], &name, NULL) != 0);
		cert_print_name(bad[i], &text);
		EXPECT_INT(text.len, 0);
		arena_done(&arena);
		buf_done(&text);
	}
}

TEST(a_reference_keeps_a_certificate)
{
	struct pair ca = make_ca("a", NULL);
	struct cert *kept = cert_ref(ca.cert);
	pair_done(&ca);
	EXPECT_STR(cert_info(kept)->subject.common_name, "a");
	cert_unref(kept);
	EXPECT(cert_ref(NULL) == NULL);
}

static void expect_label(const struct cert_request *r, const char *wanted)
{
	struct pair p = make(r, NULL);
	struct buf text = BUF_INIT(4096);
	cert_print_label(p.cert, &text);
	EXPECT_STR(buf_str(&text), wanted);
	buf_done(&text);
	pair_done(&p);
}

TEST(errors_name_a_certificate_by_what_it_has)
{
	struct str dns = STR("example.com"), org = STR("o");
	struct ip ip = ip_v4(10, 0, 0, 1);
	struct cert_request r = leaf_request("cn", &dns);
	r.ips = &ip;
	r.ip_count = 1;
	r.subject.organizations = &org;
	r.subject.organization_count = 1;
	r.serial = STR("\x12\xab");
	expect_label(&r, "cn");
	r.subject.common_name = (struct str){0};
	expect_label(&r, "example.com");
	r.dns_count = 0;
	expect_label(&r, "10.0.0.1");
	r.ip_count = 0;
	expect_label(&r, "O=o");
	r.subject.organization_count = 0;
	expect_label(&r, "serial 12ab");
}

TEST(errors_take_no_controls_and_no_endless_names_from_a_certificate)
{
	struct buf text = BUF_INIT(4096);
	char endless[600];
	struct cert_request r = leaf_request("a\nb\x1b[31m\x7f", NULL);
	expect_label(&r, "a?b?[31m?");
	for (size_t i = 0; i < sizeof(endless); i += 2)
		memcpy(endless + i, "ä", 2);
	cert_print_clean(str_make(endless, sizeof(endless)), &text);
	EXPECT_INT(text.len, 280 + strlen("…"));
	buf_clear(&text);
	cert_print_clean(str_make(endless + 1, sizeof(endless) - 2), &text);
	EXPECT_INT(text.len, 279 + strlen("…"));
	buf_done(&text);
}

/* ---- lists ---- */

TEST(a_bundle_is_read_in_order)
{
	struct pair a = make_ca("a", NULL), b = make_ca("b", NULL);
	struct buf pem = BUF_INIT(MIB);
	struct certs certs = {0};
	struct err err = {0};
	buf_add_text(&pem, "# the first\n");
	cert_print_pem(a.cert, &pem);
	key_print_pem(a.key, &pem);
	cert_print_pem(b.cert, &pem);
	EXPECT_OK(certs_parse_pem(buf_str(&pem), &certs, &err), &err);
	EXPECT_INT(certs.count, 2);
	EXPECT(str_eq(cert_der(certs.items[0]), cert_der(a.cert)));
	EXPECT(str_eq(cert_der(certs.items[1]), cert_der(b.cert)));
	certs_done(&certs);
	certs_done(&certs);
	buf_done(&pem);
	pair_done(&a);
	pair_done(&b);
}

TEST(bundles_with_nothing_or_with_rubbish_are_refused)
{
	struct certs certs = {0};
	struct err err = {0};
	EXPECT(certs_parse_pem(STR(""), &certs, &err) != 0);
	EXPECT(says(&err, "no certificate"));
	EXPECT(certs_parse_pem(
		       STR("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
		       &certs, &err) != 0);
	EXPECT(says(&err, "certificate 1: malformed"));
	EXPECT(certs_parse_pem(STR("-----BEGIN CERTIFICATE-----\nMAA=\n"), &certs, &err) != 0);
	EXPECT(says(&err, "no end"));
	EXPECT(certs.items == NULL);
	err_done(&err);
}

TEST(a_bundle_has_at_most_256)
{
	struct pair a = make_ca("a", NULL);
	struct buf pem = BUF_INIT(MIB);
	struct certs certs = {0};
	for (int i = 0; i < 256; i++)
		cert_print_pem(a.cert, &pem);
	EXPECT_INT(certs_parse_pem(buf_str(&pem), &certs, NULL), 0);
	EXPECT_INT(certs.count, 256);
	certs_done(&certs);
	cert_print_pem(a.cert, &pem);
	EXPECT_INT(certs_parse_pem(buf_str(&pem), &certs, NULL), ERR_LIMIT);
	buf_done(&pem);
	pair_done(&a);
}
