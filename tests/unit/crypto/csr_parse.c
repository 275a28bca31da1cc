/* Certificate signing requests: what is read, and what is refused. */
#include "test.h"

#include <kube/mem.h>
#include <kube/x509.h>

#include <stdio.h>

/* The seeds of the fuzzer are requests that openssl has made. */
static struct str seed(const char *name, char *room, size_t size)
{
	char path[4096];
	snprintf(path, sizeof(path), KUBE_SOURCE_DIR "/tests/fuzz/corpus/csr/%s", name);
	FILE *file = fopen(path, "rb");
	EXPECT(file != NULL);
	size_t len = fread(room, 1, size, file);
	fclose(file);
	return str_make(room, len);
}

TEST(a_request_says_its_subject_names_and_usages)
{
	char room[4096];
	struct cert *csr = NULL;
	struct str der = seed("node.der", room, sizeof(room));

	EXPECT_INT(csr_parse_der(der, &csr, NULL), 0);
	const struct cert_info *info = cert_info(csr);
	EXPECT_STR(info->subject.common_name, "system:node:n");
	EXPECT_INT(info->subject.organization_count, 1);
	EXPECT_STR(info->subject.organizations[0], "system:nodes");
	EXPECT_INT(info->dns_count, 1);
	EXPECT_STR(info->dns[0], "n");
	EXPECT_INT(info->ip_count, 1);
	EXPECT_INT(info->extended, CERT_SERVER);
	EXPECT_INT(csr_check_signature(csr, NULL), 0);
	cert_unref(csr);
}

TEST(a_request_of_an_rsa_key_without_attributes_is_read)
{
	char room[4096];
	struct cert *csr = NULL;

	EXPECT_INT(csr_parse_der(seed("rsa.der", room, sizeof(room)), &csr, NULL), 0);
	EXPECT_STR(cert_info(csr)->subject.common_name, "r");
	EXPECT_INT(csr_check_signature(csr, NULL), 0);
	cert_unref(csr);
}

TEST(a_request_cut_short_anywhere_is_refused)
{
	char room[4096];
	struct str der = seed("node.der", room, sizeof(room));

	for (size_t len = 0; len < der.len; len++) {
		struct cert *none = NULL;
		char *part = mem_copy(der.at, len);
		EXPECT(csr_parse_der(str_make(part, len), &none, NULL) != 0);
		EXPECT(none == NULL);
		mem_free(part);
	}
}

TEST(no_flipped_bit_keeps_the_signature)
{
	char room[4096];
	struct str der = seed("node.der", room, sizeof(room));

	for (size_t at = 0; at < der.len; at++) {
		struct cert *odd = NULL;
		size_t bit = at * 8 + at % 8;
		room[bit / 8] ^= (char)(1 << bit % 8);
		if (csr_parse_der(der, &odd, NULL) == 0) {
			test_context("bit %zu", bit);
			EXPECT(csr_check_signature(odd, NULL) != 0);
			cert_unref(odd);
		}
		room[bit / 8] ^= (char)(1 << bit % 8);
	}
}

TEST(what_is_no_sequence_is_refused_in_the_words_of_go)
{
	struct cert *none = NULL;
	struct err err = {0};

	EXPECT(csr_parse_der(str_make("\0\0\0", 3), &none, &err) != 0);
	EXPECT_TEXT(err_text(&err),
		"asn1: structure error: tags don't match (16 vs {class:0 tag:0 length:0 "
		"isCompound:false}) {optional:false explicit:false application:false "
		"private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false "
		"omitEmpty:false} certificateRequest @2");
	err_done(&err);
}
