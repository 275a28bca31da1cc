/* What we issue, before openssl's eyes. */
#include "openssl.h"

static struct bench bench;
static const struct str dns_names[] = {STR_INIT("kubernetes"), STR_INIT("*.example.com")};

static struct pair issue_rsa(const struct cert_request *r)
{
	struct pair p = {0};
	struct err err = {0};
	must(key_generate(KEY_RSA_2048, &p.key, &err), &err);
	must(cert_issue(r, p.key, NULL, p.key, &p.cert, &err), &err);
	return p;
}

/* Everything openssl can check of a leaf under a CA under a root. */
static void expect_accepted(const struct pair *root)
{
	struct cert_request r = ca_request("middle");
	struct str orgs[] = {STR("system:masters"), STR("zwölf & Söhne")};
	struct ip ips[] = {ip_v4(10, 43, 0, 1), {0}};
	ip_parse(STR("fd00::1"), &ips[1]);
	r.path_length = 0;
	struct pair middle = make(&r, root);
	r = leaf_request("kube-apiserver", dns_names);
	r.dns_count = 2;
	r.ips = ips;
	r.ip_count = 2;
	r.subject.organizations = orgs;
	r.subject.organization_count = 2;
	struct pair leaf = make(&r, &middle);
	put_cert(&bench, "root.pem", root->cert);
	put_cert(&bench, "middle.pem", middle.cert);
	put_cert(&bench, "leaf.pem", leaf.cert);
	put_key(&bench, "leaf.key", leaf.key);

	static const char verify[] = "openssl verify -x509_strict -attime 1767366245 -CAfile "
				     "root.pem -untrusted middle.pem";
	EXPECT_RUN(&bench, "%s leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -purpose sslserver leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -purpose sslclient leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -verify_hostname kubernetes leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -verify_hostname a.example.com leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -verify_ip 10.43.0.1 leaf.pem", verify);
	EXPECT_RUN(&bench, "%s -verify_ip fd00::1 leaf.pem", verify);
	EXPECT(run(&bench, "%s -verify_hostname other leaf.pem", verify) != 0);
	EXPECT(run(&bench, "%s -verify_ip 10.43.0.2 leaf.pem", verify) != 0);
	EXPECT_RUN(&bench, "openssl x509 -in leaf.pem -pubkey -noout > a && "
			   "openssl pkey -in leaf.key -pubout > b && cmp a b");
	pair_done(&leaf);
	pair_done(&middle);
}

TEST(openssl_accepts_what_ecdsa_authorities_issue)
{
	bench_init(&bench);
	struct pair root = make_ca("kubernetes", NULL);
	expect_accepted(&root);
	pair_done(&root);
	bench_done(&bench);
}

TEST(openssl_accepts_what_rsa_authorities_issue)
{
	bench_init(&bench);
	struct cert_request r = ca_request("kubernetes");
	struct pair root = issue_rsa(&r);
	expect_accepted(&root);
	pair_done(&root);
	bench_done(&bench);
}

TEST(openssl_reads_the_same_fields)
{
	bench_init(&bench);
	struct str orgs[] = {STR("system:masters"), STR("b")};
	struct ip ip = ip_v4(10, 43, 0, 1);
	struct pair root = make_ca("kubernetes", NULL);
	struct cert_request r = leaf_request("admin", dns_names);
	r.subject.organizations = orgs;
	r.subject.organization_count = 2;
	r.ips = &ip;
	r.ip_count = 1;
	r.serial = STR("\xab\xcd");
	struct pair leaf = make(&r, &root);
	put_cert(&bench, "root.pem", root.cert);
	put_cert(&bench, "leaf.pem", leaf.cert);
	EXPECT_RUN(&bench, "openssl x509 -in leaf.pem -noout -text -nameopt RFC2253");
	EXPECT(said(&bench, "Version: 3 (0x2)"));
	EXPECT(said(&bench, "Serial Number: 43981 (0xabcd)"));
	EXPECT(said(&bench, "Signature Algorithm: ecdsa-with-SHA256"));
	EXPECT(said(&bench, "Issuer: CN=kubernetes"));
	EXPECT(said(&bench, "Subject: CN=admin,O=system:masters+O=b") ||
		said(&bench, "Subject: CN=admin,O=b+O=system:masters"));
	EXPECT(said(&bench, "Not Before: Jan  2 14:04:05 2026 GMT"));
	EXPECT(said(&bench, "Not After : Jan  2 15:04:05 2027 GMT"));
	EXPECT(said(&bench, "X509v3 Key Usage: critical\n                Digital Signature, Key "
			    "Encipherment\n"));
	EXPECT(said(&bench, "TLS Web Server Authentication, TLS Web Client Authentication"));
	EXPECT(said(&bench, "X509v3 Basic Constraints: critical\n                CA:FALSE\n"));
	EXPECT(said(&bench, "DNS:kubernetes, IP Address:10.43.0.1"));
	EXPECT_RUN(&bench, "openssl x509 -in root.pem -noout -text");
	EXPECT(said(&bench, "Digital Signature, Key Encipherment, Certificate Sign"));
	EXPECT(said(&bench, "X509v3 Basic Constraints: critical\n                CA:TRUE\n"));
	pair_done(&leaf);
	pair_done(&root);
	bench_done(&bench);
}

TEST(a_subject_of_nothing_makes_its_names_critical)
{
	bench_init(&bench);
	struct pair root = make_ca("kubernetes", NULL);
	struct cert_request r = leaf_request("", dns_names);
	struct pair leaf = make(&r, &root);
	put_cert(&bench, "leaf.pem", leaf.cert);
	EXPECT_RUN(&bench, "openssl x509 -in leaf.pem -noout -text");
	EXPECT(said(&bench, "X509v3 Subject Alternative Name: critical"));
	pair_done(&leaf);
	pair_done(&root);
	bench_done(&bench);
}

TEST(dates_after_2049_are_read_by_openssl)
{
	bench_init(&bench);
	struct cert_request r = ca_request("far");
	r.lifetime = 100 * 365 * DAY;
	struct pair root = make(&r, NULL);
	put_cert(&bench, "root.pem", root.cert);
	EXPECT_RUN(&bench, "openssl x509 -in root.pem -noout -enddate");
	EXPECT(said(&bench, "notAfter=Dec  9 15:04:05 2125 GMT"));
	EXPECT_RUN(&bench, "openssl verify -x509_strict -attime 4102444800 -CAfile root.pem "
			   "root.pem");
	pair_done(&root);
	bench_done(&bench);
}
