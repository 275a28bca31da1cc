/* Certificates from DER (RFC 5280): the frame. The extensions are in cert_extensions.c. */
#include "cert_private.h"
#include "der_read.h"
#include "oid.h"

#include <kube/mem.h>

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "malformed certificate: %s", what);
}

/* ---- times ---- */

static bool two_digits(struct str *rest, int *value)
{
	if (rest->len < 2)
		return false;
	char a = rest->at[0], b = rest->at[1];
	if (a < '0' || a > '9' || b < '0' || b > '9')
		return false;
	*value = (a - '0') * 10 + (b - '0');
	*rest = str_skip(*rest, 2);
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

static bool in_range(const struct time_parts *t)
{
	return t->month >= 1 && t->month <= 12 && t->day >= 1 &&
	       t->day <= days_of_month(t->year, t->month) && t->hour <= 23 && t->minute <= 59 &&
	       t->second <= 59;
}

/* DER knows only "…SSZ". An int64 of ns ends in 2262: what lies beyond is as good as never. */
static bool take_time(struct str *rest, int64_t *wall)
{
	unsigned char tag;
	struct str text;
	struct time_parts t = {0};
	int century = 0, year;
	if (!der_next(rest, &tag, &text, NULL))
		return false;
	bool general = tag == DER_GENERALIZED_TIME;
	if ((!general && tag != DER_UTC_TIME) || (general && !two_digits(&text, &century)) ||
		!two_digits(&text, &year) || !two_digits(&text, &t.month) ||
		!two_digits(&text, &t.day) || !two_digits(&text, &t.hour) ||
		!two_digits(&text, &t.minute) || !two_digits(&text, &t.second) ||
		!str_eq(text, STR("Z")))
		return false;
	if (!general)
		century = year < 50 ? 20 : 19;
	t.year = century * 100 + year;
	if (!in_range(&t))
		return false;
	*wall = t.year > 2261 ? INT64_MAX : t.year < 1678 ? INT64_MIN : time_join(&t);
	return true;
}

/* ---- signature algorithms ---- */

static const struct {
	struct str oid;
	enum cert_signature kind;
	enum key_hash hash;
} algorithms[] = {
	{OID_ECDSA_SHA256, SIGNATURE_ECDSA, KEY_SHA256},
	{OID_ECDSA_SHA384, SIGNATURE_ECDSA, KEY_SHA384},
	{OID_ECDSA_SHA512, SIGNATURE_ECDSA, KEY_SHA512},
	{OID_ECDSA_SHA1, SIGNATURE_WEAK, KEY_SHA256},
	{OID_RSA_SHA256, SIGNATURE_RSA, KEY_SHA256},
	{OID_RSA_SHA384, SIGNATURE_RSA, KEY_SHA384},
	{OID_RSA_SHA512, SIGNATURE_RSA, KEY_SHA512},
	{OID_RSA_MD5, SIGNATURE_WEAK, KEY_SHA256},
	{OID_RSA_SHA1, SIGNATURE_WEAK, KEY_SHA256},
};

static const struct {
	struct str oid;
	enum key_hash hash;
	int salt;
} pss_hashes[] = {
	{OID_SHA256, KEY_SHA256, 32},
	{OID_SHA384, KEY_SHA384, 48},
	{OID_SHA512, KEY_SHA512, 64},
};

/* SEQUENCE { OID, NULL or nothing }, explicitly tagged or not. */
static bool take_hash(struct str *rest, struct str *oid)
{
	struct str inside, null;
	bool found;
	return der_take(rest, DER_SEQUENCE, &inside) && der_take(&inside, DER_OID, oid) &&
	       der_take_optional(&inside, DER_NULL, &null, &found) && inside.len == 0;
}

/* Only MGF1 with the same hash and a salt as long as it, which is what everybody writes. */
static bool read_pss(struct cert *cert, struct str params)
{
	struct str all, field, mgf, mgf_oid, hash, mgf_hash;
	int salt;
	if (!der_take(&params, DER_SEQUENCE, &all) || params.len ||
		!der_take(&all, DER_CONTEXT_CONSTRUCTED(0), &field) || !take_hash(&field, &hash) ||
		!der_take(&all, DER_CONTEXT_CONSTRUCTED(1), &field) ||
		!der_take(&field, DER_SEQUENCE, &mgf) || !der_take(&mgf, DER_OID, &mgf_oid) ||
		!str_eq(mgf_oid, OID_MGF1) || !take_hash(&mgf, &mgf_hash) ||
		!str_eq(hash, mgf_hash) || !der_take(&all, DER_CONTEXT_CONSTRUCTED(2), &field) ||
		!der_take_small(&field, &salt))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(pss_hashes); i++) {
		if (!str_eq(hash, pss_hashes[i].oid) || salt != pss_hashes[i].salt)
			continue;
		cert->signature_kind = SIGNATURE_RSA_PSS;
		cert->signature_hash = pss_hashes[i].hash;
		return true;
	}
	return false;
}

/* One we do not know is held against the certificate when it must be verified, not before. */
bool cert_read_algorithm(struct cert *cert, struct str algorithm)
{
	struct str inside;
	if (!der_take(&algorithm, DER_SEQUENCE, &inside) ||
		!der_take(&inside, DER_OID, &cert->signature_oid))
		return false;
	if (str_eq(cert->signature_oid, OID_RSA_PSS)) {
		read_pss(cert, inside);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		if (!str_eq(cert->signature_oid, algorithms[i].oid))
			continue;
		cert->signature_kind = algorithms[i].kind;
		cert->signature_hash = algorithms[i].hash;
	}
	return true;
}

/* ---- the frame ---- */

static int take_version(struct str *tbs, struct cert *cert, struct err *err)
{
	struct str field;
	bool found;
	int version = 0;
	if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(0), &field, &found) ||
		(found && (!der_take_small(&field, &version) || field.len)))
		return bad(err, "bad version");
	if (version > 2)
		return err_set(err, ERR_UNSUPPORTED, "certificate of version %d", version + 1);
	cert->version = version + 1;
	return 0;
}

static int take_key(struct str *tbs, struct cert *cert, struct err *err)
{
	struct str spki;
	if (!der_take_whole(tbs, DER_SEQUENCE, &spki))
		return bad(err, "bad public key");
	int rc = key_parse_spki(spki, &cert->key, err);
	return rc ? err_wrap(err, rc, "malformed certificate") : 0;
}

/* Unique identifiers nobody uses, and the extensions. */
static int take_tail(struct str *tbs, struct cert *cert, struct err *err)
{
	struct str field, extensions;
	bool found;
	for (unsigned char n = 1; n <= 2; n++)
		if (!der_take_optional(tbs, DER_CONTEXT(n), &field, &found) ||
			(found && cert->version < 2))
			return bad(err, "bad unique identifier");
	if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(3), &field, &found) || tbs->len)
		return bad(err, "bad extensions");
	if (!found)
		return 0;
	if (cert->version != 3 || !der_take(&field, DER_SEQUENCE, &extensions) || field.len ||
		extensions.len == 0)
		return bad(err, "bad extensions");
	return cert_parse_extensions(cert, extensions, err);
}

static int parse_tbs(struct cert *cert, struct str algorithm, struct err *err)
{
	struct cert_info *info = &cert->info;
	struct str rest = cert->signed_bytes, tbs, inner, validity;
	if (!der_take(&rest, DER_SEQUENCE, &tbs))
		return bad(err, "not a sequence");
	int rc = take_version(&tbs, cert, err);
	if (rc)
		return rc;
	if (!der_take_unsigned(&tbs, &info->serial) || info->serial.len > 20)
		return bad(err, "bad serial number");
	if (!der_take_whole(&tbs, DER_SEQUENCE, &inner) || !str_eq(inner, algorithm))
		return bad(err, "inner and outer signature algorithm differ");
	if (!der_take_whole(&tbs, DER_SEQUENCE, &cert->issuer_der))
		return bad(err, "bad issuer");
	if (!der_take(&tbs, DER_SEQUENCE, &validity) || !take_time(&validity, &info->not_before) ||
		!take_time(&validity, &info->not_after) || validity.len)
		return bad(err, "bad validity dates");
	if (!der_take_whole(&tbs, DER_SEQUENCE, &info->subject_der))
		return bad(err, "bad subject");
	rc = cert_parse_name(&cert->arena, cert->issuer_der, &info->issuer, err);
	if (rc == 0)
		rc = cert_parse_name(&cert->arena, info->subject_der, &info->subject, err);
	if (rc == 0)
		rc = take_key(&tbs, cert, err);
	return rc ? rc : take_tail(&tbs, cert, err);
}

static int parse(struct cert *cert, struct err *err)
{
	struct str rest = cert->der, all, algorithm;
	if (!der_take(&rest, DER_SEQUENCE, &all))
		return bad(err, "not a DER sequence, or cut short");
	if (rest.len)
		return bad(err, "something follows it");
	if (!der_take_whole(&all, DER_SEQUENCE, &cert->signed_bytes) ||
		!der_take_whole(&all, DER_SEQUENCE, &algorithm) ||
		!cert_read_algorithm(cert, algorithm) ||
		!der_take_bytes_of_bits(&all, &cert->signature) || all.len)
		return bad(err, "bad frame");
	return parse_tbs(cert, algorithm, err);
}

struct cert *cert_new_of(struct str der, struct err *err)
{
	if (der.len > CERT_DER_MAX) {
		err_set(err, ERR_TOO_LARGE, "certificate of %zu bytes: at most %zu are read",
			der.len, CERT_DER_MAX);
		return NULL;
	}
	if (mbed_start()) {
		err_set(err, ERR_INTERNAL, "mbedTLS does not start");
		return NULL;
	}
	struct cert *made = mem_new(sizeof(*made));
	atomic_init(&made->refs, 1);
	arena_init(&made->arena);
	made->der = arena_str(&made->arena, der);
	made->info.path_length = -1;
	return made;
}

int cert_parse_der(struct str der, struct cert **cert, struct err *err)
{
	struct err why = {0};
	struct cert *made = cert_new_of(der, &why);
	if (!made)
		return err_move(err, &why);
	int rc = parse(made, err);
	if (rc) {
		cert_unref(made);
		return rc;
	}
	*cert = made;
	return 0;
}
