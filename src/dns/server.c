/* Sockets. Of UDP any number of questions is under way, of a TCP connection one. */
#include "server.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define SERVING_MAX     4096
#define CONNECTIONS_MAX 256
#define IDLE            (10 * SEC)
#define PACKET_MAX      4096

/* ---- UDP ---- */

struct udp_port {
	struct link in_server;
	struct dns_server *server;
	struct datagram *socket;
	struct op op;
	struct address from;
	char packet[PACKET_MAX];
};

struct udp_question {
	struct serving serving;
	struct op op;
	struct udp_port *port;
	struct address from;
	char packet[];
};

static void udp_answered(struct op *op, struct err *err)
{
	struct udp_question *q = CONTAINER_OF(op, struct udp_question, op);

	if (!err->code && q->serving.answer.len && q->port->socket)
		datagram_send(q->port->socket, &q->from, buf_str(&q->serving.answer));
	q->serving.server->serving--;
	serve_done(&q->serving);
	mem_free(q);
}

static void udp_serve(struct udp_port *p, size_t len)
{
	struct udp_question *q;

	if (len > PACKET_MAX || p->server->serving >= SERVING_MAX)
		return;
	q = mem_alloc(sizeof(*q) + len);
	memset(q, 0, sizeof(*q));
	memcpy(q->packet, p->packet, len);
	q->serving.query = str_make(q->packet, len);
	q->port = p;
	q->from = p->from;
	p->server->serving++;
	op_init(&q->op, &p->server->scope, udp_answered, OP_NO_DEADLINE);
	serve_start(p->server, &q->op, &q->serving);
}

static void udp_received(struct op *op, struct err *err)
{
	struct udp_port *p = CONTAINER_OF(op, struct udp_port, op);

	if (err->code == ERR_CANCELLED || !p->socket)
		return;
	if (err->code)
		log_warning(err, "a question was not received");
	else
		udp_serve(p, (size_t)op->n);
	op_init(&p->op, &p->server->scope, udp_received, OP_NO_DEADLINE);
	datagram_receive(p->socket, &p->op, p->packet, PACKET_MAX, &p->from);
}

int udp_listen(
	struct dns_server *s, const struct address *at, struct address *taken, struct err *err)
{
	struct udp_port *p = mem_new(sizeof(*p));
	int code = datagram_open(s->env, &s->scope, at, &p->socket, err);

	if (code) {
		mem_free(p);
		return code;
	}
	p->server = s;
	*taken = datagram_address(p->socket);
	list_push(&s->udp_ports, &p->in_server);
	op_init(&p->op, &s->scope, udp_received, OP_NO_DEADLINE);
	datagram_receive(p->socket, &p->op, p->packet, PACKET_MAX, &p->from);
	return 0;
}

void udp_unlisten(struct dns_server *s)
{
	datagram_close(
		TAKE(CONTAINER_OF(list_last(&s->udp_ports), struct udp_port, in_server)->socket));
}

/* ---- TCP ---- */

struct tcp_port {
	struct link in_server;
	struct dns_server *server;
	struct listener *listener;
	struct op op;
	struct stream *accepted;
};

struct connection {
	struct task task;
	struct op op;
	struct dns_server *server;
	struct stream *stream;
	struct buf in;
	struct serving serving;
	char length[2];
	struct str parts[2];
};

enum tcp_step { TCP_READ, TCP_WAS_READ, TCP_SERVED, TCP_WRITTEN };
static const char *const tcp_steps[] = {"read", "was read", "served", "written"};

static size_t message_length(const struct buf *in)
{
	const uint8_t *b = (const uint8_t *)in->at;

	return in->len < 2 ? SIZE_MAX : (size_t)b[0] << 8 | b[1];
}

static void tcp_serve(struct connection *c)
{
	memset(&c->serving, 0, sizeof(c->serving));
	c->serving.tcp = true;
	c->serving.query = str_make(c->in.at + 2, message_length(&c->in));
	serve_start(c->server, task_await(&c->task, TCP_SERVED, OP_NO_DEADLINE), &c->serving);
}

static void tcp_read(struct connection *c)
{
	if (message_length(&c->in) != SIZE_MAX && c->in.len >= 2 + message_length(&c->in))
		tcp_serve(c);
	else
		stream_read(c->stream,
			task_await(&c->task, TCP_WAS_READ, loop_in(c->server->env->loop, IDLE)),
			&c->in, DNS_MESSAGE_MAX + 2);
}

static void tcp_write(struct connection *c)
{
	struct str answer = buf_str(&c->serving.answer);

	buf_drop_front(&c->in, 2 + c->serving.query.len);
	c->length[0] = (char)(answer.len >> 8);
	c->length[1] = (char)answer.len;
	c->parts[0] = str_make(c->length, 2);
	c->parts[1] = answer;
	stream_write(c->stream,
		task_await(&c->task, TCP_WRITTEN, loop_in(c->server->env->loop, IDLE)), c->parts,
		2);
}

static void tcp_run(struct task *t, struct err *err)
{
	struct connection *c = CONTAINER_OF(t, struct connection, task);

	if (t->step == TCP_WRITTEN)
		serve_done(&c->serving);
	if (t->step == TCP_SERVED && (err->code || !c->serving.answer.len)) {
		serve_done(&c->serving);
		task_finish(t, 0);
		return;
	}
	if (err->code || (t->step == TCP_WAS_READ && t->wait.n == 0)) {
		task_finish(t, 0);
		return;
	}
	if (t->step == TCP_SERVED)
		tcp_write(c);
	else
		tcp_read(c);
}

static void connection_over(struct op *op, struct err *err)
{
	struct connection *c = CONTAINER_OF(op, struct connection, op);

	(void)err;
	stream_close(c->stream);
	buf_done(&c->in);
	c->server->connections--;
	mem_free(c);
}

static void connection_begin(struct dns_server *s, struct stream *stream)
{
	static const struct task_kind kind = TASK_KIND("dns connection", tcp_steps, tcp_run);
	struct connection *c = mem_new(sizeof(*c));

	c->server = s;
	c->stream = stream;
	buf_init(&c->in, DNS_MESSAGE_MAX + 2);
	s->connections++;
	op_init(&c->op, &s->scope, connection_over, OP_NO_DEADLINE);
	task_start(&c->task, &kind, &c->op);
}

static void tcp_accepted(struct op *op, struct err *err)
{
	struct tcp_port *p = CONTAINER_OF(op, struct tcp_port, op);
	struct stream *stream = err->code ? NULL : TAKE(p->accepted);

	if (stream && p->server->connections < CONNECTIONS_MAX)
		connection_begin(p->server, stream);
	else
		stream_close(stream);
	if (err->code == ERR_CANCELLED || !p->listener)
		return;
	op_init(&p->op, &p->server->scope, tcp_accepted, OP_NO_DEADLINE);
	listener_accept(p->listener, &p->op, &p->server->scope, &p->accepted);
}

int tcp_listen(struct dns_server *s, const struct address *at, struct err *err)
{
	struct tcp_port *p = mem_new(sizeof(*p));
	int code = net_listen(s->env, &s->scope, at, 128, &p->listener, err);

	if (code) {
		mem_free(p);
		return code;
	}
	p->server = s;
	list_push(&s->tcp_ports, &p->in_server);
	op_init(&p->op, &s->scope, tcp_accepted, OP_NO_DEADLINE);
	listener_accept(p->listener, &p->op, &s->scope, &p->accepted);
	return 0;
}

/* ---- ending ---- */

void ports_close(struct dns_server *s)
{
	list_each (link, &s->udp_ports)
		datagram_close(TAKE(CONTAINER_OF(link, struct udp_port, in_server)->socket));
	list_each (link, &s->tcp_ports)
		listener_close(TAKE(CONTAINER_OF(link, struct tcp_port, in_server)->listener));
}

void ports_free(struct dns_server *s)
{
	list_each_safe (link, &s->udp_ports)
		mem_free(CONTAINER_OF(link, struct udp_port, in_server));
	list_each_safe (link, &s->tcp_ports)
		mem_free(CONTAINER_OF(link, struct tcp_port, in_server));
}
