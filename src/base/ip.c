#include <kube/ip.h>

struct ip ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip){.len = 4, .bytes = {a, b, c, d}};
}

static bool parse_v4(struct str s, uint8_t bytes[4])
{
	struct str part;
	size_t parts = 0;
	while (str_next(&s, '.', &part)) {
		uint64_t value;
		/* A leading zero meant octal to some readers: nobody may write one. */
		if (parts == 4 || part.len > 3 || (part.len > 1 && part.at[0] == '0') ||
			!str_to_u64(part, &value) || value > 255)
			return false;
		bytes[parts++] = (uint8_t)value;
	}
	return parts == 4;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to four digits off *s; -1 without any or with more. */
static int take_group(struct str *s)
{
	int value = 0;
	size_t i = 0;
	for (; i < s->len && hex_digit(s->at[i]) >= 0; i++) {
		if (i == 4)
			return -1;
		value = value << 4 | hex_digit(s->at[i]);
	}
	*s = str_skip(*s, i);
	return i ? value : -1;
}

static bool parse_v6(struct str s, uint8_t bytes[16])
{
	uint8_t read[16] = {0};
	size_t len = 0, gap = SIZE_MAX; /* where "::" stands */
	if (str_starts(s, STR("::"))) {
		gap = 0;
		s = str_skip(s, 2);
	}
	while (s.len > 0) {
		struct str piece = s;
		int group = take_group(&s);
		if (group < 0 || len == 16)
			return false;
		if (s.len > 0 && s.at[0] == '.') {
			/* The last four bytes may be written as IPv4. */
			if (len > 12 || !parse_v4(piece, read + len))
				return false;
			len += 4;
			break;
		}
		read[len++] = (uint8_t)(group >> 8);
		read[len++] = (uint8_t)group;
		if (s.len == 0)
			break;
		if (s.at[0] != ':' || s.len == 1)
			return false;
		s = str_skip(s, 1);
		if (s.at[0] == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = len;
			s = str_skip(s, 1);
		}
	}
	/* "::" stands for at least one group. */
	if (gap == SIZE_MAX ? len != 16 : len > 14)
		return false;
	gap = MIN(gap, len);
	memset(bytes, 0, 16);
	memcpy(bytes, read, gap);
	memcpy(bytes + 16 - (len - gap), read + gap, len - gap);
	return true;
}

bool ip_parse(struct str s, struct ip *ip)
{
	struct ip read = {0};
	bool v6 = str_find_char(s, ':') >= 0;
	if (!(v6 ? parse_v6(s, read.bytes) : parse_v4(s, read.bytes)))
		return false;
	read.len = v6 ? 16 : 4;
	*ip = read;
	return true;
}

static void print_v4(struct buf *b, const uint8_t bytes[4])
{
	buf_print(b, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static bool is_mapped(const struct ip *ip)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	return ip->len == 16 && memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

/* RFC 5952: the first of the longest runs of two or more zero groups becomes "::". */
static void print_v6(struct buf *b, const uint8_t bytes[16])
{
	int gap = -1, gap_len = 1;
	for (int i = 0, run = 0; i < 8; i++) {
		run = bytes[2 * i] || bytes[2 * i + 1] ? 0 : run + 1;
		if (run > gap_len) {
			gap_len = run;
			gap = i + 1 - run;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			buf_add_text(b, "::");
			i += gap_len - 1;
			continue;
		}
		if (i > 0 && i != gap + gap_len)
			buf_add_char(b, ':');
		buf_print(b, "%x", bytes[2 * i] << 8 | bytes[2 * i + 1]);
	}
}

void ip_print(struct buf *b, const struct ip *ip)
{
	if (ip->len == 4) {
		print_v4(b, ip->bytes);
	} else if (is_mapped(ip)) {
		buf_add_text(b, "::ffff:");
		print_v4(b, ip->bytes + 12);
	} else if (ip->len == 16) {
		print_v6(b, ip->bytes);
	} else {
		buf_add_text(b, "invalid IP");
	}
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	return a->len != b->len ? a->len - b->len : memcmp(a->bytes, b->bytes, a->len);
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_cmp(a, b) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};
	if (ip->len == 4)
		return ip->bytes[0] == 127;
	return is_mapped(ip) ? ip->bytes[12] == 127
			     : ip->len == 16 && memcmp(ip->bytes, one, 16) == 0;
}

bool ip_is_unspecified(const struct ip *ip)
{
	static const uint8_t zero[16];
	return ip->len && memcmp(ip->bytes, zero, ip->len) == 0;
}

bool cidr_parse(struct str s, struct cidr *cidr)
{
	struct str address, digits;
	struct ip ip;
	uint64_t bits;
	if (!str_cut_last(s, '/', &address, &digits) || !ip_parse(address, &ip) ||
		(digits.len > 1 && digits.at[0] == '0') || !str_to_u64(digits, &bits) ||
		bits > ip.len * 8u)
		return false;
	*cidr = (struct cidr){ip, (uint8_t)bits};
	return true;
}

void cidr_print(struct buf *b, const struct cidr *cidr)
{
	ip_print(b, &cidr->ip);
	buf_print(b, "/%d", cidr->bits);
}

bool cidr_has(const struct cidr *cidr, const struct ip *ip)
{
	size_t whole = cidr->bits / 8, rest = cidr->bits % 8;
	if (ip->len == 0 || ip->len != cidr->ip.len ||
		memcmp(ip->bytes, cidr->ip.bytes, whole) != 0)
		return false;
	return rest == 0 || (ip->bytes[whole] ^ cidr->ip.bytes[whole]) >> (8 - rest) == 0;
}

static int parse_path(struct str path, struct address *a, struct err *err)
{
	/* "unix:///run/x.sock" is as common as "unix:/run/x.sock". */
	if (str_starts(path, STR("//")))
		path = str_skip(path, 2);
	/* Or what is printed would be taken for the other form. */
	while (str_starts(path, STR("//")))
		path = str_skip(path, 1);
	if (path.len == 0 || str_eq(path, STR("@")))
		return err_set(err, ERR_ADDRESS, "a unix address needs a path");
	if (path.len >= ADDRESS_PATH_MAX)
		return err_set(
			err, ERR_ADDRESS, "a unix path has at most %d bytes", ADDRESS_PATH_MAX - 1);
	if (str_find_char(path, 0) >= 0)
		return err_set(err, ERR_ADDRESS, "a unix path contains no NUL");
	struct address read = {0};
	memcpy(read.path, path.at, path.len);
	*a = read;
	return 0;
}

int address_parse(struct str s, struct address *a, struct err *err)
{
	struct str host, digits;
	struct address read = {0};
	uint64_t port;
	if (str_starts(s, STR("unix:")))
		return parse_path(str_skip(s, 5), a, err);
	struct str shown = str_sub(s, 0, 256);
	if (!str_cut_last(s, ':', &host, &digits))
		return err_set(err, ERR_ADDRESS, "address \"%.*s\" has no port", STRF(shown));
	if (!str_to_u64(digits, &port) || port > UINT16_MAX)
		return err_set(err, ERR_ADDRESS, "address \"%.*s\" has a bad port", STRF(shown));
	read.port = (uint16_t)port;
	bool brackets = str_starts(host, STR("[")) && str_ends(host, STR("]"));
	if (brackets)
		host = str_sub(host, 1, host.len - 1);
	if (host.len == 0 && !brackets)
		read.ip.len = 16;
	else if (!ip_parse(host, &read.ip))
		return err_set(err, ERR_ADDRESS, "address \"%.*s\" has no IP", STRF(shown));
	else if (brackets != (read.ip.len == 16))
		return err_set(err, ERR_ADDRESS,
			"address \"%.*s\": an IPv6 address, and only that, stands in brackets",
			STRF(shown));
	*a = read;
	return 0;
}

void address_print(struct buf *b, const struct address *a)
{
	bool v6 = a->ip.len == 16;
	if (a->path[0]) {
		buf_print(b, "unix:%s", a->path);
		return;
	}
	if (v6)
		buf_add_char(b, '[');
	ip_print(b, &a->ip);
	buf_print(b, v6 ? "]:%d" : ":%d", a->port);
}

struct address address_of(struct ip ip, uint16_t port)
{
	return (struct address){.ip = ip, .port = port};
}

bool address_eq(const struct address *a, const struct address *b)
{
	if (a->path[0] || b->path[0])
		return strcmp(a->path, b->path) == 0;
	return a->port == b->port && ip_eq(&a->ip, &b->ip);
}
