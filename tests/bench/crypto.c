/* Figures of keys and certificates: `name value unit` a line. */
#include <kube/mem.h>
#include <kube/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define ENOUGH (SEC / 2)

static struct key *ec, *leaf_key, *rsa;
static struct cert *ca, *leaf;
static struct buf sig;
static const struct str name = STR_INIT("kube-apiserver");
static const struct str digest = STR_INIT("0123456789abcdef0123456789abcdef");

static void must(int rc)
{
	if (rc)
		abort();
}

static void sign(struct key *key)
{
	buf_clear(&sig);
	must(key_sign(key, KEY_SHA256, digest, &sig, NULL));
}

static void ecdsa_sign(void)
{
	sign(ec);
}

static void rsa_sign(void)
{
	sign(rsa);
}

static void verify(void)
{
	must(key_verify(ec, KEY_SHA256, digest, buf_str(&sig), NULL));
}

static struct cert *issue(bool is_ca, struct key *key, struct cert *issuer, struct key *by)
{
	struct cert *cert = NULL;
	struct cert_request r = {
		.subject.common_name = is_ca ? STR("kubernetes") : name,
		.now = clock_wall(),
		.lifetime = 365 * 24 * HOUR,
		.is_ca = is_ca,
		.path_length = -1,
		.usages = is_ca ? 0 : CERT_SERVER,
		.dns = &name,
		.dns_count = 1,
	};
	must(cert_issue(&r, key, issuer, by, &cert, NULL));
	return cert;
}

static void issue_leaf(void)
{
	cert_unref(issue(false, leaf_key, ca, ec));
}

static void generate(void)
{
	struct key *key = NULL;
	must(key_generate(KEY_ECDSA_P256, &key, NULL));
	key_unref(key);
}

static void parse_and_verify(void)
{
	struct cert *fresh = NULL;
	must(cert_parse_der(cert_der(leaf), &fresh, NULL));
	struct certs chain = {&fresh, 1}, roots = {&ca, 1};
	struct cert_check check = {&roots, clock_wall(), CERT_SERVER, name};
	must(cert_verify(&chain, &check, NULL));
	cert_unref(fresh);
}

/* What a first start waits for: two keys, two certificates. */
static void ca_and_server(void)
{
	struct key *ca_key = NULL, *key = NULL;
	must(key_generate(KEY_ECDSA_P256, &ca_key, NULL));
	must(key_generate(KEY_ECDSA_P256, &key, NULL));
	struct cert *root = issue(true, ca_key, NULL, ca_key);
	cert_unref(issue(false, key, root, ca_key));
	cert_unref(root);
	key_unref(key);
	key_unref(ca_key);
}

static double per_second(void (*once)(void))
{
	int64_t from = clock_mono(), took;
	int rounds = 0;
	do {
		once();
		rounds++;
		took = clock_mono() - from;
	} while (took < ENOUGH);
	return (double)rounds * (double)SEC / (double)took;
}

int main(void)
{
	buf_init(&sig, 4 * KIB);
	must(key_generate(KEY_ECDSA_P256, &ec, NULL));
	must(key_generate(KEY_RSA_2048, &rsa, NULL));
	ca = issue(true, ec, NULL, ec);
	must(key_generate(KEY_ECDSA_P256, &leaf_key, NULL));
	leaf = issue(false, leaf_key, ca, ec);
	printf("ecdsa_generate_per_s %.0f keys/s\n", per_second(generate));
	printf("ecdsa_sign_per_s %.0f signatures/s\n", per_second(ecdsa_sign));
	printf("ecdsa_verify_per_s %.0f signatures/s\n", per_second(verify));
	printf("rsa2048_sign_per_s %.0f signatures/s\n", per_second(rsa_sign));
	printf("issue_per_s %.0f certificates/s\n", per_second(issue_leaf));
	printf("cert_parse_and_verify_per_s %.0f certificates/s\n", per_second(parse_and_verify));
	printf("ca_and_server_cert_ms %.2f ms\n", 1000.0 / per_second(ca_and_server));
	cert_unref(leaf);
	cert_unref(ca);
	key_unref(ec);
	key_unref(leaf_key);
	key_unref(rsa);
	buf_done(&sig);
	return 0;
}
