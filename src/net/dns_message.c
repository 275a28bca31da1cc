#include <kube/dns_message.h>

#include <string.h>

#define HEADER      12
#define LABEL_MAX   63
#define NAME_LIMIT  255
#define JUMPS_MAX   64
#define OUR_EDNS    1232
#define FLAG_QR     0x8000
#define FLAG_AA     0x0400
#define FLAG_TC     0x0200
#define FLAG_RD     0x0100
#define FLAG_RA     0x0080
#define CLASS_IN    1
#define POINTER     0xc0
#define POINTER_MAX 0x3fff

/* ---- numbers ---- */

static uint16_t get16(const char *at)
{
	const uint8_t *b = (const uint8_t *)at;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

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

/* ---- reading names ---- */

static void add_escaped(struct buf *text, uint8_t c)
{
	if (c == '.' || c == '\\')
		buf_print(text, "\\%c", c);
	else if (c <= ' ' || c >= 0x7f)
		buf_print(text, "\\%03d", c);
	else
		buf_add_char(text, (char)c);
}

/* Labels and pointers from *at on; *at moves behind the name as it stands there. */
static int read_name(
	struct arena *a, struct str message, size_t *at, struct str *name, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * NAME_LIMIT + 4);
	size_t p = *at, length = 0;
	bool jumped = false;

	for (int jumps = 0;;) {
		if (p >= message.len)
			return err_set(err, ERR_SYNTAX, "a name goes beyond the message");
		uint8_t n = (uint8_t)message.at[p];
		if ((n & POINTER) == POINTER) {
			if (p + 1 >= message.len || ++jumps > JUMPS_MAX)
				return err_set(err, ERR_SYNTAX, "a name points nowhere");
			if (!jumped)
				*at = p + 2;
			jumped = true;
			p = get16(message.at + p) & POINTER_MAX;
			continue;
		}
		if (n > LABEL_MAX || p + 1 + n > message.len)
			return err_set(err, ERR_SYNTAX, "a label goes beyond the message");
		p++;
		if (n == 0)
			break;
		length += 1 + (size_t)n;
		if (length > NAME_LIMIT - 1)
			return err_set(err, ERR_SYNTAX, "a name is too long");
		if (text.len)
			buf_add_char(&text, '.');
		for (uint8_t i = 0; i < n; i++)
			add_escaped(&text, (uint8_t)message.at[p + i]);
		p += n;
	}
	if (!jumped)
		*at = p;
	*name = arena_str(a, buf_str(&text));
	return 0;
}

int dns_parse_name(
	struct arena *a, struct str message, struct str data, struct str *name, struct err *err)
{
	size_t at = (size_t)(data.at - message.at);

	return read_name(a, message, &at, name, err);
}

/* ---- reading messages ---- */

static struct str lower(struct arena *a, struct str s)
{
	char *text = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		text[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] + 32) : s.at[i];
	text[s.len] = 0;
	return str_make(text, s.len);
}

static int read_question(
	struct arena *a, struct str message, size_t *at, struct dns_question *q, struct err *err)
{
	size_t start = *at;
	int code = read_name(a, message, at, &q->name, err);

	if (code)
		return code;
	if (*at + 4 > message.len)
		return err_set(err, ERR_SYNTAX, "the question goes beyond the message");
	q->lower = lower(a, q->name);
	q->type = get16(message.at + *at);
	q->class = get16(message.at + *at + 2);
	*at += 4;
	q->raw = str_make(message.at + start, *at - start);
	return 0;
}

static int read_record(
	struct arena *a, struct str message, size_t *at, struct dns_record *r, struct err *err)
{
	int code = read_name(a, message, at, &r->name, err);

	if (code)
		return code;
	if (*at + 10 > message.len)
		return err_set(err, ERR_SYNTAX, "a record goes beyond the message");
	r->type = get16(message.at + *at);
	r->class = get16(message.at + *at + 2);
	r->ttl = get32(message.at + *at + 4);
	r->ttl_at = *at + 4;
	size_t len = get16(message.at + *at + 8);
	*at += 10;
	if (*at + len > message.len)
		return err_set(err, ERR_SYNTAX, "a record's data goes beyond the message");
	r->data = str_make(message.at + *at, len);
	*at += len;
	return 0;
}

static void note_edns(struct dns_question *q, const struct dns_record *opt)
{
	q->edns_size = opt->class < DNS_UDP_MAX ? DNS_UDP_MAX : opt->class;
	q->edns_version = (uint8_t)(opt->ttl >> 16);
	q->dnssec_ok = opt->ttl & 0x8000;
}

static int read_records(struct arena *a, struct str message, size_t at, const size_t counts[3],
	struct dns_message *m, struct err *err)
{
	size_t total = counts[0] + counts[1] + counts[2];

	if (total > DNS_RECORDS_MAX)
		return err_set(err, ERR_SYNTAX, "too many records");
	m->records = arena_alloc(a, (total + 1) * sizeof(*m->records));
	for (size_t s = 0; s < 3; s++)
		for (size_t i = 0; i < counts[s]; i++) {
			struct dns_record *r = &m->records[m->count];
			int code = read_record(a, message, &at, r, err);

			if (code)
				return code;
			r->section = (enum dns_section)s;
			if (r->type == DNS_OPT && s == DNS_ADDITIONAL)
				note_edns(&m->question, r);
			else
				m->count++;
		}
	return 0;
}

int dns_parse(struct arena *a, struct str message, struct dns_message *m, struct err *err)
{
	struct dns_question *q = &m->question;
	size_t counts[3], at = HEADER;

	*m = (struct dns_message){0};
	if (message.len < HEADER || message.len > DNS_MESSAGE_MAX)
		return err_set(err, ERR_SYNTAX, "no message of DNS");
	unsigned flags = get16(message.at + 2);
	q->id = get16(message.at);
	q->response = flags & FLAG_QR;
	q->opcode = flags >> 11 & 15;
	q->truncated = flags & FLAG_TC;
	q->recursion_desired = flags & FLAG_RD;
	q->rcode = flags & 15;
	for (size_t s = 0; s < 3; s++)
		counts[s] = get16(message.at + 6 + 2 * s);
	if (get16(message.at + 4) != 1)
		return err_set(err, ERR_SYNTAX, "there must be one question");
	int code = read_question(a, message, &at, q, err);
	return code ? code : read_records(a, message, at, counts, m, err);
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
static size_t take_label(struct str *name, char label[LABEL_MAX])
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
		if (n < LABEL_MAX)
			label[n++] = (char)c;
	}
	*name = str_skip(*name, i < name->len ? i + 1 : i);
	return n;
}

static void put_name(struct dns_writer *w, struct str name)
{
	uint16_t at;

	while (name.len) {
		char label[LABEL_MAX];
		size_t here = w->out->len - w->start;

		if (known_suffix(w, name, &at)) {
			put16(w->out, 0xc000u | at);
			return;
		}
		if (w->suffix_count < DNS_SUFFIXES && here <= POINTER_MAX) {
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
	unsigned flags = FLAG_QR | (unsigned)q->opcode << 11 | (rcode & 15);
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
	flags |= w->full ? FLAG_TC : 0;
	flags |= q->recursion_desired ? FLAG_RD : 0;
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

	header(out, id, FLAG_RD, counts);
	put_name(&w, name);
	put16(out, type);
	put16(out, CLASS_IN);
	buf_add_char(out, 0);
	put16(out, DNS_OPT);
	put16(out, OUR_EDNS);
	put32(out, 0);
	put16(out, 0);
}
