/* Keys from PEM and DER. */
#include "der_read.h"
#include "key_private.h"

#include <kube/mem.h>

/* One SEQUENCE from the first to the last byte: mbedTLS itself forgives a tail. */
static int check_outer(struct str der, struct err *err)
{
	struct str inside;
	if (der.len > KEY_DER_MAX)
		return err_set(err, ERR_TOO_LARGE, "key of %zu bytes", der.len);
	if (!der_take(&der, DER_SEQUENCE, &inside) || der.len)
		return err_set(err, ERR_SYNTAX, "malformed key: not one DER sequence");
	return 0;
}

static int parse_private(struct str der, struct key **key, struct err *err)
{
	int rc = check_outer(der, err);
	if (rc)
		return rc;
	mbedtls_pk_context pk;
	mbedtls_pk_init(&pk);
	rc = mbed_pk_parse_private(&pk, der);
	if (rc) {
		mbedtls_pk_free(&pk);
		return mbed_err(err, ERR_SYNTAX, rc, "malformed private key");
	}
	return key_adopt(&pk, true, key, err);
}

static int parse_public(struct str der, struct key **key, struct err *err)
{
	int rc = check_outer(der, err);
	if (rc)
		return rc;
	mbedtls_pk_context pk;
	mbedtls_pk_init(&pk);
	rc = mbedtls_pk_parse_public_key(&pk, (const unsigned char *)der.at, der.len);
	if (rc) {
		mbedtls_pk_free(&pk);
		return mbed_err(err, ERR_SYNTAX, rc, "malformed public key");
	}
	return key_adopt(&pk, false, key, err);
}

static struct key *unknown_key(struct str spki)
{
	struct key *key = mem_new(sizeof(*key));
	atomic_init(&key->refs, 1);
	key->kind = KEY_OTHER;
	mbedtls_pk_init(&key->pk);
	key->spki = mem_copy(spki.at, spki.len);
	key->spki_len = spki.len;
	return key;
}

int key_parse_spki(struct str spki, struct key **key, struct err *err)
{
	struct err why = {0};
	int rc = check_outer(spki, err);
	if (rc)
		return rc;
	mbedtls_pk_context pk;
	mbedtls_pk_init(&pk);
	unsigned char *at = (unsigned char *)spki.at; /* read only, whatever the type says */
	rc = mbedtls_pk_parse_subpubkey(&at, at + spki.len, &pk);
	if (rc == 0)
		rc = key_adopt(&pk, false, key, &why);
	else
		mbedtls_pk_free(&pk);
	/* Roots of trust come in bundles; one with an exotic key must not spoil the others. */
	if (rc == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG || rc == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE ||
		rc == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE || rc == ERR_UNSUPPORTED) {
		err_done(&why);
		*key = unknown_key(spki);
		return 0;
	}
	if (why.code)
		return err_move(err, &why);
	return rc ? mbed_err(err, ERR_SYNTAX, rc, "malformed public key") : 0;
}

static bool is_private_label(struct str label)
{
	return str_eq(label, STR("PRIVATE KEY")) || str_eq(label, STR("EC PRIVATE KEY")) ||
	       str_eq(label, STR("RSA PRIVATE KEY"));
}

static bool is_public_label(struct str label)
{
	return str_eq(label, STR("PUBLIC KEY")) || str_eq(label, STR("RSA PUBLIC KEY"));
}

/*
 * The first key of the text. Other blocks are passed over: openssl writes EC PARAMETERS before an
 * EC key, and people keep certificate and key in one file.
 */
static int parse_pem(struct str text, struct key **key, struct err *err)
{
	struct pem_block block;
	struct err why = {0};
	while (pem_next(&text, &block, &why)) {
		struct str label = block.label, der = buf_str(&block.der);
		int rc = 1;
		if (is_private_label(label))
			rc = parse_private(der, key, err);
		else if (is_public_label(label))
			rc = parse_public(der, key, err);
		else if (str_eq(label, STR("ENCRYPTED PRIVATE KEY")))
			rc = err_set(err, ERR_UNSUPPORTED, "encrypted keys are not supported");
		pem_block_done(&block);
		if (rc <= 0)
			return rc;
	}
	if (why.code)
		return err_move(err, &why);
	return err_set(err, ERR_SYNTAX, "there is no key in the PEM text");
}

int key_parse(struct str text, struct key **key, struct err *err)
{
	if (mbed_start())
		return err_set(err, ERR_INTERNAL, "mbedTLS does not start");
	if (str_find(text, STR("-----BEGIN ")) >= 0)
		return parse_pem(text, key, err);
	if (text.len == 0)
		return err_set(err, ERR_SYNTAX, "an empty text is no key");
	if (text.at[0] != DER_SEQUENCE)
		return err_set(err, ERR_SYNTAX, "neither a PEM nor a DER key");
	struct err as_private = {0};
	int rc = parse_private(text, key, &as_private);
	if (rc && parse_public(text, key, NULL) == 0)
		rc = 0;
	return rc ? err_move(err, &as_private) : (err_done(&as_private), 0);
}
