/*
 * Finding a chain from a leaf to a root. Authorities are looked for by name among the roots and
 * then among the intermediates the peer sent, and tried depth first:
 *
 *	leaf ─ issuer named so? ─┬─ a root: does the whole chain hold? → done
 *	                         └─ an intermediate: goes on with its issuer
 *
 * Cross-signed authorities and several of one name make dead ends, so the search turns back; a
 * peer who sends many of them pays with his own connection: signatures checked in one search,
 * and the chain's length, are limited.
 */
#include "cert_private.h"

#include "oid.h"

#define CHAIN_MAX      10
#define SIGNATURES_MAX 100
#define LABEL_ROOM     (CERT_LABEL_MAX + 8)

struct search {
	const struct certs *given;
	const struct cert_check *check;
	const struct cert *chain[CHAIN_MAX];
	size_t length;
	int signatures;
	struct err why; /* the first thing wrong with an authority that did sign */
	/* The deepest certificate without an issuer, and what happened to a likely one. */
	const struct cert *stuck;
	size_t stuck_length;
	struct err hint;
};

static const char *label_of(const struct cert *cert, struct buf *b)
{
	buf_init(b, LABEL_ROOM);
	cert_print_label(cert, b);
	return buf_text(b);
}

/* ---- signatures ---- */

int cert_check_signature(const struct cert *cert, struct key *key, struct err *err)
{
	unsigned char digest[64];
	if (cert->signature_kind == SIGNATURE_WEAK || cert->signature_kind == SIGNATURE_UNKNOWN) {
		_cleanup_(buf_done) struct buf oid = BUF_INIT(100);
		oid_print(&oid, cert->signature_oid);
		return err_set(err, ERR_CERTIFICATE,
			cert->signature_kind == SIGNATURE_WEAK
				? "signed with an insecure algorithm (%s: MD5 or SHA-1)"
				: "signed with an algorithm that is not supported (%s)",
			buf_text(&oid));
	}
	size_t len = key_digest(cert->signature_hash, cert->signed_bytes, digest);
	struct str hash = str_make((char *)digest, len);
	if (!key_is_ec(key) && !key_is_rsa(key))
		return err_set(err, ERR_CERTIFICATE,
			"the issuer's key is too weak or of a kind that is not supported");
	if (cert->signature_kind == SIGNATURE_RSA_PSS)
		return key_verify_pss(key, cert->signature_hash, hash, cert->signature, err);
	if ((cert->signature_kind == SIGNATURE_ECDSA) != key_is_ec(key))
		return err_set(err, ERR_CERTIFICATE,
			"signed with an algorithm that does not fit the issuer's key");
	return key_verify(key, cert->signature_hash, hash, cert->signature, err);
}

/* ---- one certificate ---- */

static int check_dates(const struct cert *cert, int64_t now, struct err *err)
{
	const struct cert_info *info = &cert->info;
	if (now >= info->not_before && now <= info->not_after)
		return 0;
	_cleanup_(buf_done) struct buf label = {0}, limit = BUF_INIT(64), it_is = BUF_INIT(64);
	bool early = now < info->not_before;
	time_print(&limit, early ? info->not_before : info->not_after);
	time_print(&it_is, now);
	return err_set(err, ERR_CERTIFICATE, "certificate \"%s\" %s %s (it is now %s)",
		label_of(cert, &label), early ? "is not valid before" : "expired on",
		buf_text(&limit), buf_text(&it_is));
}

static int check_self(const struct cert *cert, int64_t now, struct err *err)
{
	_cleanup_(buf_done) struct buf label = {0};
	if (cert->unhandled.len) {
		_cleanup_(buf_done) struct buf oid = BUF_INIT(100);
		oid_print(&oid, cert->unhandled);
		return err_set(err, ERR_CERTIFICATE,
			"certificate \"%s\" has a critical extension that is not understood (%s)",
			label_of(cert, &label), buf_text(&oid));
	}
	return check_dates(cert, now, err);
}

/* May it stand above `below` others, the leaf included? */
static int check_authority(const struct cert *cert, size_t below, bool is_root, struct err *err)
{
	const struct cert_info *info = &cert->info;
	_cleanup_(buf_done) struct buf label = {0};
	/* Version 1 knows no extensions: some old roots are so, and an administrator chose them. */
	bool old_root = is_root && cert->version < 3;
	if (!info->is_ca && !old_root)
		return err_set(err, ERR_CERTIFICATE,
			"certificate \"%s\" is not a certificate authority",
			label_of(cert, &label));
	if (info->key_usage && !(info->key_usage & CERT_SIGN_CERTIFICATES))
		return err_set(err, ERR_CERTIFICATE,
			"certificate \"%s\" may not sign certificates (key usage)",
			label_of(cert, &label));
	if (info->path_length >= 0 && below - 1 > (size_t)info->path_length)
		return err_set(err, ERR_CERTIFICATE,
			"too many intermediates below certificate \"%s\" (it allows %d)",
			label_of(cert, &label), info->path_length);
	return 0;
}

/* ---- the whole chain ---- */

/* Extended key usages nest: each certificate that has them narrows what the leaf may be for. */
static int check_usage(const struct search *s, struct err *err)
{
	unsigned wanted = s->check->usage;
	for (size_t i = 0; wanted && i < s->length; i++) {
		const struct cert_info *info = &s->chain[i]->info;
		_cleanup_(buf_done) struct buf label = {0};
		if (info->has_extended && (info->extended & wanted) != wanted)
			return err_set(err, ERR_CERTIFICATE,
				"certificate \"%s\" specifies an incompatible key usage (wanted: "
				"%s)",
				label_of(s->chain[i], &label),
				wanted == CERT_SERVER   ? "server auth"
				: wanted == CERT_CLIENT ? "client auth"
							: "server and client auth");
	}
	return 0;
}

static int check_chain(const struct search *s, struct err *err)
{
	int rc = check_usage(s, err);
	for (size_t above = 1; rc == 0 && above < s->length; above++)
		for (size_t below = 0; rc == 0 && below < above; below++)
			rc = cert_check_constraints(s->chain[above], s->chain[below], err);
	return rc;
}

/* ---- the search ---- */

static bool same_cert(const struct cert *a, const struct cert *b)
{
	return str_eq(a->der, b->der);
}

static bool in_list(const struct certs *list, const struct cert *cert)
{
	for (size_t i = 0; i < list->count; i++)
		if (same_cert(list->items[i], cert))
			return true;
	return false;
}

/* The same authority again, whatever certificate it shows this time, makes a circle. */
static bool in_chain(const struct search *s, const struct cert *cert)
{
	for (size_t i = 0; i < s->length; i++)
		if (str_eq(s->chain[i]->info.subject_der, cert->info.subject_der) &&
			key_same(s->chain[i]->key, cert->key))
			return true;
	return false;
}

/* Key identifiers are hints: 2 they agree, 1 one of them is missing, 0 they differ. */
static int likelihood(const struct cert *child, const struct cert *candidate)
{
	struct str wanted = child->info.authority_key_id;
	struct str has = candidate->info.subject_key_id;
	if (!wanted.len || !has.len)
		return 1;
	return str_eq(wanted, has) ? 2 : 0;
}

/* Keeps the first reason: later ones come from less likely candidates. */
static void remember(struct err *first, struct err *why)
{
	if (first->code)
		err_done(why);
	else
		err_move(first, why);
}

static bool extend(struct search *s);

/* Two clusters have both called their authority "kubernetes": say so rather than "unknown". */
static bool signed_by(struct search *s, const struct cert *candidate)
{
	struct err why = {0};
	_cleanup_(buf_done) struct buf label = {0};
	s->signatures++;
	int rc = cert_check_signature(s->chain[s->length - 1], candidate->key, &why);
	if (rc) {
		if (s->stuck == s->chain[s->length - 1] && !s->hint.code)
			err_set(&s->hint, ERR_CERTIFICATE,
				"possibly because of \"%s\" while trying candidate authority "
				"\"%s\"",
				err_text(&why), label_of(candidate, &label));
		err_done(&why);
	}
	return rc == 0;
}

static bool try_candidate(struct search *s, const struct cert *candidate, bool is_root)
{
	struct err why = {0};
	if (s->signatures >= SIGNATURES_MAX || in_chain(s, candidate) || !signed_by(s, candidate))
		return false;
	int rc = check_authority(candidate, s->length, is_root, &why);
	if (rc == 0)
		rc = check_self(candidate, s->check->now, &why);
	if (rc) {
		remember(&s->why, &why);
		return false;
	}
	s->chain[s->length++] = candidate;
	bool found = is_root ? check_chain(s, &why) == 0 : extend(s);
	if (is_root && !found)
		remember(&s->why, &why);
	if (!found)
		s->length--;
	return found;
}

static bool try_list(struct search *s, const struct certs *list, size_t from, bool are_roots)
{
	const struct cert *child = s->chain[s->length - 1];
	for (int likely = 2; likely >= 0; likely--)
		for (size_t i = from; i < list->count; i++) {
			const struct cert *candidate = list->items[i];
			if (str_eq(candidate->info.subject_der, child->issuer_der) &&
				likelihood(child, candidate) == likely &&
				try_candidate(s, candidate, are_roots))
				return true;
		}
	return false;
}

static bool extend(struct search *s)
{
	if (s->length == CHAIN_MAX)
		return false;
	if (s->length > s->stuck_length) {
		s->stuck_length = s->length;
		s->stuck = s->chain[s->length - 1];
		err_done(&s->hint);
	}
	return try_list(s, s->check->roots, 0, true) || try_list(s, s->given, 1, false);
}

static int unknown_authority(struct search *s, struct err *err)
{
	_cleanup_(buf_done) struct buf issuer = BUF_INIT(LABEL_ROOM);
	_cleanup_(buf_done) struct buf whole = BUF_INIT(4 * CERT_DER_MAX);
	cert_print_name(s->stuck->issuer_der, &whole);
	cert_print_clean(buf_str(&whole), &issuer);
	return err_set(err, ERR_CERTIFICATE,
		"certificate signed by unknown authority (issuer \"%s\"%s%s)", buf_text(&issuer),
		s->hint.code ? ", " : "", s->hint.code ? err_text(&s->hint) : "");
}

static bool search_from_leaf(struct search *s)
{
	const struct cert *leaf = s->given->items[0];
	s->chain[s->length++] = leaf;
	/* A certificate that is itself among the roots is trusted as it stands. */
	if (in_list(s->check->roots, leaf)) {
		struct err why = {0};
		if (check_chain(s, &why) == 0)
			return true;
		err_move(&s->why, &why);
		return false;
	}
	return extend(s);
}

int cert_verify(const struct certs *chain, const struct cert_check *check, struct err *err)
{
	if (chain->count == 0)
		return err_set(err, ERR_CERTIFICATE, "there is no certificate");
	struct search s = {.given = chain, .check = check};
	const struct cert *leaf = chain->items[0];
	int rc = check_self(leaf, check->now, err);
	if (rc == 0 && check->host.len)
		rc = cert_matches_host(leaf, check->host, err);
	if (rc)
		return rc;
	bool found = search_from_leaf(&s);
	if (!found)
		rc = s.why.code ? err_move(err, &s.why) : unknown_authority(&s, err);
	err_done(&s.why);
	err_done(&s.hint);
	return rc;
}
