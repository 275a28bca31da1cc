/* The heads of SPDY's frames; pure. */
#ifndef KUBE_NET_SPDY_FRAME_H
#define KUBE_NET_SPDY_FRAME_H

#include <kube/buf.h>
#include <kube/err.h>

enum spdy_type {
	SPDY_SYN_STREAM = 1,
	SPDY_SYN_REPLY = 2,
	SPDY_RST_STREAM = 3,
	SPDY_SETTINGS = 4,
	SPDY_PING = 6,
	SPDY_GOAWAY = 7,
	SPDY_HEADERS = 8,
	SPDY_WINDOW_UPDATE = 9,
};
enum { SPDY_FIN = 1, SPDY_UNIDIRECTIONAL = 2 };
enum { SPDY_REFUSED_STREAM = 3, SPDY_CANCEL = 5 }; /* why a stream is reset */
enum { SPDY_INITIAL_WINDOW = 7 };                  /* of SETTINGS */

#define SPDY_HEAD_SIZE   8
#define SPDY_ID_MASK     0x7fffffffu
#define SPDY_CONTROL_MAX (64 * KIB)   /* of what is not data */
#define SPDY_WINDOW      (64u * 1024) /* until somebody says otherwise */

struct spdy_head {
	bool control;
	uint8_t flags;
	uint16_t type; /* of control frames */
	uint32_t id;   /* of data */
	uint32_t length;
};

/* Of SPDY_HEAD_SIZE bytes at least. */
int spdy_parse_head(struct str in, struct spdy_head *head, struct err *err);
void spdy_print_head(const struct spdy_head *head, struct buf *out);
uint32_t spdy_word(struct str in, size_t at); /* big-endian; the bytes are there */
void spdy_print_word(uint32_t word, struct buf *out);

#endif
