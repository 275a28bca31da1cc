/* Frames that follow a good preface, into the server. */
#include "http2_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f;
	fuzz_init(&f, data, size);
	struct server_conn *c = http2_server_conn_new();
	c->server = (struct http_server *)&f.p;
	scope_init(&c->scope, f.t.root, "server", NULL);
	c->stream = &f.feed.base;
	c->env = &f.env;
	c->limits = &f.p.server_limits;
	c->handler = pair_handle;
	c->handler_ctx = &f.p;
	/* The preface and empty SETTINGS, as if the server had sniffed them. */
	buf_init(&c->in, 64);
	buf_add_str(&c->in, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
	http2_server_conn_run(c);
	fuzz_done(&f);
	assert(f.p.server_gone);
	return 0;
}
