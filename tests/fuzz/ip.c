/* Addresses, CIDRs and socket addresses: what is read prints as text that reads the same. */
#include <kube/ip.h>

#include <arpa/inet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ip(struct str s, struct buf *b)
{
	struct ip ip, back;
	char text[64];
	bool good = ip_parse(s, &ip);
	/* The C library reads the same: it only differs on leading zeros, which nobody should
	 * write. */
	if (good && s.len < sizeof(text)) {
		unsigned char bytes[16];
		memcpy(text, s.at, s.len);
		text[s.len] = 0;
		int known = inet_pton(ip.len == 4 ? AF_INET : AF_INET6, text, bytes);
		assert(known == 1 && memcmp(bytes, ip.bytes, ip.len) == 0);
	}
	if (!good)
		return;
	ip_print(b, &ip);
	bool again = ip_parse(buf_str(b), &back);
	assert(again && ip_eq(&ip, &back));
	buf_clear(b);
}

static void check_cidr(struct str s, struct buf *b)
{
	struct cidr cidr, back;
	if (!cidr_parse(s, &cidr))
		return;
	cidr_print(b, &cidr);
	bool again = cidr_parse(buf_str(b), &back);
	assert(again && ip_eq(&cidr.ip, &back.ip) && cidr.bits == back.bits);
	assert(cidr_has(&cidr, &cidr.ip));
	buf_clear(b);
}

static void check_address(struct str s, struct buf *b)
{
	struct address a, back;
	if (address_parse(s, &a, NULL) != 0)
		return;
	address_print(b, &a);
	int code = address_parse(buf_str(b), &back, NULL);
	assert(code == 0 && address_eq(&a, &back));
	buf_clear(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	struct str s = str_make((const char *)data, size);
	check_ip(s, &b);
	check_cidr(s, &b);
	check_address(s, &b);
	return 0;
}
