/*
 * What a certificate is made of, for this folder. There is no mbedtls_x509_crt inside: we walk
 * the DER ourselves. Who must hand mbedTLS a chain (mbedtls_ssl_conf_own_cert) parses
 * cert_der() of each member with mbedtls_x509_crt_parse_der into a chain of its own.
 */
#ifndef CRYPTO_CERT_PRIVATE_H
#define CRYPTO_CERT_PRIVATE_H

#include "key_private.h"

#include <kube/arena.h>
#include <kube/x509.h>

#define CERT_DER_MAX   (64 * KIB)
#define CERT_NAMES_MAX 1000 /* SANs */
#define CERT_LABEL_MAX 280  /* of a name in an error */
#define CERTS_MAX      256

enum cert_signature {
	SIGNATURE_UNKNOWN,
	SIGNATURE_WEAK,
	SIGNATURE_ECDSA,
	SIGNATURE_RSA,
	SIGNATURE_RSA_PSS
};

/* One entry of a nameConstraints extension. */
struct cert_subtree {
	struct str dns; /* for dNSName; may be empty: every name */
	uint8_t ip[16]; /* for iPAddress */
	uint8_t mask[16];
	uint8_t ip_len; /* 4 or 16; 0: a dNSName */
};

/* What nameConstraints may be about and certificates may carry. */
enum cert_name_form { NAME_DNS = 1, NAME_IP = 2, NAME_URI = 4, NAME_EMAIL = 8, NAME_OTHER = 16 };

struct cert {
	atomic_uint refs;
	struct arena arena; /* everything info points at that is not in der */
	struct str der;     /* in the arena too */
	struct cert_info info;
	struct key *key;
	int version; /* 1 to 3 */

	struct str issuer_der;   /* the raw Name */
	struct str signed_bytes; /* the TBSCertificate */
	struct str signature;
	struct str signature_oid;
	enum cert_signature signature_kind;
	enum key_hash signature_hash;

	bool has_basic_constraints;
	bool has_san;
	unsigned name_forms;  /* enum cert_name_form: which its SAN has */
	struct str unhandled; /* OID of a critical extension that is not understood */
	const struct cert_subtree *permitted, *excluded;
	size_t permitted_count, excluded_count;
	unsigned constrained_forms; /* forms with constraints that we do not evaluate */
};

/* The extensions of a TBSCertificate (the content of the SEQUENCE). */
int cert_parse_extensions(struct cert *cert, struct str extensions, struct err *err);

/* A SEQUENCE { OID, parameters }; false: malformed. */
bool cert_read_algorithm(struct cert *cert, struct str algorithm);
/* Not parsed yet; NULL and *err when the library does not start or there is too much of it. */
struct cert *cert_new_of(struct str der, struct err *err);
/* A Name's CN (the last) and O's (all) as UTF-8, in the arena. */
int cert_parse_name(
	struct arena *arena, struct str name_der, struct cert_name *name, struct err *err);
void cert_print_name(struct str name_der, struct buf *out);      /* RFC 2253 as Go prints it */
void cert_print_label(const struct cert *cert, struct buf *out); /* how errors name it */
/* For errors and so for logs: controls as '?', cut off where it gets long. */
void cert_print_clean(struct str text, struct buf *out);

/* Is this certificate's signature by that key? */
int cert_check_signature(const struct cert *cert, struct key *key, struct err *err);
/* May `names` stand below `ca`, as far as ca's name constraints go? */
int cert_check_constraints(const struct cert *ca, const struct cert *names, struct err *err);

/* ---- writing: parts that certificates and requests share ---- */
int cert_check_names(const struct cert_request *r, struct err *err);
void cert_add_name(struct buf *out, const struct cert_name *name);
void cert_add_algorithm(struct buf *out, const struct key *issuer_key);
void cert_add_alternative_names(struct buf *out, const struct cert_request *r);

#endif
