#include <kube/codec.h>
#include <kube/hash.h>
#include <kube/websocket.h>

bool http_wants_upgrade(const struct http_request *r, struct str protocol)
{
	return http_headers_has_token(&r->headers, STR("Connection"), STR("upgrade")) &&
	       http_headers_has_token(&r->headers, STR("Upgrade"), protocol);
}

struct str websocket_accept(struct arena *a, struct str key)
{
	struct str text = arena_print(a, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STRF(key));
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	unsigned char digest[20];

	sha1_of(text, digest);
	base64_encode(&out, str_make((const char *)digest, sizeof(digest)));
	return arena_str(a, buf_str(&out));
}

int websocket_check(struct arena *a, const struct http_request *r, struct str protocol,
	struct http_headers *answer, struct err *err)
{
	struct str key = http_headers_get(&r->headers, STR("Sec-WebSocket-Key"));

	if (!str_eq(r->method, STR("GET")))
		return err_set(err, ERR_METHOD_NOT_ALLOWED, "Method Not Allowed");
	if (!str_eq(http_headers_get(&r->headers, STR("Sec-WebSocket-Version")), STR("13")))
		return err_set(err, ERR_BAD_REQUEST, "missing or bad WebSocket Version");
	if (!key.len || key.len > 64)
		return err_set(err, ERR_BAD_REQUEST, "mismatch challenge/response");
	http_headers_add(a, answer, STR("Upgrade"), STR("websocket"));
	http_headers_add(a, answer, STR("Connection"), STR("Upgrade"));
	http_headers_add(a, answer, STR("Sec-WebSocket-Accept"), websocket_accept(a, key));
	if (protocol.len)
		http_headers_add(a, answer, STR("Sec-WebSocket-Protocol"), protocol);
	return 0;
}

void websocket_ask(
	struct env *env, struct arena *a, struct str protocols, struct http_headers *request)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);
	char bytes[16];

	env_random(env, bytes, sizeof(bytes));
	base64_encode(&key, str_make(bytes, sizeof(bytes)));
	http_headers_add(a, request, STR("Connection"), STR("Upgrade"));
	http_headers_add(a, request, STR("Upgrade"), STR("websocket"));
	http_headers_add(a, request, STR("Sec-WebSocket-Version"), STR("13"));
	http_headers_add(a, request, STR("Sec-WebSocket-Key"), arena_str(a, buf_str(&key)));
	if (protocols.len)
		http_headers_add(a, request, STR("Sec-WebSocket-Protocol"), protocols);
}

int websocket_answered(struct arena *a, const struct http_headers *request, int status,
	const struct http_headers *answer, struct err *err)
{
	struct str key = http_headers_get(request, STR("Sec-WebSocket-Key"));

	if (status != 101)
		return err_set(err, ERR_PROTOCOL, "websocket: bad handshake: status %d", status);
	if (!http_headers_has_token(answer, STR("Upgrade"), STR("websocket")))
		return err_set(err, ERR_PROTOCOL, "websocket: upgraded to something else");
	if (!str_eq(http_headers_get(answer, STR("Sec-WebSocket-Accept")),
		    websocket_accept(a, key)))
		return err_set(err, ERR_PROTOCOL, "websocket: another key was answered");
	return 0;
}
