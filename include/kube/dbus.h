/*
 * dbus: messages of D-Bus, as much of them as it takes to speak with the machine's managers over
 * the system bus: calls with texts and one number, answers, signals. Pure: bytes in, bytes out.
 */
#ifndef KUBE_DBUS_H
#define KUBE_DBUS_H

#include <kube/buf.h>
#include <kube/err.h>

#define DBUS_MESSAGE_MAX (1 * MIB)

enum dbus_kind { DBUS_CALL = 1, DBUS_RETURN, DBUS_ERROR, DBUS_SIGNAL };

/* Views into the bytes it was read from. */
struct dbus_message {
	enum dbus_kind kind;
	uint32_t serial, reply_to; /* 0: to none */
	struct str path, interface, member, error, destination, sender, signature;
	struct str body;
	bool big_endian;
};
/*
 * *used: 0 as long as the message is not whole; otherwise its length. ERR_SYNTAX: the connection
 * makes no sense any more.
 */
int dbus_parse(struct str bytes, struct dbus_message *m, size_t *used, struct err *err);

/* Reading a body from its beginning; false: there is no such value there. */
struct dbus_body {
	struct str bytes;
	size_t at;
	bool big_endian;
};
struct dbus_body dbus_body(const struct dbus_message *m);
bool dbus_read_text(struct dbus_body *b, struct str *text); /* s, o */
bool dbus_read_u32(struct dbus_body *b, uint32_t *value);   /* u, i, h */
bool dbus_read_bool(struct dbus_body *b, bool *value);
bool dbus_read_u64_variant(struct dbus_body *b, uint64_t *value); /* v with t in it */

struct dbus_call {
	const char *destination, *path, *interface, *member;
	const char *const *texts; /* arguments */
	size_t text_count;
	bool numbered; /* and an int32 behind them */
	int32_t number;
};
void dbus_print_call(struct buf *out, const struct dbus_call *call, uint32_t serial);

/* What a client says first, and what it is answered: "OK …\r\n"; then BEGIN and messages. */
void dbus_print_login(struct buf *out, unsigned uid);

#endif
