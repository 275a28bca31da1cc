/*
 * dns_message: the messages of DNS (RFC 1035, EDNS of RFC 6891) as bytes. Names are texts with dots
 * and without the last one ("www.example.com", the root is ""); dots and backslashes inside a label
 * are written \. and \\, other strange bytes \DDD.
 */
#ifndef KUBE_DNS_MESSAGE_H
#define KUBE_DNS_MESSAGE_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/ip.h>

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_ANY = 255,
};
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* half of it stands in OPT: only for questions that have one */
};
enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

#define DNS_UDP_MAX     512 /* of who says nothing else */
#define DNS_MESSAGE_MAX 65535
#define DNS_RECORDS_MAX 4096 /* in a message that is read */

/* ---- reading ---- */
struct dns_question {
	uint16_t id;
	uint8_t opcode;
	bool response, recursion_desired, truncated;
	uint8_t rcode;
	struct str name, lower; /* as it was asked, and in lower case */
	uint16_t type, class;
	uint16_t edns_size; /* 0: no EDNS */
	uint8_t edns_version;
	bool dnssec_ok;
	struct str raw; /* the question's bytes */
};
struct dns_record {
	enum dns_section section;
	struct str name;
	uint16_t type, class;
	uint32_t ttl;
	size_t ttl_at;   /* where in the message its ttl stands */
	struct str data; /* as it stands there; names in it may be compressed */
};
struct dns_message {
	struct dns_question question; /* the first one; there must be exactly one */
	struct dns_record *records;   /* but OPT */
	size_t count;
};
/* Names are the same whatever case their letters of ASCII have. In the arena. */
struct str dns_lower(struct arena *a, struct str name);
/* Texts live in the arena, data in the message. ERR_SYNTAX. */
int dns_parse(struct arena *a, struct str message, struct dns_message *m, struct err *err);
/* The name that begins at `data` inside the message (of CNAME, NS, PTR). */
int dns_parse_name(
	struct arena *a, struct str message, struct str data, struct str *name, struct err *err);

/* ---- writing ---- */
#define DNS_SUFFIXES 32
struct dns_writer {
	struct buf *out;
	size_t start;
	uint16_t counts[4];
	struct {
		struct str name;
		uint16_t at;
	} suffixes[DNS_SUFFIXES]; /* names that later ones may point into */
	size_t suffix_count;
	struct arena *arena;
	const struct dns_question *question;
	size_t limit; /* of the message; what goes beyond is cut off at a record and TC is set */
	bool full;
};
/* An answer to that question, header and question written. limit 0: 64 KiB. */
void dns_answer_begin(struct dns_writer *w, struct arena *a, struct buf *out,
	const struct dns_question *q, size_t limit);
/* A question of our own. */
void dns_ask(struct arena *a, struct buf *out, uint16_t id, struct str name, uint16_t type);
void dns_add_address(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	const struct ip *ip);
/* CNAME, NS, PTR: a name for data. */
void dns_add_name(struct dns_writer *w, enum dns_section s, struct str name, uint16_t type,
	uint32_t ttl, struct str target);
void dns_add_srv(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	uint16_t priority, uint16_t weight, uint16_t port, struct str target);
void dns_add_txt(
	struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl, struct str text);
struct dns_soa {
	struct str primary, contact;
	uint32_t serial, refresh, retry, expire, minimum;
};
void dns_add_soa(struct dns_writer *w, enum dns_section s, struct str name, uint32_t ttl,
	const struct dns_soa *soa);
/* Records that stay as they are: their data has no names in it. */
void dns_add_raw(struct dns_writer *w, enum dns_section s, struct str name, uint16_t type,
	uint32_t ttl, struct str data);
/* Fills the header in, adds OPT if the question had it. */
void dns_answer_end(
	struct dns_writer *w, enum dns_rcode rcode, bool authoritative, bool recursion_available);

#endif
