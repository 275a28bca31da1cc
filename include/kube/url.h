/*
 * URLs and queries as Go's net/url reads and writes them. Parsing borrows from the text; decoded
 * parts are made in the arena. Longer than 64 KiB is ERR_TOO_LARGE. On failure *url is untouched.
 */
#ifndef KUBE_URL_H
#define KUBE_URL_H

#include <kube/arena.h>
#include <kube/buf.h>
#include <kube/err.h>

struct url {
	struct str scheme; /* lower case */
	struct str user;   /* decoded; has_password tells "user:" from "user" */
	struct str password;
	bool has_user, has_password;
	struct str host;     /* without port and brackets, decoded */
	struct str port;     /* digits or empty */
	struct str path;     /* decoded */
	struct str raw_path; /* as it stood */
	struct str raw_query;
	bool has_query; /* "?" stood there */
	struct str fragment;
	struct str opaque; /* "mailto:x" */
};

int url_parse(struct arena *a, struct str text, struct url *url, struct err *err);
/* What stands in a request line: origin-form, absolute-form, authority-form (CONNECT) or "*". */
int url_parse_request(
	struct arena *a, struct str method, struct str target, struct url *url, struct err *err);
void url_print(struct buf *out, const struct url *url);
/* A path that begins with a slash, as Go's path.Clean has it: no "//", no ".", no "..", no slash at
 * the end but the first. */
struct str url_clean_path(struct arena *a, struct str path);
/* 443 and 80 for https and http when no port stands there; 0 if unknown. */
uint16_t url_port(const struct url *url);

/* One pair after the other: "a=1&b&c=%20". Bad pairs (bad escapes, ';') are skipped and reported
 * by *bad, as ParseQuery does. */
struct query_pair {
	struct str key, value;
};
struct query {
	struct query_pair *pairs;
	size_t count;
	bool bad;
};
int query_parse(struct arena *a, struct str raw, struct query *q,
	struct err *err);                                     /* at most 1,000 pairs */
struct str query_get(const struct query *q, const char *key); /* first, or empty */
bool query_has(const struct query *q, const char *key);
void query_print(struct buf *out, const struct query *q); /* in the order they stand */

void url_escape_path(struct buf *out, struct str s);  /* a segment: '/' is escaped */
void url_escape_query(struct buf *out, struct str s); /* space is '+' */
int url_unescape_path(struct buf *out, struct str s, struct err *err);
int url_unescape_query(struct buf *out, struct str s, struct err *err);

#endif
