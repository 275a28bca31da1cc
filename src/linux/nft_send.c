/*
 * Batches to the kernel. Every step of a rule becomes a few expressions over registers; the
 * comments show how nft's own listing would name them.
 */
#include "nft_expr.h"
#include "nft_key.h"

#include <kube/mem.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX  (128 * KIB)
#define BATCH_MAX    (256 * MIB)
#define HOST_ORDER   1 /* as nft notes the order of bytes, to read it back */
#define WIRE_ORDER   2
#define ELEMENTS_MAX 256 /* in a message */

struct sending {
	const struct nft_batch *batch;
	struct buf out;
	char *message; /* MESSAGE_MAX */
	uint32_t seq;
	uint32_t set_id;
};

/* ---- messages ---- */

static struct nlmsghdr *begin_message(struct sending *s, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(s->message, type, NFPROTO_INET, flags, s->seq++);
}

static void end_message(struct sending *s, const struct nlmsghdr *h)
{
	assert(h->nlmsg_len < MESSAGE_MAX);
	buf_add(&s->out, h, NLMSG_ALIGN(h->nlmsg_len));
}

static char *text_of(struct sending *s, struct str text)
{
	return (char *)(uintptr_t)arena_str(s->batch->arena, text).at;
}

static void put_table(struct sending *s, bool delete_)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *h = begin_message(
		s, delete_ ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE, delete_ ? 0 : NLM_F_CREATE);

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, s->batch->table);
	nftnl_table_nlmsg_build_payload(h, t);
	end_message(s, h);
	nftnl_table_free(t);
}

/* ---- sets ---- */

/* nft's numbers of its types, which it reads back when it lists. */
enum {
	TYPE_INTEGER = 4,
	TYPE_IP4 = 7,
	TYPE_IP6 = 8,
	TYPE_PROTO = 12,
	TYPE_SERVICE = 13,
	TYPE_CLASSID = 23
};
#define TYPES2(a, b) ((a) << 6 | (b))

struct key_shape {
	uint32_t type, len;
	uint8_t parts[4];
};

static struct key_shape shape_of(enum nft_key_type key)
{
	const struct nft_key_form *form = &nft_key_forms[key];
	struct key_shape shape = {0};

	for (size_t i = 0; i < form->count; i++) {
		uint32_t type = form->v6 ? TYPE_IP6 : TYPE_IP4;
		uint8_t len = form->v6 ? 16 : 4;

		switch (form->parts[i]) {
		case OF_PROTOCOL:
			type = TYPE_PROTO;
			len = 1;
			break;
		case OF_PORT:
			type = TYPE_SERVICE;
			len = 2;
			break;
		case OF_NUMBER:
			type = TYPE_CLASSID;
			len = 4;
			break;
		case OF_CONNECTION:
			type = TYPE_INTEGER;
			len = 4;
			break;
		}
		shape.type = TYPES2(shape.type, type);
		shape.parts[i] = len;
		shape.len += (len + 3u) / 4 * 4;
	}
	return shape;
}

#define VERDICT_TYPE 0xffffff00

static struct nftnl_set *new_set(struct sending *s, const char *name, uint32_t flags)
{
	struct nftnl_set *set = nftnl_set_alloc();

	nftnl_set_set_str(set, NFTNL_SET_TABLE, s->batch->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
	return set;
}

static void describe_value(struct nftnl_set *set, enum nft_value value)
{
	static const struct {
		uint32_t type, len;
	} values[] = {[NFT_VERDICTS] = {VERDICT_TYPE, 0},
		[NFT_NUMBERS] = {TYPE_CLASSID, 4},
		[NFT_PLACES4] = {TYPES2(TYPE_IP4, TYPE_SERVICE), 8},
		[NFT_PLACES6] = {TYPES2(TYPE_IP6, TYPE_SERVICE), 20}};

	if (!value)
		return;
	nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, values[value].type);
	nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, values[value].len);
}

/* nft's numbers of its kinds of expressions. */
enum { EXPR_META = 9, EXPR_CT = 12 };

/* Which expression it has the type of: `type` of nftnl's, and what makes it that one. */
static void note_expression(struct nftnl_udata_buf *notes, uint8_t type, uint32_t kind,
	const uint32_t *what, uint8_t count)
{
	struct nftnl_udata *outer = nftnl_udata_nest_start(notes, type), *inner;

	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_TYPEOF_EXPR, kind);
	inner = nftnl_udata_nest_start(notes, NFTNL_UDATA_SET_TYPEOF_DATA);
	for (uint8_t i = 0; i < count; i++)
		nftnl_udata_put_u32(notes, i, what[i]);
	nftnl_udata_nest_end(notes, inner);
	nftnl_udata_nest_end(notes, outer);
}

/* Their type has no name: nft is told that it is that of ct id. */
static void note_connection(struct nftnl_udata_buf *notes)
{
	static const uint32_t id[] = {NFT_CT_ID, UINT32_MAX /* of no direction */},
			      priority[] = {NFT_META_PRIORITY};

	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_KEYBYTEORDER, WIRE_ORDER);
	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_DATABYTEORDER, HOST_ORDER);
	note_expression(notes, NFTNL_UDATA_SET_KEY_TYPEOF, EXPR_CT, id, 2);
	note_expression(notes, NFTNL_UDATA_SET_DATA_TYPEOF, EXPR_META, priority, 1);
}

/* Numbers that stand alone; in concatenations nft knows by itself. */
static void note_order(struct nftnl_set *set, const struct nft_set *wanted)
{
	struct nftnl_udata_buf *notes = nftnl_udata_buf_alloc(64);

	if (wanted->key == NFT_KEY_CONNECTION)
		note_connection(notes);
	else if (wanted->key == NFT_KEY_NUMBER)
		nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_KEYBYTEORDER, HOST_ORDER);
	if (wanted->value == NFT_NUMBERS && wanted->key != NFT_KEY_CONNECTION)
		nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_DATABYTEORDER, HOST_ORDER);
	if (nftnl_udata_buf_len(notes))
		nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(notes),
			nftnl_udata_buf_len(notes));
	nftnl_udata_buf_free(notes);
}

static void put_set(struct sending *s, const struct nft_set *wanted, bool delete_)
{
	const struct key_shape k = shape_of(wanted->key);
	uint32_t count = nft_key_forms[wanted->key].count,
		 flags = (wanted->value ? NFT_SET_MAP : 0u) |
			 (wanted->size ? NFT_SET_TIMEOUT | NFT_SET_EVAL : 0u) |
			 (count > 1 ? NFT_SET_CONCAT : 0u);
	struct nftnl_set *set = new_set(s, text_of(s, wanted->name), flags);
	struct nlmsghdr *h = begin_message(
		s, delete_ ? NFT_MSG_DELSET : NFT_MSG_NEWSET, delete_ ? 0 : NLM_F_CREATE);

	if (!delete_) {
		nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, k.type);
		nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, k.len);
		nftnl_set_set_u32(set, NFTNL_SET_ID, ++s->set_id);
		describe_value(set, wanted->value);
		note_order(set, wanted);
		if (wanted->size)
			nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, wanted->size);
		if (count > 1)
			nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, k.parts, count);
	}
	nftnl_set_nlmsg_build_payload(h, set);
	end_message(s, h);
	nftnl_set_free(set);
}

static size_t put_bytes(char *key, size_t at, const void *bytes, size_t len)
{
	memcpy(key + at, bytes, len);
	return at + (len + 3) / 4 * 4;
}

#define KEY_MAX 64

static size_t key_of(enum nft_key_type type, const struct nft_element *e, char key[KEY_MAX])
{
	const struct nft_key_form *form = &nft_key_forms[type];
	uint16_t port = htons(e->port);
	size_t at = 0;

	memset(key, 0, KEY_MAX);
	for (size_t i = 0; i < form->count; i++) {
		const struct ip *ip = nft_key_is_second(form, i) ? &e->other : &e->ip;

		switch (form->parts[i]) {
		case OF_PROTOCOL:
			at = put_bytes(key, at, &e->protocol, 1);
			break;
		case OF_PORT:
			at = put_bytes(key, at, &port, 2);
			break;
		case OF_NUMBER:
		case OF_CONNECTION:
			at = put_bytes(key, at, &e->number, 4);
			break;
		default:
			assert(ip->len == (form->v6 ? 16 : 4));
			at = put_bytes(key, at, ip->bytes, ip->len);
			break;
		}
	}
	return at;
}

static void put_verdict(
	struct sending *s, struct nftnl_set_elem *element, const struct nft_element *e)
{
	static const int codes[] = {
		[NFT_TO_CHAIN] = NFT_GOTO, [NFT_DROP] = NF_DROP, [NFT_GO_ON] = NFT_CONTINUE};

	assert(e->verdict);
	nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT, (uint32_t)codes[e->verdict]);
	if (e->verdict == NFT_TO_CHAIN)
		nftnl_set_elem_set_str(element, NFTNL_SET_ELEM_CHAIN, text_of(s, e->chain));
}

static void put_place(struct nftnl_set_elem *element, const struct nft_element *e)
{
	uint16_t port = htons(e->other_port);
	char place[KEY_MAX] = {0};
	size_t len = put_bytes(place, 0, e->other.bytes, e->other.len);

	len = put_bytes(place, len, &port, 2);
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, place, (uint32_t)len);
}

static struct nftnl_set_elem *new_element(
	struct sending *s, const struct nft_set *set, const struct nft_element *e)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();
	char key[KEY_MAX];

	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, (uint32_t)key_of(set->key, e, key));
	if (set->value == NFT_VERDICTS)
		put_verdict(s, element, e);
	else if (set->value == NFT_NUMBERS)
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, &e->value, 4);
	else if (set->value)
		put_place(element, e);
	return element;
}

/* Without saying which: all of them. */
static void put_set_flush(struct sending *s, const struct nft_set *wanted)
{
	struct nftnl_set *set = new_set(s, text_of(s, wanted->name), 0);
	struct nlmsghdr *h = begin_message(s, NFT_MSG_DELSETELEM, 0);

	nftnl_set_elems_nlmsg_build_payload(h, set);
	end_message(s, h);
	nftnl_set_free(set);
}

static void put_elements(struct sending *s, const struct nft_change *c, bool delete_)
{
	for (size_t i = 0; i < c->element_count;) {
		struct nftnl_set *set = new_set(s, text_of(s, c->set->name), 0);
		struct nlmsghdr *h =
			begin_message(s, delete_ ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
				delete_ ? 0 : NLM_F_CREATE);

		for (size_t n = 0; n < ELEMENTS_MAX && i < c->element_count; n++)
			nftnl_set_elem_add(set, new_element(s, c->set, &c->elements[i++]));
		nftnl_set_elems_nlmsg_build_payload(h, set);
		end_message(s, h);
		nftnl_set_free(set);
	}
}

/* ---- chains and rules ---- */

static void put_chain(struct sending *s, const struct nft_chain *chain, bool delete_)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *h = begin_message(
		s, delete_ ? NFT_MSG_DELCHAIN : NFT_MSG_NEWCHAIN, delete_ ? 0 : NLM_F_CREATE);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, s->batch->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, text_of(s, chain->name));
	if (chain->hook && !delete_) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chain->hook->type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, (uint32_t)chain->hook->place);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->hook->priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(h, c);
	end_message(s, h);
	nftnl_chain_free(c);
}

/* chain: NULL, of the whole table. */
static struct nftnl_rule *new_rule(struct sending *s, const struct nft_chain *chain)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, s->batch->table);
	if (chain)
		nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, text_of(s, chain->name));
	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	return r;
}

static void put_flush(struct sending *s, const struct nft_chain *chain)
{
	struct nftnl_rule *r = new_rule(s, chain);
	struct nlmsghdr *h = begin_message(s, NFT_MSG_DELRULE, 0);

	nftnl_rule_nlmsg_build_payload(h, r);
	end_message(s, h);
	nftnl_rule_free(r);
}

static void put_rules(struct sending *s, const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule_count; i++) {
		const struct nft_rule *wanted = &chain->rules[i];
		struct nftnl_rule *r = new_rule(s, chain);
		struct expr_maker maker = {.rule = r,
			.arena = s->batch->arena,
			.v6 = wanted->count && wanted->steps[0].op == RULE_IS_V6};

		for (size_t k = 0; k < wanted->count; k++)
			expr_add(&maker, &wanted->steps[k]);
		struct nlmsghdr *h = begin_message(s, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
		nftnl_rule_nlmsg_build_payload(h, r);
		end_message(s, h);
		nftnl_rule_free(r);
	}
}

static void put_change(struct sending *s, const struct nft_change *c)
{
	switch (c->kind) {
	case NFT_ADD_TABLE:
	case NFT_DELETE_TABLE:
		put_table(s, c->kind == NFT_DELETE_TABLE);
		break;
	case NFT_FLUSH_TABLE:
		put_flush(s, NULL);
		break;
	case NFT_FLUSH_SET:
		put_set_flush(s, c->set);
		break;
	case NFT_ADD_SET:
	case NFT_DELETE_SET:
		put_set(s, c->set, c->kind == NFT_DELETE_SET);
		break;
	case NFT_ADD_CHAIN:
	case NFT_DELETE_CHAIN:
		put_chain(s, c->chain, c->kind == NFT_DELETE_CHAIN);
		break;
	case NFT_FLUSH_CHAIN:
		put_flush(s, c->chain);
		break;
	case NFT_ADD_RULES:
		put_rules(s, c->chain);
		break;
	case NFT_ADD_ELEMENTS:
	case NFT_DELETE_ELEMENTS:
		put_elements(s, c, c->kind == NFT_DELETE_ELEMENTS);
		break;
	}
}

/* ---- the wire ---- */

static int refused(int errnum, uint32_t seq, struct err *err)
{
	int code = errnum == ENOENT || errnum == EEXIST || errnum == EBUSY ? ERR_CONFLICT
		   : errnum == EPERM                                       ? ERR_FORBIDDEN
									   : ERR_IO;

	return err_set(err, code, "nftables refused message %u of a batch: error %d", seq, errnum);
}

/* The kernel has worked on all of it when send returns: what it complains of is there. */
static int read_complaints(int fd, struct err *err)
{
	char answer[16 * KIB];
	int code = 0;

	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return code;
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type == NLMSG_ERROR && e->error && !code)
				code = refused(-e->error, e->msg.nlmsg_seq, err);
		}
	}
}

static int open_link(struct nft_link *l, struct err *err)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};

	if (l->open)
		return 0;
	l->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (l->fd < 0)
		return err_set_errno(err, errno, "netfilter socket");
	l->open = true;
	if (connect(l->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return 0;
	int code = err_set_errno(err, errno, "netfilter socket");
	nft_link_close(l);
	return code;
}

void nft_link_close(struct nft_link *l)
{
	if (l->open)
		close(l->fd);
	*l = (struct nft_link){0};
}

/* The batch goes as one: where forcing is not allowed a small one may still fit. */
static void make_room(struct nft_link *l, size_t room)
{
	int size = (int)MIN(room + 64 * KIB, (size_t)INT32_MAX);

	if (setsockopt(l->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int send_all(struct nft_link *l, const struct buf *out, struct err *err)
{
	int code = open_link(l, err);
	ssize_t n;

	if (code)
		return code;
	make_room(l, out->len);
	do
		n = send(l->fd, out->at, out->len, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return read_complaints(l->fd, err);
	code = err_set_errno(err, errno, "sending to nftables");
	nft_link_close(l);
	return code;
}

int nft_send(struct nft_batch *b, struct err *err)
{
	struct nft_link once = {0};
	int code = nft_link_send(&once, b, err);

	nft_link_close(&once);
	return code;
}

int nft_link_send(struct nft_link *l, struct nft_batch *b, struct err *err)
{
	struct sending s = {.batch = b, .out = BUF_INIT(BATCH_MAX), .seq = 1};
	int code;

	s.message = mem_new(MESSAGE_MAX);
	nftnl_batch_begin(s.message, 0);
	end_message(&s, (struct nlmsghdr *)s.message);
	for (size_t i = 0; i < b->count; i++)
		put_change(&s, &b->changes[i]);
	nftnl_batch_end(s.message, s.seq++);
	end_message(&s, (struct nlmsghdr *)s.message);
	b->sent = s.out.len;
	if (buf_over(&s.out))
		code = err_set(err, ERR_TOO_LARGE, "a batch for nftables is too large");
	else
		code = send_all(l, &s.out, err);
	mem_free(s.message);
	buf_done(&s.out);
	return code;
}

int nft_table_exists(const char *table, bool *exists, struct err *err)
{
	char message[1024] = {0};
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *h =
		nftnl_nlmsg_build_hdr(message, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK, 1);
	struct buf out = BUF_INIT(KIB);
	struct err inner = {0};
	struct nft_link once = {0};

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, table);
	nftnl_table_nlmsg_build_payload(h, t);
	nftnl_table_free(t);
	buf_add(&out, h, NLMSG_ALIGN(h->nlmsg_len));
	int code = send_all(&once, &out, &inner);
	nft_link_close(&once);
	buf_done(&out);
	*exists = !code;
	if (code && code != ERR_CONFLICT)
		return err_move(err, &inner);
	err_done(&inner);
	return 0;
}
