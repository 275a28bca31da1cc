/* Messages as the specification of D-Bus has them: a header of fields, then the body. */
#include <kube/dbus.h>

#include <stdio.h>
#include <string.h>

#define FIELDS_MAX (64 * KIB)

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
	FIELD_FDS
};

/* ---- reading ---- */

static bool align(struct dbus_body *b, size_t to)
{
	b->at = (b->at + to - 1) / to * to;
	return b->at <= b->bytes.len;
}

static bool read_number(struct dbus_body *b, size_t size, uint64_t *value)
{
	const uint8_t *at;

	if (!align(b, size) || b->bytes.len - b->at < size)
		return false;
	at = (const uint8_t *)b->bytes.at + b->at;
	*value = 0;
	for (size_t i = 0; i < size; i++)
		*value |= (uint64_t)at[b->big_endian ? size - 1 - i : i] << (8 * i);
	b->at += size;
	return true;
}

bool dbus_read_u32(struct dbus_body *b, uint32_t *value)
{
	uint64_t wide;

	if (!read_number(b, 4, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

bool dbus_read_bool(struct dbus_body *b, bool *value)
{
	uint32_t number;

	if (!dbus_read_u32(b, &number) || number > 1)
		return false;
	*value = number == 1;
	return true;
}

/* Its length, itself, a NUL. */
static bool read_sized(struct dbus_body *b, size_t size_of_length, struct str *text)
{
	uint64_t len;

	if (!read_number(b, size_of_length, &len) || len >= b->bytes.len - b->at)
		return false;
	*text = str_make(b->bytes.at + b->at, (size_t)len);
	b->at += (size_t)len + 1;
	return b->bytes.at[b->at - 1] == 0 && !memchr(text->at, 0, text->len);
}

bool dbus_read_text(struct dbus_body *b, struct str *text)
{
	return read_sized(b, 4, text);
}

bool dbus_read_u64_variant(struct dbus_body *b, uint64_t *value)
{
	struct str signature;

	return read_sized(b, 1, &signature) && str_eq(signature, STR("t")) &&
	       read_number(b, 8, value);
}

struct dbus_body dbus_body(const struct dbus_message *m)
{
	return (struct dbus_body){.bytes = m->body, .big_endian = m->big_endian};
}

/* ---- a message ---- */

static bool read_field(struct dbus_body *b, struct dbus_message *m)
{
	struct str *const texts[] = {[FIELD_PATH] = &m->path,
		[FIELD_INTERFACE] = &m->interface,
		[FIELD_MEMBER] = &m->member,
		[FIELD_ERROR] = &m->error,
		[FIELD_DESTINATION] = &m->destination,
		[FIELD_SENDER] = &m->sender,
		[FIELD_SIGNATURE] = &m->signature,
		[FIELD_FDS] = NULL};
	struct str signature, text;
	uint64_t code, number;

	if (!align(b, 8) || !read_number(b, 1, &code) || !read_sized(b, 1, &signature))
		return false;
	if (str_eq(signature, STR("u"))) {
		if (!read_number(b, 4, &number))
			return false;
		if (code == FIELD_REPLY)
			m->reply_to = (uint32_t)number;
		return true;
	}
	bool short_text = str_eq(signature, STR("g"));
	if (!short_text && !str_eq(signature, STR("s")) && !str_eq(signature, STR("o")))
		return false; /* of fields to come nobody can know where they end */
	if (!read_sized(b, short_text ? 1 : 4, &text))
		return false;
	if (code < ARRAY_LEN(texts) && texts[code])
		*texts[code] = text;
	return true;
}

int dbus_parse(struct str bytes, struct dbus_message *m, size_t *used, struct err *err)
{
	struct dbus_body b = {.bytes = bytes};
	uint32_t body_len, fields_len;

	*used = 0;
	*m = (struct dbus_message){0};
	if (bytes.len < 16)
		return 0;
	if ((bytes.at[0] != 'l' && bytes.at[0] != 'B') || bytes.at[3] != 1)
		return err_set(err, ERR_SYNTAX, "not a message of D-Bus");
	m->big_endian = b.big_endian = bytes.at[0] == 'B';
	m->kind = (enum dbus_kind)bytes.at[1];
	b.at = 4;
	dbus_read_u32(&b, &body_len);
	dbus_read_u32(&b, &m->serial);
	dbus_read_u32(&b, &fields_len);
	if (fields_len > FIELDS_MAX || body_len > DBUS_MESSAGE_MAX)
		return err_set(err, ERR_SYNTAX, "a message of D-Bus is too large");
	size_t fields_end = 16 + fields_len, body_at = (fields_end + 7) / 8 * 8;
	if (bytes.len < body_at + body_len)
		return 0;
	b.bytes.len = fields_end;
	while (b.at < fields_end)
		if (!read_field(&b, m))
			return err_set(err, ERR_SYNTAX, "a field of a message of D-Bus is broken");
	m->body = str_make(bytes.at + body_at, body_len);
	*used = body_at + body_len;
	return 0;
}

/* ---- writing: little-endian ---- */

static void pad(struct buf *out, size_t start, size_t to)
{
	while ((out->len - start) % to)
		buf_add_char(out, 0);
}

static void add_u32(struct buf *out, size_t start, uint32_t value)
{
	pad(out, start, 4);
	for (int i = 0; i < 4; i++)
		buf_add_char(out, (char)(value >> (8 * i)));
}

static void add_text(struct buf *out, size_t start, const char *text)
{
	add_u32(out, start, (uint32_t)strlen(text));
	buf_add(out, text, strlen(text) + 1);
}

static void add_signature(struct buf *out, const char *text)
{
	buf_add_char(out, (char)strlen(text));
	buf_add(out, text, strlen(text) + 1);
}

static void add_field(
	struct buf *out, size_t start, enum field code, const char *type, const char *text)
{
	if (!text)
		return;
	pad(out, start, 8);
	buf_add_char(out, (char)code);
	add_signature(out, type);
	if (*type == 'g')
		add_signature(out, text);
	else
		add_text(out, start, text);
}

static void set_u32(struct buf *out, size_t at, size_t value)
{
	for (int i = 0; i < 4 && !buf_over(out); i++)
		out->at[at + (size_t)i] = (char)(value >> (8 * i));
}

void dbus_print_call(struct buf *out, const struct dbus_call *call, uint32_t serial)
{
	static const char head[] = {'l', DBUS_CALL, 0, 1};
	size_t start = out->len, count = MIN(call->text_count, (size_t)30);
	char signature[32] = "";

	memset(signature, 's', count);
	if (call->numbered)
		signature[count] = 'i';
	buf_add(out, head, sizeof(head));
	add_u32(out, start, 0);
	add_u32(out, start, serial);
	add_u32(out, start, 0);
	add_field(out, start, FIELD_PATH, "o", call->path);
	add_field(out, start, FIELD_DESTINATION, "s", call->destination);
	add_field(out, start, FIELD_INTERFACE, "s", call->interface);
	add_field(out, start, FIELD_MEMBER, "s", call->member);
	add_field(out, start, FIELD_SIGNATURE, "g", *signature ? signature : NULL);
	set_u32(out, start + 12, out->len - start - 16);
	pad(out, start, 8);
	size_t body = out->len;
	for (size_t i = 0; i < count; i++)
		add_text(out, body, call->texts[i]);
	if (call->numbered)
		add_u32(out, body, (uint32_t)call->number);
	set_u32(out, start + 4, out->len - body);
}

void dbus_print_login(struct buf *out, unsigned uid)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", uid);
	buf_add_char(out, 0);
	buf_add_text(out, "AUTH EXTERNAL ");
	for (const char *c = digits; *c; c++)
		buf_print(out, "%02x", *c);
	buf_add_text(out, "\r\n");
}
