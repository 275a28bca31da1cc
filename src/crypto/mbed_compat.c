#include "mbed_compat.h"

#include "rng.h"

#include <mbedtls/error.h>
#include <pthread.h>
#include <stdio.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static int start_result;

static void start(void)
{
#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_PSA_CRYPTO_C)
	start_result = psa_crypto_init() == PSA_SUCCESS ? 0 : -1;
#endif
}

int mbed_start(void)
{
	pthread_once(&start_once, start);
	return start_result;
}

int mbed_pk_parse_private(mbedtls_pk_context *pk, struct str der)
{
	const unsigned char *at = (const unsigned char *)der.at;
#if MBEDTLS_VERSION_MAJOR >= 3
	return mbedtls_pk_parse_key(pk, at, der.len, NULL, 0, rng_mbed, NULL);
#else
	return mbedtls_pk_parse_key(pk, at, der.len, NULL, 0);
#endif
}

int mbed_pk_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, struct str digest,
	unsigned char *sig, size_t room, size_t *len)
{
	const unsigned char *at = (const unsigned char *)digest.at;
#if MBEDTLS_VERSION_MAJOR >= 3
	return mbedtls_pk_sign(pk, md, at, digest.len, sig, room, len, rng_mbed, NULL);
#else
	if (room < mbedtls_pk_get_len(pk))
		return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
	return mbedtls_pk_sign(pk, md, at, digest.len, sig, len, rng_mbed, NULL);
#endif
}

/* 2.28 forgot the const; it does not write to the key. */
int mbed_pk_write_private(const mbedtls_pk_context *pk, unsigned char *room, size_t size)
{
	return mbedtls_pk_write_key_der((mbedtls_pk_context *)pk, room, size);
}

int mbed_pk_write_public(const mbedtls_pk_context *pk, unsigned char *room, size_t size)
{
	return mbedtls_pk_write_pubkey_der((mbedtls_pk_context *)pk, room, size);
}

static struct shared_group {
	mbedtls_ecp_group_id id;
	pthread_once_t once;
	mbedtls_ecp_group group;
} groups[] = {
	{.id = MBEDTLS_ECP_DP_SECP256R1, .once = PTHREAD_ONCE_INIT},
	{.id = MBEDTLS_ECP_DP_SECP384R1, .once = PTHREAD_ONCE_INIT},
	{.id = MBEDTLS_ECP_DP_SECP521R1, .once = PTHREAD_ONCE_INIT},
};

static void group_prepare(struct shared_group *shared)
{
	mbedtls_ecp_point scratch;
	mbedtls_mpi one;
	mbedtls_ecp_point_init(&scratch);
	mbedtls_mpi_init(&one);
	mbedtls_ecp_group_init(&shared->group);
	int rc = mbedtls_ecp_group_load(&shared->group, shared->id);
	if (rc == 0)
		rc = mbedtls_mpi_lset(&one, 1);
	if (rc == 0)
		rc = mbedtls_ecp_mul(
			&shared->group, &scratch, &one, &shared->group.G, rng_mbed, NULL);
	mbedtls_mpi_free(&one);
	mbedtls_ecp_point_free(&scratch);
	/* Constants of the library multiplied by one: only a lack of memory can fail here. */
	assert(rc == 0);
}

static void prepare_p256(void)
{
	group_prepare(&groups[0]);
}

static void prepare_p384(void)
{
	group_prepare(&groups[1]);
}

static void prepare_p521(void)
{
	group_prepare(&groups[2]);
}

mbedtls_ecp_group *mbed_group(mbedtls_ecp_group_id id)
{
	static void (*const prepare[])(void) = {prepare_p256, prepare_p384, prepare_p521};
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (groups[i].id != id)
			continue;
		pthread_once(&groups[i].once, prepare[i]);
		return &groups[i].group;
	}
	return NULL;
}

int mbed_err(struct err *err, int code, int mbed_code, const char *what)
{
	char text[160] = "";
#ifdef MBEDTLS_ERROR_C
	mbedtls_strerror(mbed_code, text, sizeof(text));
#endif
	if (!text[0])
		snprintf(text, sizeof(text), "mbedTLS -0x%04x", (unsigned)-mbed_code);
	return err_set(err, code, "%s: %s", what, text);
}
