/* Messages of DNS that come from others. */
#include "dns_wire.h"

#define HEADER     12
#define NAME_LIMIT 255
#define JUMPS_MAX  64
#define POINTER    0xc0

static uint16_t get16(const char *at)
{
	const uint8_t *b = (const uint8_t *)at;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
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
			p = get16(message.at + p) & DNS_POINTER_MAX;
			continue;
		}
		if (n > DNS_LABEL_MAX || p + 1 + n > message.len)
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

struct str dns_lower(struct arena *a, struct str s)
{
	char *text = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		text[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] + 32) : s.at[i];
	text[s.len] = 0;
	return str_make(text, s.len);
}

/* ---- reading messages ---- */

static int read_question(
	struct arena *a, struct str message, size_t *at, struct dns_question *q, struct err *err)
{
	size_t start = *at;
	int code = read_name(a, message, at, &q->name, err);

	if (code)
		return code;
	if (*at + 4 > message.len)
		return err_set(err, ERR_SYNTAX, "the question goes beyond the message");
	q->lower = dns_lower(a, q->name);
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
	q->response = flags & DNS_FLAG_QR;
	q->opcode = flags >> 11 & 15;
	q->truncated = flags & DNS_FLAG_TC;
	q->recursion_desired = flags & DNS_FLAG_RD;
	q->rcode = flags & 15;
	for (size_t s = 0; s < 3; s++)
		counts[s] = get16(message.at + 6 + 2 * s);
	if (get16(message.at + 4) != 1)
		return err_set(err, ERR_SYNTAX, "there must be one question");
	int code = read_question(a, message, &at, q, err);
	return code ? code : read_records(a, message, at, counts, m, err);
}
