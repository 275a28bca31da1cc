/*
 * Certificates: reading, issuing, verifying. A `struct cert` is immutable and reference-counted.
 * Time is a parameter (wall-clock ns): nothing here reads a clock.
 */
#ifndef KUBE_X509_H
#define KUBE_X509_H

#include <kube/ip.h>
#include <kube/key.h>
#include <kube/time.h>

struct cert;

struct cert_name { /* what Kubernetes uses of a subject */
	struct str common_name;
	const struct str *organizations;
	size_t organization_count;
	struct str uid;   /* read only: it is not issued */
	size_t uid_count; /* more than one is a mistake */
};

/* EKU bits. Of what is read only the first two are told. */
enum cert_usage {
	CERT_SERVER = 1 << 0,
	CERT_CLIENT = 1 << 1,
	CERT_CODE_SIGNING = 1 << 2,
	CERT_EMAIL = 1 << 3,
	CERT_IPSEC_END_SYSTEM = 1 << 4,
	CERT_IPSEC_TUNNEL = 1 << 5,
	CERT_IPSEC_USER = 1 << 6,
	CERT_TIME_STAMPING = 1 << 7,
	CERT_OCSP_SIGNING = 1 << 8,
	CERT_MICROSOFT_SGC = 1 << 9,
	CERT_NETSCAPE_SGC = 1 << 10,
	CERT_ANY_USAGE = 1 << 11,
};

/* Bit n of RFC 5280's KeyUsage is 1 << n. */
enum cert_key_usage {
	CERT_DIGITAL_SIGNATURE = 1 << 0,
	CERT_CONTENT_COMMITMENT = 1 << 1,
	CERT_KEY_ENCIPHERMENT = 1 << 2,
	CERT_DATA_ENCIPHERMENT = 1 << 3,
	CERT_KEY_AGREEMENT = 1 << 4,
	CERT_SIGN_CERTIFICATES = 1 << 5,
	CERT_SIGN_REVOCATIONS = 1 << 6,
	CERT_ENCIPHER_ONLY = 1 << 7,
	CERT_DECIPHER_ONLY = 1 << 8,
};

/* Views into the certificate, valid as long as it. */
struct cert_info {
	struct cert_name subject, issuer;
	int64_t not_before, not_after; /* beyond what an int64 can hold (2262): INT64_MAX */
	struct str serial;             /* big-endian bytes */
	bool is_ca;
	int path_length;    /* -1: no limit */
	unsigned key_usage; /* enum cert_key_usage and the other bits, 0 when absent */
	unsigned extended;  /* enum cert_usage bits; anyEKU sets both */
	bool has_extended;
	const struct str *dns;
	size_t dns_count;
	const struct ip *ips;
	size_t ip_count;
	const struct str *uris;
	size_t uri_count;
	const struct str *emails;
	size_t email_count;
	struct str subject_key_id, authority_key_id;
	struct str subject_der; /* the raw Name */
};

int cert_parse_der(struct str der, struct cert **cert, struct err *err);
/* All CERTIFICATE blocks of a PEM text, at least one, at most 256. Freed by certs_done. */
struct certs {
	struct cert **items;
	size_t count;
};
int certs_parse_pem(struct str pem, struct certs *certs, struct err *err);
void certs_done(struct certs *certs);

struct cert *cert_ref(struct cert *cert);
void cert_unref(struct cert *cert);
const struct cert_info *cert_info(const struct cert *cert);
struct str cert_der(const struct cert *cert);
void cert_print_pem(const struct cert *cert, struct buf *out);
/* Public key, borrowed, never NULL. One of an algorithm we do not know verifies nothing. */
struct key *cert_key(const struct cert *cert);
/* The whole subject as text, "CN=x,O=y" (RFC 2253 order as Go prints it). */
void cert_print_subject(const struct cert *cert, struct buf *out);

/* ---- requests (PKCS#10) ---- */
/*
 * Somebody's wish for a certificate, read as one: subject, key, alternative names and usages stand
 * in its cert_info; issuer, dates and serial are empty. It certifies nothing and verifies nothing.
 * ERR_SYNTAX; what is no sequence at all is refused in Go's words.
 */
int csr_parse_der(struct str der, struct cert **csr, struct err *err);
/* The same of the first block of a PEM text, which must be a request. */
int csr_parse_pem(struct str pem, struct cert **csr, struct err *err);
/* One of our own, as DER: subject and alternative names count. Slow for RSA: call it from work. */
struct cert_request;
int csr_make(const struct cert_request *request, struct key *key, struct buf *der, struct err *err);
/* Is it signed by the key it names? */
int csr_check_signature(const struct cert *csr, struct err *err);

/* ---- issuing ---- */
struct cert_request {
	struct cert_name subject;
	int64_t now;      /* NotBefore is an hour earlier */
	int64_t lifetime; /* from now */
	bool is_ca;
	int path_length; /* -1: no limit */
	unsigned usages; /* enum cert_usage bits */
	const struct str *dns;
	size_t dns_count;
	const struct ip *ips;
	size_t ip_count;
	const struct str *uris, *emails;
	size_t uri_count, email_count;
	struct str serial; /* empty: 16 random bytes */
	/* of somebody's request, when asked is set: key_usage as it stands (0: not said) */
	bool asked;
	unsigned key_usage;     /* enum cert_key_usage bits */
	struct str subject_der; /* instead of `subject` */
	int64_t backdate;       /* instead of an hour */
};
/* issuer == NULL: self-signed with issuer_key, which is then also the subject's key. */
int cert_issue(const struct cert_request *request, struct key *subject_key, struct cert *issuer,
	struct key *issuer_key, struct cert **cert, struct err *err);

/* ---- verifying ---- */
struct cert_check {
	const struct certs *roots;
	int64_t now;
	unsigned usage;  /* the EKU bit wanted, 0: any */
	struct str host; /* DNS name or IP literal the leaf must be for; empty: not checked */
};
/*
 * chain[0] is the leaf, the rest intermediates in any order. The errors name certificate, name
 * and date: `certificate "kube-apiserver" expired on 2026-01-02T15:04:05Z (it is now …)`,
 * `certificate is valid for kubernetes, 10.43.0.1, not example.com`,
 * `certificate signed by unknown authority (issuer "CN=…")`.
 */
int cert_verify(const struct certs *chain, const struct cert_check *check, struct err *err);
/* Go's rules: wildcards only as the whole left-most label; an IP matches only IP SANs. */
int cert_matches_host(const struct cert *cert, struct str host, struct err *err);

#endif
