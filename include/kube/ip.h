/*
 * IP addresses, CIDRs and socket addresses as values, read and printed as Go's net/netip does
 * (no leading zeros in IPv4 parts, RFC 5952 printing, IPv4-mapped kept apart).
 */
#ifndef KUBE_IP_H
#define KUBE_IP_H

#include <kube/buf.h>
#include <kube/err.h>

struct ip {
	uint8_t len; /* 4 or 16; 0: no address */
	uint8_t bytes[16];
};

bool ip_parse(struct str s, struct ip *ip); /* no zone, no port */
void ip_print(struct buf *b, const struct ip *ip);
bool ip_eq(const struct ip *a, const struct ip *b);
int ip_cmp(const struct ip *a, const struct ip *b);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_unspecified(const struct ip *ip);
struct ip ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);

struct cidr {
	struct ip ip; /* as written; may have host bits */
	uint8_t bits;
};

bool cidr_parse(struct str s, struct cidr *cidr);
void cidr_print(struct buf *b, const struct cidr *cidr);
bool cidr_has(const struct cidr *cidr, const struct ip *ip);

/* Where a socket can be: an IP and a port, or a unix path (a leading '@' is abstract). */
#define ADDRESS_PATH_MAX 108
struct address {
	struct ip ip;
	uint16_t port;
	char path[ADDRESS_PATH_MAX]; /* not empty: unix, ip and port mean nothing */
};

/* "1.2.3.4:80", "[::1]:80", ":80" (unspecified v6), "unix:/run/x.sock". Names are no addresses. */
int address_parse(struct str s, struct address *a, struct err *err);
void address_print(struct buf *b, const struct address *a);
struct address address_of(struct ip ip, uint16_t port);
bool address_eq(const struct address *a, const struct address *b);

#endif
