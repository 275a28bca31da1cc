/* Messages of DNS that are written: answers, questions. */
#include "dns_wire.h"

#define OUR_EDNS 1232
#define FLAG_AA  0x0400
#define FLAG_RA  0x0080
#define CLASS_IN 1

static void put16(struct buf *out, unsigned value)
{
	buf_add_char(out, (char)(value >> 8));
	buf_add_char(out, (char)value);
}

static void put32(struct buf *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out, value & 0xffff);
}

/* ---- writing names ---- */

static const struct dns_writer *known_suffix(
	const struct dns_writer *w, struct str name, uint16_t *at)
{
	for (size_t i = 0; i < w->suffix_count; i++)
		if (str_eq(w->suffixes[i].name, name)) {
			*at = w->suffixes[i].at;
			return w;
		}
	return NULL;
}

/* One label, up to a dot that is not escaped; *name moves behind it. */
static size_t take_label(struct str *name, char label[DNS_LABEL_MAX])
{
	size_t n = 0, i = 0;

	while (i < name->len && name->at[i] != '.') {
		unsigned c = (uint8_t)name->at[i++];

		if (c == '\\' && i + 2 < name->len && name->at[i] >= '0' && name->at[i] <= '9') {
			c = (unsigned)((name->at[i] - '0') * 100 + (name->at[i + 1] - '0') * 10 +
				       (name->at[i + 2] - '0'));
			i += 3;
		} else if (c == '\\' && i < name->len) {
			c = (uint8_t)name->at[i++];
		}
		if (n < DNS_LABEL_MAX)
			label[n++] = (char)c;
	}
	*name = str_skip(*name, i < name->len ? i + 1 : i);
	return n;
}

static void put_name(struct dns_writer *w, struct str name)
{
	uint16_t at;

	while (name.len) {
		char label[DNS_LABEL_MAX];
		size_t here = w->out->len - w->start;

		if (known_suffix(w, name, &at)) {
			put16(w->out, 0xc000u | at);
			return;
		}
		if (w->suffix_count < DNS_SUFFIXES && here <= DNS_POINTER_MAX) {
			w->suffixes[w->suffix_count].name = name;
			w->suffixes[w->suffix_count++].at = (uint16_t)here;
		}
		size_t n = take_label(&name, label);
		buf_add_char(w->out, (char)n);
		buf_add(w->out, label, n);
	}
	buf_add_char(w->out, 0);
}

/* ---- writing records ---- */

/* Where a record begins, to go back to when it does not fit. */
struct mark {
	size_t at, suffixes, length_at;
};

static bool record_begin(
	struct dns_writer *w, struct mark *m, struct str name, unsigned type, uint32_t ttl)
{
	if (w->full)
		return false;
	m->at = w->out->len;
	m->suffixes = w->suffix_count;
	put_name(w, arena_str(w->arena, name));
	put16(w->out, type);
	put16(w->out, CLASS_IN);
	put32(w->out, ttl);
	m->length_at = w->out->len;
	put16(w->out, 0);
	return true;
}

static void record_end(struct dns_writer *w, const struct mark *m, enum dns_section s)
{
	size_t len = w->out->len - m->length_at - 2;

	if (buf_over(w->out) || w->out->len - w->start > w->limit) {
		buf_cut(w->out, m->at);
		w->suffix_count = m->suffixes;
		w->full = true;
		return;
	}
	w->out->at[m->length_at] = (char)(len >> 8);
	w->out->at[m->length_at + 1] = (char)len;
	w->counts[1 + s]++;
}

void dns_add_raw(struct dns_writer *w, enum dns_section s, struct str name, uint16_t type,
	uint32_t ttl, struct str data)
{
	struct mark m;

	if (!record_begin(w, &m, name, type, ttl))
		return;
	buf_add_str(w->out, data);
	record_end(w, &m, s);
}

void dns_add_address(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	const struct ip *ip)
{
	dns_add_raw(w, s, name, ip->len == 4 ? DNS_A : DNS_AAAA, ttl,
		str_make((const char *)ip->bytes, ip->len));
}

void dns_add_name(struct dns_writer *w, enum dns_section s, struct str name, uint16_t type,
	uint32_t ttl, struct str target)
{
	struct mark m;

	if (!record_begin(w, &m, name, type, ttl))
		return;
	put_name(w, arena_str(w->arena, target));
	record_end(w, &m, s);
}

void dns_add_srv(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	uint16_t priority, uint16_t weight, uint16_t port, struct str target)
{
	struct mark m;

	if (!record_begin(w, &m, name, DNS_SRV, ttl))
		return;
	put16(w->out, priority);
	put16(w->out, weight);
	put16(w->out, port);
	put_name(w, arena_str(w->arena, target));
	record_end(w, &m, s);
}

void dns_add_txt(
	struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl, struct str text)
{
	struct mark m;

	if (!record_begin(w, &m, name, DNS_TXT, ttl))
		return;
	do {
		size_t n = MIN(text.len, (size_t)255);

		buf_add_char(w->out, (char)n);
		buf_add(w->out, text.at, n);
		text = str_skip(text, n);
	} while (text.len);
	record_end(w, &m, s);
}

void dns_add_soa(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	const struct dns_soa *soa)
{
	struct mark m;

	if (!record_begin(w, &m, name, DNS_SOA, ttl))
		return;
	put_name(w, arena_str(w->arena, soa->primary));
	put_name(w, arena_str(w->arena, soa->contact));
	put32(w->out, soa->serial);
	put32(w->out, soa->refresh);
	put32(w->out, soa->retry);
	put32(w->out, soa->expire);
	put32(w->out, soa->minimum);
	record_end(w, &m, s);
}

/* ---- whole messages ---- */

static void header(struct buf *out, unsigned id, unsigned flags, const uint16_t counts[4])
{
	put16(out, id);
	put16(out, flags);
	for (int i = 0; i < 4; i++)
		put16(out, counts[i]);
}

void dns_answer_begin(struct dns_writer *w, struct arena *a, struct buf *out,
	const struct dns_question *q, size_t limit)
{
	static const uint16_t none[4];

	*w = (struct dns_writer){.out = out,
		.start = out->len,
		.arena = a,
		.question = q,
		.limit = limit ? limit : DNS_MESSAGE_MAX};
	if (q->edns_size) /* room for OPT */
		w->limit -= 11;
	header(out, q->id, 0, none);
	w->counts[0] = 1;
	put_name(w, q->name);
	put16(out, q->type);
	put16(out, q->class);
}

void dns_answer_end(
	struct dns_writer *w, enum dns_rcode rcode, bool authoritative, bool recursion_available)
{
	const struct dns_question *q = w->question;
	unsigned flags = DNS_FLAG_QR | (unsigned)q->opcode << 11 | (rcode & 15);
	char *at = w->out->at + w->start;

	if (q->edns_size) {
		buf_add_char(w->out, 0);
		put16(w->out, DNS_OPT);
		put16(w->out, OUR_EDNS);
		put32(w->out, (uint32_t)rcode >> 4 << 24 | (q->dnssec_ok ? 0x8000 : 0));
		put16(w->out, 0);
		w->counts[3]++;
		at = w->out->at + w->start;
	}
	flags |= authoritative ? FLAG_AA : 0;
	flags |= w->full ? DNS_FLAG_TC : 0;
	flags |= q->recursion_desired ? DNS_FLAG_RD : 0;
	flags |= recursion_available ? FLAG_RA : 0;
	at[2] = (char)(flags >> 8);
	at[3] = (char)flags;
	for (int i = 0; i < 4; i++) {
		at[4 + 2 * i] = (char)(w->counts[i] >> 8);
		at[5 + 2 * i] = (char)w->counts[i];
	}
}

void dns_ask(struct arena *a, struct buf *out, uint16_t id, struct str name, uint16_t type)
{
	static const uint16_t counts[4] = {1, 0, 0, 1};
	struct dns_writer w = {.out = out, .start = out->len, .arena = a, .limit = DNS_MESSAGE_MAX};

	header(out, id, DNS_FLAG_RD, counts);
	put_name(&w, name);
	put16(out, type);
	put16(out, CLASS_IN);
	buf_add_char(out, 0);
	put16(out, DNS_OPT);
	put16(out, OUR_EDNS);
	put32(out, 0);
	put16(out, 0);
}
