/*
 * Issuing certificates: the TBSCertificate is written here from front to back (mbedTLS 2.28 can
 * write neither SANs nor extended key usages), signed, and read again by our own reader.
 */
#include "cert_private.h"
#include "der_write.h"
#include "oid.h"

#include <kube/mem.h>
#include <kube/random.h>

#define TEXT_MAX          1024 /* CN and O's: RFC 5280 says 64, node names need more */
#define DNS_MAX           253
#define ORGANIZATIONS_MAX 200
#define BACKDATE          HOUR /* for clocks that are behind ours */

struct issue {
	const struct cert_request *request;
	struct key *subject_key, *issuer_key;
	struct cert *issuer; /* NULL: self-signed */
	struct str serial;
	int64_t not_before, not_after;
	struct buf out;
};

/* ---- is it a sensible request? ---- */

static int check_text(struct str text, const char *what, struct err *err)
{
	if (text.len > TEXT_MAX)
		return err_set(err, ERR_TOO_LARGE, "certificate's %s is longer than %d bytes", what,
			TEXT_MAX);
	if (!str_is_utf8(text) || str_find_char(text, 0) >= 0)
		return err_set(err, ERR_INVALID, "certificate's %s is not valid text", what);
	return 0;
}

static int check_dns(struct str name, struct err *err)
{
	if (name.len == 0 || name.len > DNS_MAX)
		return err_set(err, ERR_INVALID, "DNS name \"%.*s\" has a bad length", STRF(name));
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] <= 0x20 || name.at[i] >= 0x7f)
			return err_set(err, ERR_INVALID, "DNS name with a bad character");
	return 0;
}

int cert_check_names(const struct cert_request *r, struct err *err)
{
	int rc = check_text(r->subject.common_name, "common name", err);
	if (r->subject.organization_count > ORGANIZATIONS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d organizations", ORGANIZATIONS_MAX);
	if (r->dns_count + r->ip_count + r->uri_count + r->email_count > CERT_NAMES_MAX)
		return err_set(
			err, ERR_LIMIT, "more than %d subject alternative names", CERT_NAMES_MAX);
	for (size_t i = 0; rc == 0 && i < r->subject.organization_count; i++)
		rc = check_text(r->subject.organizations[i], "organization", err);
	for (size_t i = 0; rc == 0 && i < r->dns_count; i++)
		rc = check_dns(r->dns[i], err);
	for (size_t i = 0; rc == 0 && i < r->ip_count; i++)
		if (r->ips[i].len != 4 && r->ips[i].len != 16)
			rc = err_set(err, ERR_INVALID, "certificate request with an empty address");
	return rc;
}

static int check_issuer(const struct issue *i, struct err *err)
{
	if (!key_is_private(i->issuer_key))
		return err_set(err, ERR_INVALID, "the issuer's key is not a private one");
	if (!i->issuer)
		return key_same(i->subject_key, i->issuer_key)
			       ? 0
			       : err_set(err, ERR_INVALID,
					 "self-signed, but not by the subject's key");
	if (!i->issuer->info.is_ca)
		return err_set(err, ERR_INVALID, "the issuer is not a certificate authority");
	if (i->issuer->info.key_usage && !(i->issuer->info.key_usage & CERT_SIGN_CERTIFICATES))
		return err_set(err, ERR_INVALID, "the issuer may not sign certificates");
	if (!key_same(i->issuer->key, i->issuer_key))
		return err_set(err, ERR_INVALID, "the issuer's key does not fit its certificate");
	if (i->request->is_ca && i->issuer->info.path_length == 0)
		return err_set(err, ERR_INVALID, "the issuer may not issue authorities");
	return 0;
}

static int64_t add_time(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* A certificate never outlives its issuer: a chain is no better than its shortest member. */
static int set_dates(struct issue *i, struct err *err)
{
	const struct cert_request *r = i->request;
	if (r->lifetime <= 0)
		return err_set(err, ERR_INVALID, "certificate with no lifetime");
	i->not_before = add_time(r->now, -(r->backdate ? r->backdate : BACKDATE));
	i->not_after = add_time(r->now, r->lifetime);
	if (i->issuer)
		i->not_after = MIN(i->not_after, i->issuer->info.not_after);
	if (i->not_after <= i->not_before)
		return err_set(err, ERR_INVALID, "the issuer's certificate has expired");
	if (time_split(i->not_before).year < 1950)
		return err_set(err, ERR_INVALID, "certificates cannot begin before 1950");
	return 0;
}

/* ---- names and dates ---- */

/* What Go takes for printable: '*' and '&' are not. */
static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == 0 || !strchr(" '()+,-./:=?", c)))
			return false;
	}
	return true;
}

static void add_attribute(struct buf *out, struct str oid, struct str text)
{
	size_t pair = der_open(out, DER_SEQUENCE);
	der_add(out, DER_OID, oid);
	der_add(out, is_printable(text) ? DER_PRINTABLE_STRING : DER_UTF8_STRING, text);
	der_close(out, pair);
}

/* As Go writes it: all O's in one set, then the CN. */
void cert_add_name(struct buf *out, const struct cert_name *name)
{
	size_t all = der_open(out, DER_SEQUENCE);
	if (name->organization_count) {
		struct buf texts = BUF_INIT(MIB);
		size_t ends[ORGANIZATIONS_MAX];
		struct str members[ORGANIZATIONS_MAX];
		size_t from = 0, count = name->organization_count;
		for (size_t i = 0; i < count; i++) {
			add_attribute(&texts, OID_ORGANIZATION, name->organizations[i]);
			ends[i] = texts.len;
		}
		for (size_t i = 0; i < count; from = ends[i++])
			members[i] = str_sub(buf_str(&texts), from, ends[i]);
		der_add_set(out, members, count);
		buf_done(&texts);
	}
	if (name->common_name.len) {
		size_t set = der_open(out, DER_SET);
		add_attribute(out, OID_COMMON_NAME, name->common_name);
		der_close(out, set);
	}
	der_close(out, all);
}

static void add_time_value(struct buf *out, int64_t wall)
{
	struct time_parts t = time_split(wall);
	/* RFC 5280: two-digit years until 2049, four from 2050 on. */
	bool general = t.year >= 2050;
	size_t mark = der_open(out, general ? DER_GENERALIZED_TIME : DER_UTC_TIME);
	if (general)
		buf_print(out, "%02d", t.year / 100);
	buf_print(out, "%02d%02d%02d%02d%02d%02dZ", t.year % 100, t.month, t.day, t.hour, t.minute,
		t.second);
	der_close(out, mark);
}

/* ---- extensions ---- */

struct extension_marks {
	size_t all, value;
};

static struct extension_marks open_extension(struct buf *out, struct str oid, bool critical)
{
	struct extension_marks m = {.all = der_open(out, DER_SEQUENCE)};
	der_add(out, DER_OID, oid);
	if (critical)
		der_add_bool(out, true);
	m.value = der_open(out, DER_OCTET_STRING);
	return m;
}

static void close_extension(struct buf *out, struct extension_marks m)
{
	der_close(out, m.value);
	der_close(out, m.all);
}

/* Bit n of the RFC counts from the left; zeros at the end are not written. */
static void add_usage_bits(struct buf *out, unsigned usage)
{
	unsigned char bytes[2] = {0};
	unsigned last = 0;

	for (unsigned n = 0; n < 16; n++)
		if (usage >> n & 1) {
			bytes[n / 8] |= (unsigned char)(0x80u >> n % 8);
			last = n;
		}
	der_add_bits(out, str_make((const char *)bytes, last / 8 + 1), 7 - last % 8);
}

static void add_key_usage(struct buf *out, const struct cert_request *r)
{
	unsigned usage = CERT_DIGITAL_SIGNATURE | CERT_KEY_ENCIPHERMENT;

	if (r->asked)
		usage = r->key_usage;
	else if (r->is_ca)
		usage |= CERT_SIGN_CERTIFICATES; /* as Kubernetes has it */
	if (!usage)
		return;
	struct extension_marks m = open_extension(out, OID_KEY_USAGE, true);
	add_usage_bits(out, usage);
	close_extension(out, m);
}

/* In the order in which Go numbers them. */
static void add_extended(struct buf *out, unsigned usages)
{
	const struct {
		unsigned bit;
		struct str oid;
	} all[] = {{CERT_ANY_USAGE, OID_ANY_USAGE}, {CERT_SERVER, OID_SERVER_AUTH},
		{CERT_CLIENT, OID_CLIENT_AUTH}, {CERT_CODE_SIGNING, OID_CODE_SIGNING},
		{CERT_EMAIL, OID_EMAIL_PROTECTION}, {CERT_IPSEC_END_SYSTEM, OID_IPSEC_END_SYSTEM},
		{CERT_IPSEC_TUNNEL, OID_IPSEC_TUNNEL}, {CERT_IPSEC_USER, OID_IPSEC_USER},
		{CERT_TIME_STAMPING, OID_TIME_STAMPING}, {CERT_OCSP_SIGNING, OID_OCSP_SIGNING},
		{CERT_MICROSOFT_SGC, OID_MICROSOFT_SGC}, {CERT_NETSCAPE_SGC, OID_NETSCAPE_SGC}};
	struct extension_marks m = open_extension(out, OID_EXTENDED_KEY_USAGE, false);
	size_t list = der_open(out, DER_SEQUENCE);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (usages & all[i].bit)
			der_add(out, DER_OID, all[i].oid);
	der_close(out, list);
	close_extension(out, m);
}

static void add_basic_constraints(struct buf *out, const struct cert_request *r)
{
	struct extension_marks m = open_extension(out, OID_BASIC_CONSTRAINTS, true);
	size_t list = der_open(out, DER_SEQUENCE);
	if (r->is_ca) {
		der_add_bool(out, true);
		if (r->path_length >= 0)
			der_add_small(out, (unsigned)r->path_length);
	}
	der_close(out, list);
	close_extension(out, m);
}

static void add_key_ids(struct issue *i)
{
	unsigned char id[20];
	key_identifier(i->subject_key, id);
	struct extension_marks m = open_extension(&i->out, OID_SUBJECT_KEY_ID, false);
	der_add(&i->out, DER_OCTET_STRING, str_make((char *)id, sizeof(id)));
	close_extension(&i->out, m);

	if (!i->issuer || !i->issuer->info.subject_key_id.len)
		return;
	m = open_extension(&i->out, OID_AUTHORITY_KEY_ID, false);
	size_t list = der_open(&i->out, DER_SEQUENCE);
	der_add(&i->out, DER_CONTEXT(0), i->issuer->info.subject_key_id);
	der_close(&i->out, list);
	close_extension(&i->out, m);
}

void cert_add_alternative_names(struct buf *out, const struct cert_request *r)
{
	/* a subject of a request is a SEQUENCE, empty in two bytes */
	bool nameless = r->subject_der.len
				? r->subject_der.len <= 2
				: !r->subject.common_name.len && !r->subject.organization_count;
	struct extension_marks m = open_extension(out, OID_SUBJECT_ALT_NAME, nameless);
	size_t list = der_open(out, DER_SEQUENCE);
	for (size_t i = 0; i < r->dns_count; i++)
		der_add(out, DER_CONTEXT(2), r->dns[i]);
	for (size_t i = 0; i < r->email_count; i++)
		der_add(out, DER_CONTEXT(1), r->emails[i]);
	for (size_t i = 0; i < r->ip_count; i++)
		der_add(out, DER_CONTEXT(7),
			str_make((const char *)r->ips[i].bytes, r->ips[i].len));
	for (size_t i = 0; i < r->uri_count; i++)
		der_add(out, DER_CONTEXT(6), r->uris[i]);
	der_close(out, list);
	close_extension(out, m);
}

static void add_extensions(struct issue *i)
{
	const struct cert_request *r = i->request;
	size_t tagged = der_open(&i->out, DER_CONTEXT_CONSTRUCTED(3));
	size_t list = der_open(&i->out, DER_SEQUENCE);
	add_key_usage(&i->out, r);
	if (r->usages)
		add_extended(&i->out, r->usages);
	add_basic_constraints(&i->out, r);
	add_key_ids(i);
	if (r->dns_count + r->ip_count + r->uri_count + r->email_count)
		cert_add_alternative_names(&i->out, r);
	der_close(&i->out, list);
	der_close(&i->out, tagged);
}

/* ---- the whole ---- */

void cert_add_algorithm(struct buf *out, const struct key *issuer_key)
{
	size_t mark = der_open(out, DER_SEQUENCE);
	if (key_is_ec(issuer_key)) {
		der_add(out, DER_OID, OID_ECDSA_SHA256);
	} else {
		der_add(out, DER_OID, OID_RSA_SHA256);
		der_add(out, DER_NULL, (struct str){0});
	}
	der_close(out, mark);
}

static void add_tbs(struct issue *i)
{
	struct buf *out = &i->out;
	size_t all = der_open(out, DER_SEQUENCE);
	size_t version = der_open(out, DER_CONTEXT_CONSTRUCTED(0));
	der_add_small(out, 2);
	der_close(out, version);
	der_add_unsigned(out, i->serial);
	cert_add_algorithm(out, i->issuer_key);
	if (i->issuer)
		buf_add_str(out, i->issuer->info.subject_der);
	else
		cert_add_name(out, &i->request->subject);
	size_t validity = der_open(out, DER_SEQUENCE);
	add_time_value(out, i->not_before);
	add_time_value(out, i->not_after);
	der_close(out, validity);
	if (i->request->subject_der.len)
		buf_add_str(out, i->request->subject_der);
	else
		cert_add_name(out, &i->request->subject);
	buf_add_str(out, key_spki(i->subject_key));
	add_extensions(i);
	der_close(out, all);
}

static int sign(struct issue *i, struct str tbs, struct err *err)
{
	unsigned char digest[64];
	size_t len = key_digest(KEY_SHA256, tbs, digest);
	_cleanup_(buf_done) struct buf sig = BUF_INIT(2 * KIB);
	int rc = key_sign(i->issuer_key, KEY_SHA256, str_make((char *)digest, len), &sig, err);
	if (rc == 0)
		der_add_bits(&i->out, buf_str(&sig), 0);
	return rc;
}

static int assemble(struct issue *i, struct cert **cert, struct err *err)
{
	size_t all = der_open(&i->out, DER_SEQUENCE), from = i->out.len;
	add_tbs(i);
	if (buf_over(&i->out))
		return err_set(err, ERR_TOO_LARGE, "the certificate would be larger than %zu bytes",
			CERT_DER_MAX);
	size_t to = i->out.len;
	cert_add_algorithm(&i->out, i->issuer_key);
	int rc = sign(i, str_sub(buf_str(&i->out), from, to), err);
	if (rc)
		return rc;
	der_close(&i->out, all);
	if (buf_over(&i->out))
		return err_set(err, ERR_TOO_LARGE, "the certificate would be larger than %zu bytes",
			CERT_DER_MAX);
	return cert_parse_der(buf_str(&i->out), cert, err);
}

int cert_issue(const struct cert_request *request, struct key *subject_key, struct cert *issuer,
	struct key *issuer_key, struct cert **cert, struct err *err)
{
	unsigned char serial[16];
	struct issue i = {
		.request = request,
		.subject_key = subject_key,
		.issuer = issuer,
		.issuer_key = issuer_key,
		.serial = request->serial,
	};
	if (i.serial.len == 0) {
		/* Positive, and always 16 bytes long. */
		random_fill(serial, sizeof(serial));
		serial[0] = (serial[0] & 0x7f) | 0x40;
		i.serial = str_make((char *)serial, sizeof(serial));
	}
	if (i.serial.len > 20 || (i.serial.len == 20 && i.serial.at[0] & 0x80))
		return err_set(err, ERR_INVALID, "serial number of more than 20 bytes");
	int rc = cert_check_names(request, err);
	if (rc == 0)
		rc = check_issuer(&i, err);
	if (rc == 0)
		rc = set_dates(&i, err);
	if (rc)
		return rc;
	buf_init(&i.out, CERT_DER_MAX);
	rc = assemble(&i, cert, err);
	buf_done(&i.out);
	return rc;
}
