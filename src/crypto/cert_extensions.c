/* The extensions of a certificate that mean something to us. */
#include "cert_private.h"
#include "der_read.h"
#include "oid.h"

#define EXTENSIONS_MAX 64

/* ---- names: GeneralName of RFC 5280 ---- */
enum general_name {
	GENERAL_EMAIL = DER_CONTEXT(1),
	GENERAL_DNS = DER_CONTEXT(2),
	GENERAL_URI = DER_CONTEXT(6),
	GENERAL_IP = DER_CONTEXT(7),
};

static enum cert_name_form form_of(unsigned char tag)
{
	switch (tag) {
	case GENERAL_DNS:
		return NAME_DNS;
	case GENERAL_IP:
		return NAME_IP;
	case GENERAL_URI:
		return NAME_URI;
	case GENERAL_EMAIL:
		return NAME_EMAIL;
	default:
		return NAME_OTHER;
	}
}

/* IA5String without controls: a NUL in a name has fooled many. */
static bool is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || (unsigned char)s.at[i] >= 0x7f)
			return false;
	return true;
}

/* How many DNS names, URIs, addresses and addresses of mail follow; false: something is malformed.
 */
static bool count_names(struct str names, size_t count[4])
{
	unsigned char tag;
	struct str name;
	while (names.len) {
		if (!der_next(&names, &tag, &name, NULL))
			return false;
		count[0] += tag == GENERAL_DNS;
		count[1] += tag == GENERAL_URI;
		count[2] += tag == GENERAL_IP;
		count[3] += tag == GENERAL_EMAIL;
	}
	return true;
}

static const char *add_san(struct cert_info *info, struct str *dns, struct str *uris,
	struct str *emails, struct ip *ips, unsigned char tag, struct str value)
{
	if (tag == GENERAL_EMAIL) {
		emails[info->email_count++] = value;
		return is_clean(value) ? NULL : "bad address of mail";
	}
	if (tag == GENERAL_DNS) {
		dns[info->dns_count++] = value;
		return is_clean(value) ? NULL : "bad DNS name";
	}
	if (tag == GENERAL_URI) {
		uris[info->uri_count++] = value;
		return is_clean(value) ? NULL : "bad URI";
	}
	if (tag == GENERAL_IP) {
		struct ip *ip = &ips[info->ip_count++];
		if (value.len != 4 && value.len != 16)
			return "bad IP address";
		ip->len = (uint8_t)value.len;
		memcpy(ip->bytes, value.at, value.len);
	}
	return NULL;
}

static const char *read_san(struct cert *cert, struct str value, bool critical)
{
	struct cert_info *info = &cert->info;
	struct str names, name;
	unsigned char tag;
	size_t count[4] = {0};
	if (!der_take(&value, DER_SEQUENCE, &names) || value.len || !count_names(names, count))
		return "bad subject alternative names";
	if (count[0] + count[1] + count[2] + count[3] > CERT_NAMES_MAX)
		return "more than 1000 subject alternative names";
	struct str *dns = arena_new(&cert->arena, count[0] * sizeof(*dns));
	struct str *uris = arena_new(&cert->arena, count[1] * sizeof(*uris));
	struct ip *ips = arena_new(&cert->arena, count[2] * sizeof(*ips));
	struct str *emails = arena_new(&cert->arena, count[3] * sizeof(*emails));
	while (der_next(&names, &tag, &name, NULL)) {
		cert->name_forms |= form_of(tag);
		const char *wrong = add_san(info, dns, uris, emails, ips, tag, name);
		if (wrong)
			return wrong;
	}
	info->dns = dns;
	info->uris = uris;
	info->ips = ips;
	info->emails = emails;
	cert->has_san = true;
	if (critical && !(cert->name_forms & ~(unsigned)NAME_OTHER))
		cert->unhandled = OID_SUBJECT_ALT_NAME;
	return NULL;
}

/* ---- name constraints ---- */

/* A mask is ones and then zeros. */
static bool is_mask(const uint8_t *mask, size_t len)
{
	bool ended = false;
	for (size_t i = 0; i < len * 8; i++) {
		bool bit = mask[i / 8] & (0x80 >> i % 8);
		if (bit && ended)
			return false;
		ended |= !bit;
	}
	return true;
}

static bool read_subtree(unsigned char tag, struct str value, struct cert_subtree *subtree)
{
	*subtree = (struct cert_subtree){0};
	if (tag == GENERAL_DNS) {
		subtree->dns = value;
		return is_clean(value) && str_find_char(value, ' ') < 0;
	}
	if (value.len != 8 && value.len != 32)
		return false;
	subtree->ip_len = (uint8_t)(value.len / 2);
	memcpy(subtree->ip, value.at, subtree->ip_len);
	memcpy(subtree->mask, value.at + subtree->ip_len, subtree->ip_len);
	return is_mask(subtree->mask, subtree->ip_len);
}

/* GeneralSubtrees: SEQUENCE { base GeneralName, minimum DEFAULT 0 (never written) }. */
static const char *read_subtrees(
	struct cert *cert, struct str rest, const struct cert_subtree **list, size_t *count)
{
	static const char *const wrong = "bad name constraints";
	struct str left = rest, entry, value;
	size_t total = 0;
	for (; left.len; total++)
		if (!der_take(&left, DER_SEQUENCE, &entry))
			return wrong;
	if (total == 0)
		return wrong;
	if (total > CERT_NAMES_MAX)
		return "more than 1000 name constraints";
	struct cert_subtree *made = arena_alloc(&cert->arena, total * sizeof(*made));
	while (rest.len) {
		unsigned char tag;
		if (!der_take(&rest, DER_SEQUENCE, &entry) ||
			!der_next(&entry, &tag, &value, NULL) || entry.len)
			return wrong;
		enum cert_name_form form = form_of(tag);
		if (form != NAME_DNS && form != NAME_IP)
			cert->constrained_forms |= form;
		else if (!read_subtree(tag, value, &made[(*count)++]))
			return wrong;
	}
	*list = made;
	return NULL;
}

static const char *read_constraints(struct cert *cert, struct str value, bool critical)
{
	struct str all, permitted, excluded;
	bool has_permitted, has_excluded;
	if (!der_take(&value, DER_SEQUENCE, &all) || value.len ||
		!der_take_optional(&all, DER_CONTEXT_CONSTRUCTED(0), &permitted, &has_permitted) ||
		!der_take_optional(&all, DER_CONTEXT_CONSTRUCTED(1), &excluded, &has_excluded) ||
		all.len || (!has_permitted && !has_excluded))
		return "bad name constraints";
	const char *wrong = NULL;
	if (has_permitted)
		wrong = read_subtrees(cert, permitted, &cert->permitted, &cert->permitted_count);
	if (!wrong && has_excluded)
		wrong = read_subtrees(cert, excluded, &cert->excluded, &cert->excluded_count);
	/* Forms such as directoryName speak of the subject, which every certificate has. */
	if (!wrong && critical && cert->constrained_forms & NAME_OTHER)
		cert->unhandled = OID_NAME_CONSTRAINTS;
	return wrong;
}

/* ---- the rest ---- */

static const char *read_basic_constraints(struct cert *cert, struct str value, bool critical)
{
	(void)critical;
	struct str all;
	if (!der_take(&value, DER_SEQUENCE, &all) || value.len)
		return "bad basic constraints";
	if (all.len && all.at[0] == DER_BOOLEAN && !der_take_bool(&all, &cert->info.is_ca))
		return "bad basic constraints";
	if (all.len && !der_take_small(&all, &cert->info.path_length))
		return "bad basic constraints";
	cert->has_basic_constraints = true;
	return all.len ? "bad basic constraints" : NULL;
}

static const char *read_key_usage(struct cert *cert, struct str value, bool critical)
{
	(void)critical;
	struct str bits;
	if (!der_take(&value, DER_BIT_STRING, &bits) || value.len || bits.len < 1 || bits.len > 3)
		return "bad key usage";
	/* Bit n of the RFC, counted from the left, becomes 1 << n. */
	for (size_t i = 0; i < (bits.len - 1) * 8; i++)
		if ((unsigned char)bits.at[1 + i / 8] & (0x80 >> i % 8))
			cert->info.key_usage |= 1u << i;
	return NULL;
}

static const char *read_extended(struct cert *cert, struct str value, bool critical)
{
	(void)critical;
	struct str all, oid;
	if (!der_take(&value, DER_SEQUENCE, &all) || value.len || all.len == 0)
		return "bad extended key usage";
	while (all.len) {
		if (!der_take(&all, DER_OID, &oid))
			return "bad extended key usage";
		if (str_eq(oid, OID_ANY_USAGE))
			cert->info.extended |= CERT_SERVER | CERT_CLIENT;
		else if (str_eq(oid, OID_SERVER_AUTH))
			cert->info.extended |= CERT_SERVER;
		else if (str_eq(oid, OID_CLIENT_AUTH))
			cert->info.extended |= CERT_CLIENT;
	}
	cert->info.has_extended = true;
	return NULL;
}

static const char *read_subject_key_id(struct cert *cert, struct str value, bool critical)
{
	(void)critical;
	if (!der_take(&value, DER_OCTET_STRING, &cert->info.subject_key_id) || value.len)
		return "bad subject key identifier";
	return NULL;
}

static const char *read_authority_key_id(struct cert *cert, struct str value, bool critical)
{
	(void)critical;
	struct str all;
	bool found;
	if (!der_take(&value, DER_SEQUENCE, &all) || value.len ||
		!der_take_optional(&all, DER_CONTEXT(0), &cert->info.authority_key_id, &found))
		return "bad authority key identifier";
	return NULL;
}

static const char *read_nothing(struct cert *cert, struct str value, bool critical)
{
	(void)cert, (void)value, (void)critical;
	return NULL;
}

static const struct {
	struct str oid;
	const char *(*read)(struct cert *cert, struct str value, bool critical);
} readers[] = {
	{OID_SUBJECT_KEY_ID, read_subject_key_id},
	{OID_KEY_USAGE, read_key_usage},
	{OID_SUBJECT_ALT_NAME, read_san},
	{OID_BASIC_CONSTRAINTS, read_basic_constraints},
	{OID_NAME_CONSTRAINTS, read_constraints},
	{OID_POLICIES, read_nothing}, /* policies: nobody here requires one */
	{OID_AUTHORITY_KEY_ID, read_authority_key_id},
	{OID_EXTENDED_KEY_USAGE, read_extended},
};

static const char *read_extension(
	struct cert *cert, struct str oid, struct str value, bool critical)
{
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (str_eq(oid, readers[i].oid))
			return readers[i].read(cert, value, critical);
	if (critical)
		cert->unhandled = oid;
	return NULL;
}

static const char *parse_extension(
	struct cert *cert, struct str extension, struct str *seen, size_t *count)
{
	struct str oid, value;
	bool critical = false;
	if (!der_take(&extension, DER_OID, &oid))
		return "bad extension";
	if (extension.len && extension.at[0] == DER_BOOLEAN &&
		!der_take_bool(&extension, &critical))
		return "bad extension";
	if (!der_take(&extension, DER_OCTET_STRING, &value) || extension.len)
		return "bad extension";
	if (*count == EXTENSIONS_MAX)
		return "more than 64 extensions";
	for (size_t i = 0; i < *count; i++)
		if (str_eq(seen[i], oid))
			return "the same extension twice";
	seen[(*count)++] = oid;
	return read_extension(cert, oid, value, critical);
}

int cert_parse_extensions(struct cert *cert, struct str extensions, struct err *err)
{
	struct str seen[EXTENSIONS_MAX], extension;
	size_t count = 0;
	while (extensions.len) {
		const char *wrong = der_take(&extensions, DER_SEQUENCE, &extension)
					    ? parse_extension(cert, extension, seen, &count)
					    : "bad extension";
		if (wrong)
			return err_set(err, ERR_SYNTAX, "malformed certificate: %s", wrong);
	}
	return 0;
}
