/*
 * Heads of HTTP/1 messages: finding where one ends while its bytes arrive, and reading it once
 * it is whole. Pure; strict: CRLF alone ends lines, no folding, no space before a colon, one
 * reading of where the body ends. Two readers look at every head, ours and llhttp, and what
 * either refuses is refused: smuggling lives from two readers of different opinion.
 */
#ifndef NET_HTTP1_HEAD_H
#define NET_HTTP1_HEAD_H

#include <kube/http.h>

enum http1_found { HTTP1_MORE, HTTP1_COMPLETE, HTTP1_BAD };

/* How far has been looked; zero at the start of a head. */
struct http1_scan {
	size_t at;   /* COMPLETE: the head's length, its empty line included */
	size_t line; /* where the line that is being looked at begins */
};

/* bytes: all of the head so far. Looks at what is new since the last call. */
enum http1_found http1_scan_head(struct http1_scan *scan, struct str bytes);

/* Can these bytes, the start of an unfinished head, still become a request? 0 or a status. */
int http1_check_start(struct str bytes, const struct http1_scan *scan);

/* What follows the head, and the connection after that. */
struct http1_framing {
	bool chunked;
	bool has_length;
	bool keep_alive;
	bool upgrade;
	int64_t length;
};

/*
 * head: whole, in memory that lives as long as *r. 0, or the status to refuse it with and *why
 * (static text).
 */
int http1_parse_request(struct arena *a, struct str head, const struct http_limits *limits,
	struct http_request *r, struct http1_framing *f, const char **why);

struct http1_response {
	enum http_version version;
	int status;
	struct http_headers headers;
};

/* 0 or ERR_PROTOCOL. */
int http1_parse_response(struct arena *a, struct str head, const struct http_limits *limits,
	struct http1_response *r, struct http1_framing *f, struct err *err);

/* The lines of a trailer section, its empty line included. Fields that belong in a head only are
 * left out. */
int http1_parse_trailers(struct arena *a, struct str block, const struct http_limits *limits,
	struct http_headers *trailers, struct err *err);

#endif
