#include "net/http1_head.h"

#include <kube/mem.h>
#include <test.h>

static struct http_limits limits = {.header_count = 5, .header_bytes = 64 * KIB};

/* ---- where a head ends ---- */

static enum http1_found scan_bytewise(const char *text, size_t *len)
{
	struct http1_scan scan = {0};
	enum http1_found found = HTTP1_MORE;
	for (size_t n = 0; n <= strlen(text) && found == HTTP1_MORE; n++)
		found = http1_scan_head(&scan, str_make(text, n));
	*len = scan.at;
	return found;
}

static enum http1_found scan_at_once(const char *text, size_t *len)
{
	struct http1_scan scan = {0};
	enum http1_found found = http1_scan_head(&scan, str_from(text));
	*len = scan.at;
	return found;
}

TEST(the_end_of_a_head_is_found_at_any_split)
{
	static const struct {
		const char *text;
		enum http1_found found;
		size_t len;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\nmore", HTTP1_COMPLETE, 27},
		{"GET / HTTP/1.1\r\n\r\n", HTTP1_COMPLETE, 18},
		{"\r\n", HTTP1_COMPLETE, 2},
		{"GET / HTTP/1.1\r\nHost: x\r\n", HTTP1_MORE, 0},
		{"", HTTP1_MORE, 0},
		{"GET / HTTP/1.1\nHost: x\r\n\r\n", HTTP1_BAD, 0},
		{"GET / HTTP/1.1\r\nHost: x\n\r\n", HTTP1_BAD, 0},
		{"GET / HTTP/1.1\r\nHost: x\r\n\n", HTTP1_BAD, 0},
		{"\n", HTTP1_BAD, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu", i);
		size_t len = 0;
		EXPECT_INT(scan_bytewise(cases[i].text, &len), cases[i].found);
		if (cases[i].len)
			EXPECT_INT(len, cases[i].len);
		EXPECT_INT(scan_at_once(cases[i].text, &len), cases[i].found);
		if (cases[i].len)
			EXPECT_INT(len, cases[i].len);
	}
}

TEST(what_cannot_become_a_request_is_known_early)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"G", 0},
		{"GET /x", 0},
		{"GET /x HTTP/1.1\r\nHo", 0},
		{"GET /x HTTP/1.1\r\nHost: a\r\nX", 0},
		{"GET /x\r\n", 400},
		{"GET /x HTTQ/1.1\r\n", 400},
		{"GET /x HTTP/2.0\r\n", 505},
		{"GET /x HTTP/1.2\r\n", 505},
		{"\x16\x03\x01\x02", 400},
		{" GET", 400},
		{"GET\t/", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu", i);
		struct http1_scan scan = {0};
		struct str text = str_from(cases[i].text);
		EXPECT_INT(http1_scan_head(&scan, text), HTTP1_MORE);
		EXPECT_INT(http1_check_start(text, &scan), cases[i].status);
	}
}

/* ---- requests ---- */

struct parsed {
	struct arena arena;
	struct http_request r;
	struct http1_framing f;
	const char *why;
	int status;
};

static void parse_len(struct parsed *p, const char *text, size_t len)
{
	*p = (struct parsed){0};
	arena_init(&p->arena);
	struct str head = {arena_copy(&p->arena, text, len), len};
	p->status = http1_parse_request(&p->arena, head, &limits, &p->r, &p->f, &p->why);
}

static int status_of(const char *text)
{
	struct parsed p;
	parse_len(&p, text, strlen(text));
	arena_done(&p.arena);
	return p.status;
}

TEST(a_request_is_read)
{
	struct parsed p;
	const char *text = "PATCH /api/v1/pods?x=1 HTTP/1.1\r\nHost: [::1]:6443\r\n"
			   "content-length:  12 \r\nX-Empty:\r\nConnection: Upgrade, close\r\n\r\n";
	parse_len(&p, text, strlen(text));
	EXPECT_INT(p.status, 0);
	EXPECT_STR(p.r.method, "PATCH");
	EXPECT_STR(p.r.target, "/api/v1/pods?x=1");
	EXPECT_STR(p.r.authority, "[::1]:6443");
	EXPECT_INT(p.r.version, HTTP_1_1);
	EXPECT_INT(p.r.length, 12);
	EXPECT_INT(p.r.headers.count, 4);
	EXPECT_STR(http_headers_get(&p.r.headers, STR("Content-Length")), "12");
	EXPECT(http_headers_has(&p.r.headers, STR("x-empty")));
	EXPECT(!p.f.keep_alive);
	EXPECT(p.f.upgrade);
	arena_done(&p.arena);
}

TEST(framing_and_keep_alive_follow_version_and_fields)
{
	struct parsed p;
	static const struct {
		const char *text;
		int64_t length;
		bool keep_alive;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0, false},
		{"GET / HTTP/1.0\r\n\r\n", 0, false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, true},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
			HTTP_LENGTH_UNKNOWN, true},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 0, true},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
			INT64_MAX, true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", 0, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu", i);
		parse_len(&p, cases[i].text, strlen(cases[i].text));
		EXPECT_INT(p.status, 0);
		EXPECT_INT(p.r.length, cases[i].length);
		EXPECT_INT(p.f.keep_alive, cases[i].keep_alive);
		arena_done(&p.arena);
	}
}

TEST(any_token_is_a_method)
{
	EXPECT_INT(status_of("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	EXPECT_INT(status_of("X-~!#$%&'*+.^_`| / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	EXPECT_INT(status_of("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	EXPECT_INT(status_of("PRI / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	EXPECT_INT(status_of("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
	EXPECT_INT(status_of("G\xc3\xa9 / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(targets_come_in_four_forms)
{
	struct parsed p;
	static const struct {
		const char *text, *authority;
		int status;
	} cases[] = {
		{"GET /a HTTP/1.1\r\nHost: h:1\r\n\r\n", "h:1", 0},
		{"GET http://other:2/a HTTP/1.1\r\nHost: h\r\n\r\n", "other:2", 0},
		{"GET http://other?x HTTP/1.1\r\nHost: h\r\n\r\n", "other", 0},
		{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "h", 0},
		{"CONNECT db:5432 HTTP/1.1\r\nHost: h\r\n\r\n", "db:5432", 0},
		{"GET * HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"OPTIONS *x HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET a HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET  HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
		{"GET /a\x7f HTTP/1.1\r\nHost: h\r\n\r\n", NULL, 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu", i);
		parse_len(&p, cases[i].text, strlen(cases[i].text));
		EXPECT_INT(p.status, cases[i].status);
		if (cases[i].authority)
			EXPECT_STR(p.r.authority, cases[i].authority);
		arena_done(&p.arena);
	}
}

TEST(what_smuggles_is_refused)
{
#define REQUEST(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{REQUEST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
		{REQUEST("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400},
		{REQUEST("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
		{REQUEST("Content-Length: 3\r\ncontent-length: 3\r\n"), 400},
		{REQUEST("Content-Length: 3, 4\r\n"), 400},
		{REQUEST("Content-Length: +3\r\n"), 400},
		{REQUEST("Content-Length: -3\r\n"), 400},
		{REQUEST("Content-Length: 0x3\r\n"), 400},
		{REQUEST("Content-Length: \r\n"), 400},
		{REQUEST("Content-Length: 9223372036854775808\r\n"), 400},
		{REQUEST("Content-Length: 99999999999999999999999\r\n"), 400},
		{REQUEST("Transfer-Encoding: identity\r\n"), 501},
		{REQUEST("Transfer-Encoding: gzip, chunked\r\n"), 501},
		{REQUEST("Transfer-Encoding: chunked, identity\r\n"), 501},
		{REQUEST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501},
		{REQUEST("Transfer-Encoding: xchunked\r\n"), 501},
		{REQUEST("Transfer-Encoding: \"chunked\"\r\n"), 501},
		{REQUEST("Transfer-Encoding:\x0b"
			 "chunked\r\n"),
			400},
		{REQUEST("Transfer-Encoding : chunked\r\n"), 400},
		{REQUEST("Content-Length : 3\r\n"), 400},
		{REQUEST(" Content-Length: 3\r\n"), 400},
		{REQUEST("X: a\r\n folded\r\n"), 400},
		{REQUEST("X: a\r\n\tfolded\r\n"), 400},
		{REQUEST("X: a\rb\r\n"), 400},
		{REQUEST("X: a\r\r\n"), 400},
		{REQUEST("X\r\n"), 400},
		{REQUEST(": x\r\n"), 400},
		{REQUEST("X Y: x\r\n"), 400},
		{REQUEST("X\xff: x\r\n"), 400},
		{REQUEST("X: \x01\r\n"), 400},
		{REQUEST("X: \x7f\r\n"), 400},
		{REQUEST("Host: b\r\n"), 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
		{"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /\r\n\r\n", 400},
		{"\r\n", 400},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		{"GET / HTTP/1.9\r\nHost: a\r\n\r\n", 505},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu: %s", i, cases[i].text);
		EXPECT_INT(status_of(cases[i].text), cases[i].status);
	}
}

TEST(a_nul_is_refused_anywhere)
{
	static const char text[] = "GET /path HTTP/1.1\r\nHost: a\r\nX-Name: value\r\n\r\n";
	struct str lines = STR("GET /path HTTP/1.1\r\nHost: a\r\nX-Name: value\r\n\r\n");
	for (size_t i = 0; i < lines.len; i++) {
		if (text[i] == '\r' || text[i] == '\n')
			continue;
		test_context("at %zu", i);
		char copy[sizeof(text)];
		memcpy(copy, text, sizeof(text));
		copy[i] = 0;
		struct parsed p;
		parse_len(&p, copy, lines.len);
		EXPECT(p.status != 0);
		arena_done(&p.arena);
	}
}

TEST(too_many_fields_are_refused)
{
	EXPECT_INT(
		status_of("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n"), 0);
	EXPECT_INT(status_of("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n"
			     "E: 1\r\n\r\n"),
		431);
}

/* ---- responses ---- */

static int response_code(const char *text, struct http1_response *r, struct http1_framing *f)
{
	struct arena a;
	arena_init(&a);
	struct err err = {0};
	int code = http1_parse_response(&a, str_from(text), &limits, r, f, &err);
	err_done(&err);
	arena_done(&a);
	return code;
}

TEST(responses_are_read)
{
	struct http1_response r;
	struct http1_framing f;
	EXPECT_INT(response_code("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &r, &f), 0);
	EXPECT_INT(r.status, 200);
	EXPECT_INT(f.length, 5);
	EXPECT(f.keep_alive && f.has_length);
	EXPECT_INT(response_code("HTTP/1.1 404\r\n\r\n", &r, &f), 0);
	EXPECT_INT(r.status, 404);
	EXPECT(!f.has_length && !f.chunked);
	EXPECT_INT(response_code("HTTP/1.0 299 \r\nConnection: keep-alive\r\n\r\n", &r, &f), 0);
	EXPECT(f.keep_alive);
	EXPECT_INT(response_code("HTTP/1.1 999 What \xc3\xa9ver\r\nTransfer-Encoding: chunked\r\n"
				 "Connection: close\r\n\r\n",
			   &r, &f),
		0);
	EXPECT(f.chunked && !f.keep_alive);
}

TEST(malformed_responses_are_refused)
{
	static const char *cases[] = {
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 O\x01K\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
		"\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\nF:1\r\n\r\n",
	};
	struct http1_response r;
	struct http1_framing f;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%zu: %s", i, cases[i]);
		EXPECT_INT(response_code(cases[i], &r, &f), ERR_PROTOCOL);
	}
}

TEST(trailers_leave_out_what_belongs_in_a_head)
{
	struct arena a;
	arena_init(&a);
	struct http_headers t = {0};
	struct err err = {0};
	EXPECT_OK(http1_parse_trailers(&a,
			  STR("X-Sum: 1\r\nContent-Length: 5\r\nhost: x\r\nY: 2\r\n\r\n"), &limits,
			  &t, &err),
		&err);
	EXPECT_INT(t.count, 2);
	EXPECT_STR(http_headers_get(&t, STR("x-sum")), "1");
	EXPECT_INT(
		http1_parse_trailers(&a, STR("X-Sum 1\r\n\r\n"), &limits, &t, &err), ERR_PROTOCOL);
	err_done(&err);
	arena_done(&a);
}
