/* Certificates that openssl made, good, odd and bad, before our eyes. */
#include "openssl.h"

static struct bench bench;

/* All certificates here are made now and live 30 days; the moment in between is theirs. */
static int64_t now(void)
{
	return clock_wall() + HOUR;
}

#define EC "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

/* A self-signed root and an issuing function in shell: issue NAME ISSUER EXTENSIONS. */
static void make_shop(void)
{
	bench_init(&bench);
	put(&bench, "issue",
		STR("name=$1 issuer=$2; shift 2\n"
		    "curve='ec -pkeyopt ec_paramgen_curve:prime256v1'\n"
		    "case $KEY in\n" /* RSA keys take their time: one of a size is enough */
		    "rsa:*) [ -f $KEY ] || openssl genrsa -out $KEY ${KEY#rsa:} 2>/dev/null\n"
		    "       cp $KEY $name.key; with=\"-key $name.key\";;\n"
		    "*)     with=\"-newkey ${KEY:-$curve} -nodes -keyout $name.key\";;\n"
		    "esac\n"
		    "openssl req -utf8 -new $with -subj \"${SUBJECT:-/CN=$name}\" -out $name.csr "
		    "2>/dev/null &&\n"
		    "printf '%b' \"$*\" > $name.ext &&\n"
		    "openssl x509 -req -in $name.csr -days 30 -CA $issuer.pem -CAkey $issuer.key "
		    "-CAcreateserial -extfile $name.ext -out $name.pem ${HASH:--sha256} $EXTRA\n"));
	EXPECT_RUN(&bench, "openssl req -x509 " EC " -keyout root.key -out root.pem -subj /CN=root "
			   "-days 30 -addext keyUsage=critical,keyCertSign");
}

#define CA_EXT   "basicConstraints=critical,CA:TRUE\\n"
#define LEAF_EXT "subjectAltName=DNS:example.com,IP:10.0.0.1\\n"

static int verify(const char *chain, const char *host, unsigned usage, struct err *err)
{
	struct certs given = get_certs(&bench, chain), roots = get_certs(&bench, "root.pem");
	struct cert_check check = {&roots, now(), usage, str_from(host)};
	int rc = cert_verify(&given, &check, err);
	certs_done(&given);
	certs_done(&roots);
	return rc;
}

static void expect_valid(const char *chain)
{
	struct err err = {0};
	EXPECT_OK(verify(chain, "example.com", CERT_SERVER, &err), &err);
	err_done(&err);
}

static void expect_refused(const char *chain, const char *why)
{
	struct err err = {0};
	test_context("%s", chain);
	EXPECT_INT(verify(chain, "example.com", CERT_SERVER, &err), ERR_CERTIFICATE);
	EXPECT(says(&err, why));
	test_context_end();
	err_done(&err);
}

TEST(chains_of_openssl_verify)
{
	make_shop();
	EXPECT_RUN(&bench, "sh issue middle root '" CA_EXT "subjectKeyIdentifier=hash\\n'");
	EXPECT_RUN(&bench, "sh issue leaf middle '" LEAF_EXT
			   "extendedKeyUsage=serverAuth\\nauthorityKeyIdentifier=keyid,issuer\\n'");
	EXPECT_RUN(&bench, "cat leaf.pem middle.pem > chain.pem");
	expect_valid("chain.pem");
	expect_refused("leaf.pem", "unknown authority (issuer \"CN=middle\")");
	struct err err = {0};
	EXPECT(verify("chain.pem", "10.0.0.1", CERT_SERVER, &err) == 0);
	EXPECT(verify("chain.pem", "example.com", CERT_CLIENT, &err) != 0);
	EXPECT(says(&err, "incompatible key usage"));
	err_done(&err);
	bench_done(&bench);
}

TEST(every_good_signature_algorithm_verifies)
{
	static const char *const keys[][3] = {
		/* the issuer's key, hash, extra arguments */
		{"rsa:2048", "-sha256", ""},
		{"rsa:2048", "-sha384", ""},
		{"rsa:2048", "-sha512", ""},
		{"rsa:2048", "-sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"},
		{"rsa:2048", "-sha512", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64"},
		{"rsa:1024", "-sha256", ""},
		{"ec -pkeyopt ec_paramgen_curve:secp384r1", "-sha384", ""},
		{"ec -pkeyopt ec_paramgen_curve:secp521r1", "-sha512", ""},
		{"ec -pkeyopt ec_paramgen_curve:prime256v1", "-sha384", ""},
		{"ec -pkeyopt ec_paramgen_curve:secp384r1", "-sha256", ""},
	};
	make_shop();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		test_context("%s %s %s", keys[i][0], keys[i][1], keys[i][2]);
		EXPECT_RUN(&bench, "KEY='%s' sh issue middle root '" CA_EXT "'", keys[i][0]);
		EXPECT_RUN(&bench, "HASH=%s EXTRA='%s' sh issue leaf middle '" LEAF_EXT "'",
			keys[i][1], keys[i][2]);
		EXPECT_RUN(&bench, "cat leaf.pem middle.pem > chain.pem");
		expect_valid("chain.pem");
	}
	bench_done(&bench);
}

TEST(weak_and_unknown_signatures_are_refused)
{
	static const struct {
		const char *key, *hash, *extra, *why;
	} cases[] = {
		{"rsa:2048", "-sha1", "", "insecure algorithm (1.2.840.113549.1.1.5"},
		{"rsa:2048", "-md5", "", "insecure algorithm (1.2.840.113549.1.1.4"},
		{"ec -pkeyopt ec_paramgen_curve:prime256v1", "-sha1", "", "insecure algorithm"},
		{"rsa:2048", "-sha224", "", "not supported (1.2.840.113549.1.1.14)"},
		{"rsa:2048", "-sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
			"not supported (1.2.840.113549.1.1.10)"},
		{"rsa:512", "-sha256", "", "the issuer's key is too weak"},
		{"ed25519", "", "", "not supported (1.3.101.112)"},
		{"ec -pkeyopt ec_paramgen_curve:secp256k1", "-sha256", "", "not supported"},
	};
	make_shop();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		EXPECT_RUN(&bench, "KEY='%s' sh issue middle root '" CA_EXT "'", cases[i].key);
		EXPECT_RUN(&bench, "HASH='%s ' EXTRA='%s' sh issue leaf middle '" LEAF_EXT "'",
			cases[i].hash, cases[i].extra);
		EXPECT_RUN(&bench, "cat leaf.pem middle.pem > chain.pem");
		expect_refused("chain.pem", cases[i].why);
	}
	bench_done(&bench);
}

TEST(exotic_keys_are_held_but_verify_nothing)
{
	make_shop();
	EXPECT_RUN(&bench, "KEY=ed25519 sh issue leaf root '" LEAF_EXT "'");
	expect_valid("leaf.pem"); /* its signature is the root's */
	struct certs certs = get_certs(&bench, "leaf.pem");
	REQUIRE(certs.count == 1);
	struct key *key = cert_key(certs.items[0]);
	EXPECT_INT(key_kind(key), KEY_OTHER);
	EXPECT(!key_is_private(key));
	EXPECT_INT(key_verify(key, KEY_SHA256, STR("01234567890123456789012345678901"), STR("x"),
			   NULL),
		ERR_UNSUPPORTED);
	certs_done(&certs);
	bench_done(&bench);
}

TEST(a_pss_signature_is_not_tried_with_an_ec_key)
{
	make_shop();
	EXPECT_RUN(&bench,
		"KEY=rsa:2048 sh issue middle root '" CA_EXT "' && "
		"EXTRA='-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32' "
		"sh issue leaf middle '" LEAF_EXT "' && "
		"openssl req -x509 " EC " -keyout root.key -out root.pem -subj /CN=middle "
		"-days 30");
	expect_refused("leaf.pem", "an RSA-PSS signature, but not an RSA key");
	bench_done(&bench);
}

TEST(an_issuer_without_the_right_to_sign_is_not_issued_with)
{
	make_shop();
	EXPECT_RUN(&bench, "sh issue nosign root '" CA_EXT "keyUsage=digitalSignature\\n'");
	struct certs certs = get_certs(&bench, "nosign.pem");
	struct buf pem = get(&bench, "nosign.key");
	struct cert_request r = leaf_request("x", NULL);
	struct key *key = NULL;
	struct cert *none = NULL;
	struct err err = {0};
	REQUIRE(certs.count == 1);
	REQUIRE_OK(key_parse(buf_str(&pem), &key, &err), &err);
	EXPECT(cert_issue(&r, key, certs.items[0], key, &none, &err) != 0);
	EXPECT(says(&err, "may not sign certificates"));
	key_unref(key);
	certs_done(&certs);
	buf_done(&pem);
	err_done(&err);
	bench_done(&bench);
}

TEST(authorities_that_may_not_sign_are_refused)
{
	make_shop();
	EXPECT_RUN(&bench,
		"sh issue notca root 'basicConstraints=CA:FALSE\\n' && "
		"sh issue plain root 'subjectKeyIdentifier=hash\\n' && "
		"sh issue nosign root '" CA_EXT "keyUsage=digitalSignature\\n' && "
		"sh issue odd root '" CA_EXT "1.2.3.4=critical,DER:0500\\n' && "
		"for i in notca plain nosign odd; do"
		" sh issue leaf $i '" LEAF_EXT "' && cat leaf.pem $i.pem > $i.chain; done");
	expect_refused("notca.chain", "\"notca\" is not a certificate authority");
	expect_refused("plain.chain", "\"plain\" is not a certificate authority");
	expect_refused("nosign.chain", "\"nosign\" may not sign certificates (key usage)");
	expect_refused("odd.chain", "\"odd\" has a critical extension that is not understood "
				    "(1.2.3.4)");
	EXPECT_RUN(&bench, "sh issue leaf root '" LEAF_EXT "1.2.3.4=critical,DER:0500\\n'");
	expect_refused("leaf.pem", "\"leaf\" has a critical extension");
	bench_done(&bench);
}

TEST(name_constraints_bind)
{
	static const struct {
		const char *constraints, *names;
		bool valid;
	} cases[] = {
		{"permitted;DNS:example.com", "DNS:example.com", true},
		{"permitted;DNS:example.com", "DNS:example.com,DNS:a.example.com", true},
		{"permitted;DNS:example.com", "DNS:example.com,DNS:example.org", false},
		{"excluded;DNS:example.org", "DNS:example.com", true},
		{"excluded;DNS:bad.example.com", "DNS:example.com,DNS:*.example.com", false},
		{"permitted;IP:10.0.0.0/255.0.0.0", "DNS:example.com,IP:10.1.2.3", true},
		{"permitted;IP:10.0.0.0/255.0.0.0", "DNS:example.com,IP:11.1.2.3", false},
		{"excluded;IP:10.0.0.0/255.0.0.0", "DNS:example.com,IP:10.1.2.3", false},
		{"permitted;email:example.com", "DNS:example.com", true},
		{"permitted;email:example.com", "DNS:example.com,email:a@example.org", false},
		{"permitted;URI:example.com", "DNS:example.com,URI:spiffe://other/x", false},
		{"permitted;dirName:dn", "DNS:example.com", false},
	};
	make_shop();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		test_context("%s for %s", cases[i].constraints, cases[i].names);
		EXPECT_RUN(&bench,
			"sh issue middle root '" CA_EXT
			"nameConstraints=critical,%s\\n[dn]\\nCN=x\\n'",
			cases[i].constraints);
		EXPECT_RUN(&bench, "sh issue leaf middle 'subjectAltName=%s\\n'", cases[i].names);
		EXPECT_RUN(&bench, "cat leaf.pem middle.pem > chain.pem");
		int rc = verify("chain.pem", "example.com", CERT_SERVER, &err);
		if (cases[i].valid)
			EXPECT_OK(rc, &err);
		else
			EXPECT_INT(rc, ERR_CERTIFICATE);
		err_done(&err);
	}
	bench_done(&bench);
}

TEST(old_roots_of_version_1_are_trusted_and_intermediates_are_not)
{
	make_shop();
	/* From 3.4 on version 1 has to be asked for; before, no extensions meant version 1. */
	EXPECT_RUN(&bench,
		"openssl req -x509v1 " EC
		" -keyout root.key -subj /CN=old -days 30 -out root.pem ||"
		"{ openssl req -new " EC " -keyout root.key -subj /CN=old -out old.csr && "
		"openssl x509 -req -in old.csr -signkey root.key -days 30 -out root.pem; }");
	EXPECT_RUN(&bench, "sh issue leaf root '" LEAF_EXT "'");
	expect_valid("leaf.pem");
	EXPECT_RUN(&bench, "sh issue middle root ''");
	EXPECT_RUN(&bench, "sh issue leaf middle '" LEAF_EXT "'");
	EXPECT_RUN(&bench, "cat leaf.pem middle.pem > chain.pem");
	expect_refused("chain.pem", "not a certificate authority");
	bench_done(&bench);
}

TEST(subjects_of_every_sort_are_read)
{
	make_shop();
	EXPECT_RUN(&bench, "SUBJECT='/C=DE/O=a/OU=u/O=b c/L=Köln/CN=x, y/serialNumber=7' "
			   "sh issue leaf root '" LEAF_EXT "'");
	struct certs certs = get_certs(&bench, "leaf.pem");
	REQUIRE(certs.count == 1);
	const struct cert_info *info = cert_info(certs.items[0]);
	struct buf subject = BUF_INIT(4096);
	cert_print_subject(certs.items[0], &subject);
	EXPECT_STR(buf_str(&subject), "SERIALNUMBER=7,CN=x\\, y,L=Köln,OU=u,O=a+O=b c,C=DE");
	EXPECT_STR(info->subject.common_name, "x, y");
	EXPECT_INT(info->subject.organization_count, 2);
	EXPECT_STR(info->subject.organizations[0], "a");
	EXPECT_STR(info->subject.organizations[1], "b c");
	buf_done(&subject);
	certs_done(&certs);
	bench_done(&bench);
}

TEST(the_machines_own_bundle_is_read_where_there_is_one)
{
	FILE *f = fopen("/etc/ssl/certs/ca-certificates.crt", "rb");
	if (!f)
		return; /* the package ca-certificates is not among those we need */
	struct buf pem = BUF_INIT(MIB);
	struct err err = {0};
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_add(&pem, piece, n);
	fclose(f);
	struct certs certs = {0};
	EXPECT_OK(certs_parse_pem(buf_str(&pem), &certs, &err), &err);
	EXPECT(certs.count > 20);
	/* Each is its own root. */
	for (size_t i = 0; i < certs.count; i++) {
		struct certs one = {&certs.items[i], 1};
		const struct cert_info *info = cert_info(certs.items[i]);
		struct cert_check check = {&certs, info->not_before, 0, {0}};
		EXPECT_OK(cert_verify(&one, &check, &err), &err);
	}
	certs_done(&certs);
	buf_done(&pem);
	err_done(&err);
}
