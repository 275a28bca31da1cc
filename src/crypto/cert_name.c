/* Distinguished names: what Kubernetes uses of them, and all of them as text. */
#include "cert_private.h"
#include "der_read.h"
#include "oid.h"

#include <kube/codec.h>
#include <kube/mem.h>

#define NAME_PARTS_MAX 256

struct name_part {
	struct str oid;
	unsigned char tag;
	struct str value; /* content bytes */
	struct str whole; /* with its head */
	bool joined;      /* belongs to the same RDN as the one before */
};

struct name_walk {
	struct str rdns, rdn;
	bool fresh; /* the RDN was just opened */
};

static bool walk_start(struct name_walk *w, struct str name_der)
{
	*w = (struct name_walk){0};
	return der_take(&name_der, DER_SEQUENCE, &w->rdns) && name_der.len == 0;
}

/* 1: a part; 0: the end; -1: malformed. */
static int walk_next(struct name_walk *w, struct name_part *part)
{
	struct str pair;
	bool joined = w->rdn.len > 0;
	if (!joined) {
		if (w->rdns.len == 0)
			return 0;
		if (!der_take(&w->rdns, DER_SET, &w->rdn) || w->rdn.len == 0)
			return -1;
	}
	*part = (struct name_part){.joined = joined};
	if (!der_take(&w->rdn, DER_SEQUENCE, &pair) || !der_take(&pair, DER_OID, &part->oid) ||
		!der_next(&pair, &part->tag, &part->value, &part->whole) || pair.len)
		return -1;
	return 1;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

/* UTF-16 without surrogates. */
static bool add_bmp(struct buf *out, struct str value)
{
	if (value.len % 2)
		return false;
	for (size_t i = 0; i < value.len; i += 2) {
		unsigned rune =
			(unsigned)(unsigned char)value.at[i] << 8 | (unsigned char)value.at[i + 1];
		if (rune >= 0xd800 && rune < 0xe000)
			return false;
		buf_add_rune(out, rune);
	}
	return true;
}

/* As UTF-8. false: not text, or text with a NUL, which later readers would take for its end. */
static bool add_text(struct buf *out, const struct name_part *part)
{
	struct str value = part->value;
	size_t before = out->len;
	switch (part->tag) {
	case DER_UTF8_STRING:
		if (!str_is_utf8(value))
			return false;
		buf_add_str(out, value);
		break;
	case DER_PRINTABLE_STRING:
	case DER_NUMERIC_STRING:
	case DER_IA5_STRING:
		if (!is_ascii(value))
			return false;
		buf_add_str(out, value);
		break;
	case DER_T61_STRING: /* everybody who wrote these meant Latin-1 */
		for (size_t i = 0; i < value.len; i++)
			buf_add_rune(out, (unsigned char)value.at[i]);
		break;
	case DER_BMP_STRING:
		if (!add_bmp(out, value))
			return false;
		break;
	default:
		return false;
	}
	return out->len == before || !memchr(out->at + before, 0, out->len - before);
}

static int bad_name(struct err *err)
{
	return err_set(err, ERR_SYNTAX, "malformed certificate: bad name");
}

int cert_parse_name(
	struct arena *arena, struct str name_der, struct cert_name *name, struct err *err)
{
	struct name_walk walk;
	struct name_part part;
	struct str organizations[NAME_PARTS_MAX];
	size_t parts = 0;
	int more;

	*name = (struct cert_name){0};
	if (!walk_start(&walk, name_der))
		return bad_name(err);
	while ((more = walk_next(&walk, &part)) > 0) {
		if (++parts > NAME_PARTS_MAX)
			return err_set(
				err, ERR_LIMIT, "a name of more than %d parts", NAME_PARTS_MAX);
		bool is_cn = str_eq(part.oid, OID_COMMON_NAME);
		bool is_uid = str_eq(part.oid, OID_USER_UID);
		if (!is_cn && !is_uid && !str_eq(part.oid, OID_ORGANIZATION))
			continue;
		struct buf text = BUF_INIT(CERT_DER_MAX * 2);
		if (!add_text(&text, &part)) {
			buf_done(&text);
			return bad_name(err);
		}
		struct str kept = arena_str(arena, buf_str(&text));
		buf_done(&text);
		if (is_cn) {
			name->common_name = kept;
		} else if (is_uid) {
			name->uid = kept;
			name->uid_count++;
		} else {
			organizations[name->organization_count++] = kept;
		}
	}
	if (more < 0)
		return bad_name(err);
	name->organizations =
		arena_copy(arena, organizations, name->organization_count * sizeof(struct str));
	return 0;
}

/* ---- printing ---- */

/*
 * The order in which Go's pkix.Name keeps the attributes it knows; it prints them from the end.
 * All values of one attribute make one RDN, CN and SERIALNUMBER have only their last value.
 */
static const struct known_attribute {
	unsigned char last_oid_byte; /* 2.5.4.x */
	bool single;
	const char *name;
} known[] = {
	{6, false, "C"},
	{10, false, "O"},
	{11, false, "OU"},
	{7, false, "L"},
	{8, false, "ST"},
	{9, false, "STREET"},
	{17, false, "POSTALCODE"},
	{3, true, "CN"},
	{5, true, "SERIALNUMBER"},
};

static bool is_known(struct str oid, const struct known_attribute *attribute)
{
	return oid.len == 3 && oid.at[0] == 0x55 && oid.at[1] == 0x04 &&
	       (unsigned char)oid.at[2] == attribute->last_oid_byte;
}

static void add_escaped(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];
		bool edge = i == 0 || i + 1 == value.len;
		if (strchr(",+\"\\<>;", c) || (c == ' ' && edge) || (c == '#' && i == 0))
			buf_add_char(out, '\\');
		buf_add_char(out, c);
	}
}

static void add_value(struct buf *out, const struct name_part *part)
{
	struct buf text = BUF_INIT(CERT_DER_MAX * 2);
	if (add_text(&text, part)) {
		add_escaped(out, buf_str(&text));
	} else {
		buf_add_char(out, '#');
		hex_encode(out, part->whole);
	}
	buf_done(&text);
}

static void print_attribute(
	struct str name_der, const struct known_attribute *attribute, struct buf *out, bool *first)
{
	struct name_walk walk;
	struct name_part part, last = {0};
	bool begun = false;
	if (!walk_start(&walk, name_der))
		return;
	while (walk_next(&walk, &part) > 0) {
		if (!is_known(part.oid, attribute))
			continue;
		last = part;
		if (attribute->single)
			continue;
		buf_add_text(out, begun ? "+" : *first ? "" : ",");
		buf_print(out, "%s=", attribute->name);
		add_value(out, &part);
		begun = true;
		*first = false;
	}
	if (!attribute->single || !last.oid.at)
		return;
	buf_print(out, "%s%s=", *first ? "" : ",", attribute->name);
	add_value(out, &last);
	*first = false;
}

static void print_unknown(const struct name_part *part, struct buf *out, bool *first)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is_known(part->oid, &known[i]))
			return;
	if (!*first)
		buf_add_char(out, ',');
	oid_print(out, part->oid);
	buf_add_text(out, "=#");
	hex_encode(out, part->whole);
	*first = false;
}

void cert_print_name(struct str name_der, struct buf *out)
{
	struct name_walk walk;
	struct name_part parts[NAME_PARTS_MAX];
	size_t count = 0;
	bool first = true;
	for (size_t i = ARRAY_LEN(known); i-- > 0;)
		print_attribute(name_der, &known[i], out, &first);
	if (!walk_start(&walk, name_der))
		return;
	while (count < NAME_PARTS_MAX && walk_next(&walk, &parts[count]) > 0)
		count++;
	while (count-- > 0)
		print_unknown(&parts[count], out, &first);
}
