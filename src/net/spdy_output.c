/* What goes out on a SPDY connection: frames, within the windows that the peer gives. */
#include "spdy_own.h"

void spdy_send_words(struct spdy *p, uint16_t type, uint32_t first, uint32_t second, int words)
{
	const struct spdy_head head = {
		.control = true, .type = type, .length = (uint32_t)words * 4};

	spdy_print_head(&head, &p->mux.next);
	spdy_print_word(first, &p->mux.next);
	if (words > 1)
		spdy_print_word(second, &p->mux.next);
}

void spdy_send_headers(
	struct spdy *p, uint16_t type, uint32_t id, const struct http_header *headers, size_t count)
{
	_cleanup_(buf_done) struct buf block = BUF_INIT(2 * SPDY_HEADER_MAX);
	struct spdy_head head = {.control = true, .type = type};
	struct buf *out = &p->mux.next;

	spdy_pack(p->packer, headers, count, &block);
	head.length = (uint32_t)block.len + (type == SPDY_SYN_STREAM ? 10 : 4);
	spdy_print_head(&head, out);
	spdy_print_word(id, out);
	if (type == SPDY_SYN_STREAM)
		buf_add(out, "\0\0\0\0\0", 6); /* stands by itself, priority 0 */
	buf_add_str(out, buf_str(&block));
}

static int64_t allowed(const struct spdy *p, const struct spdy_stream *s)
{
	int64_t n = (int64_t)MUX_FRAME_MAX;

	if (p->windowed)
		n = MIN(n, s->window);
	if (p->session_windowed)
		n = MIN(n, p->session_window);
	return n;
}

size_t spdy_pack_data(struct mux *m, struct mux_stream *ms, struct str bytes)
{
	struct spdy *p = spdy_of(m);
	struct spdy_stream *s = spdy_stream_of(ms);
	int64_t n = MIN(allowed(p, s), (int64_t)bytes.len);

	if (n <= 0)
		return 0;
	spdy_print_head(&(struct spdy_head){.id = ms->id, .length = (uint32_t)n}, &m->next);
	buf_add(&m->next, bytes.at, (size_t)n);
	s->window -= n;
	p->session_window -= n;
	return (size_t)n;
}

void spdy_finish(struct mux *m, struct mux_stream *s)
{
	spdy_print_head(&(struct spdy_head){.id = s->id, .flags = SPDY_FIN}, &m->next);
}

/* Half of a window that has been read is given back. */
void spdy_consumed(struct mux *m, struct mux_stream *ms, size_t n)
{
	struct spdy *p = spdy_of(m);
	struct spdy_stream *s = ms ? spdy_stream_of(ms) : NULL;

	p->taken += (uint32_t)n;
	if (p->taken >= SPDY_WINDOW / 2)
		spdy_send_words(p, SPDY_WINDOW_UPDATE, 0, TAKE(p->taken), 2);
	if (!s || ms->ended)
		return;
	s->taken += (uint32_t)n;
	if (s->taken >= SPDY_WINDOW / 2)
		spdy_send_words(p, SPDY_WINDOW_UPDATE, ms->id, TAKE(s->taken), 2);
}
