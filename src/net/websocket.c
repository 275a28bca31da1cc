#include "mux.h"
#include "websocket_frame.h"

#include <kube/codec.h>
#include <kube/mem.h>

#define PIECE_MAX     (16 * KIB) /* of a message, taken at once */
#define NO_CHANNEL    (-1)       /* its number has not come yet */
#define CLOSE_CHANNEL 255        /* v5: the channel that follows is finished */

enum { STATUS_NORMAL = 1000, STATUS_GOING_AWAY = 1001, STATUS_PROTOCOL = 1002 };

struct websocket {
	struct mux mux; /* first */
	struct websocket_options options;
	struct mux_stream *channels[WEBSOCKET_CHANNELS_MAX];
	/* the frame that is arriving */
	struct websocket_head head;
	uint64_t at;
	bool in_frame, in_message;
	int channel;   /* of the message */
	char carry[4]; /* base64 that makes no byte yet */
	size_t carry_len;
	bool said_goodbye, broken_off;
};

static struct websocket *websocket_of(struct mux *m)
{
	return CONTAINER_OF(m, struct websocket, mux);
}

/* ---- what is sent ---- */

static void send_frame(struct websocket *w, uint8_t opcode, struct str first, struct str bytes)
{
	struct websocket_head head = {
		.opcode = opcode, .last = true, .length = first.len + bytes.len};
	struct buf *out = &w->mux.next;

	if (w->options.client) {
		head.masked = true;
		env_random(w->mux.env, head.mask, sizeof(head.mask));
	}
	websocket_print_head(&head, out);
	size_t from = out->len;
	buf_add_str(out, first);
	buf_add_str(out, bytes);
	if (head.masked && !buf_over(out))
		websocket_mask(out->at + from, out->len - from, head.mask, 0);
}

static void send_goodbye(struct websocket *w, unsigned status)
{
	char bytes[2] = {(char)(status >> 8), (char)status};

	if (w->said_goodbye)
		return;
	w->said_goodbye = true;
	send_frame(w, WEBSOCKET_CLOSE, STR(""), str_make(bytes, 2));
}

static size_t pack(struct mux *m, struct mux_stream *s, struct str bytes)
{
	struct websocket *w = websocket_of(m);
	struct str piece =
		str_sub(bytes, 0, w->options.text ? MUX_FRAME_MAX / 4 * 3 : MUX_FRAME_MAX);
	char number = (char)(w->options.text ? '0' + s->id : s->id);
	struct str first = str_make(&number, w->options.channels ? 1 : 0);

	if (w->options.text) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(2 * MUX_FRAME_MAX);

		base64_encode(&text, piece);
		send_frame(w, WEBSOCKET_TEXT, first, buf_str(&text));
	} else {
		send_frame(w, WEBSOCKET_BINARY, first, piece);
	}
	return piece.len;
}

/* Only clients end channels one by one, and only in v5; a stream of bytes ends with all. */
static void finish(struct mux *m, struct mux_stream *s)
{
	struct websocket *w = websocket_of(m);
	char bytes[2] = {(char)CLOSE_CHANNEL, (char)s->id};

	if (!w->options.channels)
		send_goodbye(w, STATUS_NORMAL);
	else if (w->options.half_close && w->options.client)
		send_frame(w, WEBSOCKET_BINARY, STR(""), str_make(bytes, 2));
}

/* ---- what arrives ---- */

static void deliver(struct websocket *w, struct str bytes)
{
	if (w->channel < w->options.count && w->channels[w->channel])
		mux_deliver(w->channels[w->channel], bytes);
}

/* Four characters make three bytes, wherever the message is cut. */
static int deliver_text(struct websocket *w, struct str text, struct err *err)
{
	_cleanup_(buf_done) struct buf in = BUF_INIT(2 * PIECE_MAX), out = BUF_INIT(2 * PIECE_MAX);

	buf_add(&in, w->carry, w->carry_len);
	buf_add_str(&in, text);
	size_t whole = in.len / 4 * 4;
	w->carry_len = in.len - whole;
	if (w->carry_len)
		memcpy(w->carry, in.at + whole, w->carry_len);
	if (base64_decode(&out, str_sub(buf_str(&in), 0, whole), err))
		return ERR_SYNTAX;
	deliver(w, buf_str(&out));
	return 0;
}

static void finish_channel(struct websocket *w, struct str bytes)
{
	uint8_t number = bytes.len ? (uint8_t)bytes.at[0] : UINT8_MAX;

	if (number < w->options.count && w->channels[number])
		mux_end(w->channels[number]);
}

static int take_payload(struct websocket *w, struct str bytes, struct err *err)
{
	if (w->channel == NO_CHANNEL && bytes.len) {
		w->channel = (uint8_t)bytes.at[0];
		if (w->options.text)
			w->channel = w->channel >= '0' ? w->channel - '0' : UINT8_MAX;
		bytes = str_skip(bytes, 1);
	}
	if (!bytes.len)
		return 0;
	if (w->options.half_close && w->channel == CLOSE_CHANNEL)
		finish_channel(w, bytes);
	else if (w->options.text)
		return deliver_text(w, bytes, err);
	else
		deliver(w, bytes);
	return 0;
}

static int end_frame(struct websocket *w, struct err *err)
{
	w->in_frame = false;
	if (!w->head.last)
		return 0;
	w->in_message = false;
	return w->carry_len ? err_set(err, ERR_PROTOCOL, "websocket: base64 is cut off") : 0;
}

static int begin_frame(struct websocket *w, struct err *err)
{
	if ((w->head.opcode == WEBSOCKET_MORE) != w->in_message)
		return err_set(err, ERR_PROTOCOL,
			w->in_message ? "websocket: a message inside of another"
				      : "websocket: the rest of no message");
	if (!w->in_message) {
		w->channel = w->options.channels ? NO_CHANNEL : 0;
		w->carry_len = 0;
	}
	w->in_message = w->in_frame = true;
	w->at = 0;
	return w->head.length ? 0 : end_frame(w, err);
}

static void take_control(struct websocket *w, struct str bytes)
{
	unsigned status = bytes.len >= 2
				  ? (unsigned)(uint8_t)bytes.at[0] << 8 | (uint8_t)bytes.at[1]
				  : STATUS_NORMAL;

	if (w->head.opcode == WEBSOCKET_PING)
		send_frame(w, WEBSOCKET_PONG, STR(""), bytes);
	if (w->head.opcode != WEBSOCKET_CLOSE)
		return;
	send_goodbye(w, bytes.len == 1 ? STATUS_PROTOCOL : status);
	mux_end_all(&w->mux);
}

static int take_head(struct websocket *w, struct str in, size_t *used, struct err *err)
{
	int size = websocket_parse_head(in, &w->head, err);

	if (size <= 0)
		return size;
	if (w->head.masked == w->options.client)
		return err_set(err, ERR_PROTOCOL,
			w->head.masked ? "websocket: a masked frame from a server"
				       : "websocket: a frame without a mask from a client");
	*used = (size_t)size;
	if (w->head.opcode < WEBSOCKET_CLOSE)
		return begin_frame(w, err);
	if (in.len - *used < w->head.length) {
		*used = 0;
		return 0;
	}
	char bytes[WEBSOCKET_CONTROL_MAX];
	struct str payload = {bytes, (size_t)w->head.length};
	memcpy(bytes, in.at + *used, payload.len);
	if (w->head.masked)
		websocket_mask(bytes, payload.len, w->head.mask, 0);
	*used += payload.len;
	take_control(w, payload);
	return 0;
}

static int take(struct mux *m, struct str in, size_t *used, struct err *err)
{
	struct websocket *w = websocket_of(m);

	if (!w->in_frame)
		return take_head(w, in, used, err);
	size_t n = MIN(in.len, PIECE_MAX);
	n = (size_t)MIN((uint64_t)n, w->head.length - w->at);
	char *bytes = (char *)in.at; /* m->in's own: unmasked where they lie */
	if (w->head.masked)
		websocket_mask(bytes, n, w->head.mask, w->at);
	w->at += n;
	*used = n;
	int code = take_payload(w, str_make(bytes, n), err);
	return code || w->at < w->head.length ? code : end_frame(w, err);
}

/* ---- beginning and end ---- */

static void goodbye(struct mux *m)
{
	struct websocket *w = websocket_of(m);

	send_goodbye(w, m->failure.code == ERR_PROTOCOL ? STATUS_PROTOCOL
			: w->broken_off                 ? STATUS_GOING_AWAY
							: STATUS_NORMAL);
}

static void released(struct mux *m, struct mux_stream *s)
{
	websocket_of(m)->channels[s->id] = NULL;
}

static void free_stream(struct mux_stream *s)
{
	mem_free(s);
}

static void free_websocket(struct mux *m)
{
	mem_free(websocket_of(m));
}

static const struct mux_ops websocket_ops = {
	.name = "websocket",
	.take = take,
	.pack = pack,
	.finish = finish,
	.released = released,
	.goodbye = goodbye,
	.free_stream = free_stream,
	.free = free_websocket,
	.empty_frames = true,
};

static void begin(struct op *op, struct err *err)
{
	struct websocket *w = CONTAINER_OF(op, struct websocket, mux.reading);

	(void)err;
	if (!w->mux.gone)
		mux_start(&w->mux);
}

struct websocket *websocket_new(struct env *env, struct scope *scope, struct stream *below,
	struct buf *early, const struct websocket_options *options)
{
	struct websocket *w = mem_new(sizeof(*w));

	assert(options->count <= WEBSOCKET_CHANNELS_MAX);
	w->options = *options;
	if (!options->channels)
		w->options.count = 1;
	mux_init(&w->mux, &websocket_ops, env, scope, below, early, options->idle);
	op_init(&w->mux.reading, &w->mux.scope, begin, OP_NO_DEADLINE);
	op_yield(&w->mux.reading);
	return w;
}

struct stream *websocket_channel(struct websocket *w, struct scope *scope, unsigned number)
{
	struct mux_stream *s = mem_new(sizeof(*s));

	assert(number < w->options.count && !w->channels[number]);
	mux_stream_init(s, &w->mux, scope, number);
	w->channels[number] = s;
	return &s->base;
}

void websocket_wait(struct websocket *w, struct op *op)
{
	mux_wait(&w->mux, op);
}

void websocket_break_off(struct websocket *w)
{
	w->broken_off = true;
}

void websocket_close(struct websocket *w)
{
	mux_close(&w->mux);
}
