/*
 * The DNS server on loopback: names of ours, names of others through a server that this test
 * plays, over UDP and TCP, with everything that may go wrong on the way.
 */
#include "api_rig.h"
#include "loop_torture.h"
#include "netns_test.h"

#include "dns/server.h"

#include <kube/dns.h>
#include <kube/mem.h>

#include <sys/socket.h>
#include <unistd.h>

/* ---- the server outside ---- */

enum mood { ANSWERS, SILENT, LIES, CUTS, MISSING, EMPTY, FAILS };

struct outside {
	struct loop_test *t;
	struct datagram *socket;
	struct listener *listener;
	struct op op, accept, read, wrote;
	struct stream *stream;
	struct buf in, out;
	struct address from, at;
	enum mood mood;
	int asked, asked_tcp;
	char packet[1024];
};

static void compose(struct outside *o, struct str query, bool tcp)
{
	struct ip ip = ip_v4(192, 0, 2, 80);
	_cleanup_(arena_done) struct arena a;
	struct dns_message m;
	struct dns_writer w;

	arena_init(&a);
	buf_clear(&o->out);
	if (dns_parse(&a, query, &m, NULL))
		return;
	if (tcp)
		buf_add(&o->out, "\0\0", 2);
	dns_answer_begin(&w, &a, &o->out, &m.question, 0);
	if (o->mood == MISSING || o->mood == EMPTY)
		dns_add_soa(&w, DNS_AUTHORITY, STR("example.com"), 3600,
			&(struct dns_soa){.primary = STR("ns.example.com"),
				.contact = STR("admin.example.com"),
				.minimum = 30});
	else if (o->mood != FAILS && (o->mood != CUTS || tcp))
		dns_add_address(&w, DNS_ANSWER, m.question.name, 60, &ip);
	w.full = o->mood == CUTS && !tcp;
	dns_answer_end(&w,
		o->mood == MISSING ? DNS_NXDOMAIN
		: o->mood == FAILS ? DNS_SERVFAIL
				   : DNS_NOERROR,
		false, true);
	if (o->mood == LIES)
		o->out.at[0] ^= 0x55;
	if (!tcp)
		return;
	o->out.at[0] = (char)((o->out.len - 2) >> 8);
	o->out.at[1] = (char)(o->out.len - 2);
}

static void outside_heard(struct op *op, struct err *err)
{
	struct outside *o = CONTAINER_OF(op, struct outside, op);

	if (err->code)
		return;
	o->asked++;
	compose(o, str_make(o->packet, (size_t)op->n), false);
	if (o->mood != SILENT)
		datagram_send(o->socket, &o->from, buf_str(&o->out));
	op_init(&o->op, o->t->root, outside_heard, OP_NO_DEADLINE);
	datagram_receive(o->socket, &o->op, o->packet, sizeof(o->packet), &o->from);
}

static void outside_wrote(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void outside_read(struct op *op, struct err *err)
{
	struct outside *o = CONTAINER_OF(op, struct outside, read);
	static struct str part;

	if (err->code || !op->n || o->in.len < 2 ||
		o->in.len < 2 + ((size_t)(uint8_t)o->in.at[0] << 8 | (uint8_t)o->in.at[1]))
		return;
	o->asked_tcp++;
	compose(o, str_skip(buf_str(&o->in), 2), true);
	part = buf_str(&o->out);
	op_init(&o->wrote, o->t->root, outside_wrote, OP_NO_DEADLINE);
	stream_write(o->stream, &o->wrote, &part, 1);
}

static void outside_accepted(struct op *op, struct err *err)
{
	struct outside *o = CONTAINER_OF(op, struct outside, accept);

	if (err->code)
		return;
	op_init(&o->read, o->t->root, outside_read, OP_NO_DEADLINE);
	stream_read(o->stream, &o->read, &o->in, 1024);
}

static void outside_open(struct outside *o, struct loop_test *t, enum mood mood)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);

	*o = (struct outside){.t = t, .mood = mood};
	buf_init(&o->in, 4096);
	buf_init(&o->out, 4096);
	/* One port for both; what is free for one may be somebody's connection for the other. */
	for (int tries = 0; !o->listener && tries < 100; tries++) {
		datagram_close(TAKE(o->socket));
		EXPECT_INT(datagram_open(t->env, t->root, &any, &o->socket, NULL), 0);
		o->at = datagram_address(o->socket);
		net_listen(t->env, t->root, &o->at, 8, &o->listener, NULL);
	}
	EXPECT(o->listener);
	op_init(&o->op, t->root, outside_heard, OP_NO_DEADLINE);
	datagram_receive(o->socket, &o->op, o->packet, sizeof(o->packet), &o->from);
	op_init(&o->accept, t->root, outside_accepted, OP_NO_DEADLINE);
	listener_accept(o->listener, &o->accept, t->root, &o->stream);
}

static void outside_close(struct outside *o)
{
	datagram_close(o->socket);
	listener_close(o->listener);
	stream_close(o->stream);
	buf_done(&o->in);
	buf_done(&o->out);
}

/* ---- our server, without an API ---- */

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

static void server_open(
	struct dns_server *s, struct loop_test *t, const struct address *upstreams, size_t count)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	*s = (struct dns_server){.env = t->env, .ready = always};
	list_init(&s->udp_ports);
	list_init(&s->tcp_ports);
	scope_init(&s->scope, t->root, "dns", NULL);
	forwarder_init(&s->forwarder, t->env, &s->scope, upstreams, count);
	zone_init(&s->zone, STR("cluster.local"), 5);
	zone_put_namespace(&s->zone, STR("a"));
	zone_put_service(&s->zone,
		api_rig_json(&a,
			"{\"metadata\":{\"name\":\"far\",\"namespace\":\"a\"},\"spec\":{"
			"\"type\":\"ExternalName\",\"externalName\":\"www.example.com\"}}"));
	zone_put_service(&s->zone,
		api_rig_json(&a, "{\"metadata\":{\"name\":\"near\",\"namespace\":\"a\"},\"spec\":{"
				 "\"type\":\"ExternalName\",\"externalName\":\"web.a.svc.cluster."
				 "local\"}}"));
	zone_put_service(&s->zone,
		api_rig_json(&a, "{\"metadata\":{\"name\":\"loop\",\"namespace\":\"a\"},\"spec\":{"
				 "\"type\":\"ExternalName\",\"externalName\":\"loop.a.svc.cluster."
				 "local\"}}"));
	zone_put_service(&s->zone,
		api_rig_json(&a, "{\"metadata\":{\"name\":\"web\",\"namespace\":\"a\"},\"spec\":{"
				 "\"clusterIP\":\"10.43.0.9\",\"ports\":[{\"port\":80}]}}"));
}

static void server_close(struct dns_server *s, struct loop_test *t)
{
	struct told told = {0};

	ports_close(s);
	scope_close(&s->scope, told_op(&told, t->root, OP_NO_DEADLINE));
	loop_test_run_until(t, &told.done);
	ports_free(s);
	forwarder_done(&s->forwarder);
	zone_done(&s->zone);
}

/* One question through serve: "rcode address". */
static struct str serve(struct arena *a, struct dns_server *s, struct loop_test *t,
	const char *name, uint16_t type, bool tcp)
{
	struct buf query = BUF_INIT(512), out = BUF_INIT(4096);
	struct told told = {0};
	struct dns_message m;
	struct serving w = {.tcp = tcp};

	dns_ask(a, &query, 99, str_from(name), type);
	w.query = buf_str(&query);
	serve_start(s, told_op(&told, t->root, OP_NO_DEADLINE), &w);
	loop_test_run_until(t, &told.done);
	if (!told.err.code && EXPECT_INT(dns_parse(a, buf_str(&w.answer), &m, NULL), 0)) {
		EXPECT_INT(m.question.id, 99);
		EXPECT_STR(m.question.name, name);
		buf_print(&out, "%d", m.question.rcode);
		for (size_t i = 0; i < m.count; i++) {
			struct ip ip = {.len = 4};

			buf_print(&out, " %d", m.records[i].type);
			if (m.records[i].type != DNS_A)
				continue;
			memcpy(ip.bytes, m.records[i].data.at, 4);
			buf_add_char(&out, ':');
			ip_print(&out, &ip);
		}
	}
	struct str text = arena_str(a, buf_str(&out));
	serve_done(&w);
	told_done(&told);
	buf_done(&query);
	buf_done(&out);
	return text;
}

static void with_outside(enum mood mood,
	void (*test)(struct arena *a, struct dns_server *, struct loop_test *, struct outside *))
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;
	struct outside o;
	struct dns_server s;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	outside_open(&o, &t, mood);
	server_open(&s, &t, &o.at, 1);
	test(&a, &s, &t, &o);
	server_close(&s, &t);
	outside_close(&o);
	loop_test_done(&t);
}

static void others(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_STR(serve(a, s, t, "WWW.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_INT(o->asked, 1); /* remembered */
	s->forwarder.now_offset = 59 * SEC;
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_INT(o->asked, 1);
	s->forwarder.now_offset = 61 * SEC;
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_INT(o->asked, 2);
	EXPECT_STR(serve(a, s, t, "far.a.svc.cluster.local", DNS_A, false), "0 5 1:192.0.2.80");
	EXPECT_STR(serve(a, s, t, "far.a.svc.cluster.local", DNS_CNAME, false), "0 5");
	EXPECT_STR(serve(a, s, t, "near.a.svc.cluster.local", DNS_A, false), "0 5 1:10.43.0.9");
	EXPECT_STR(serve(a, s, t, "web.a.svc.cluster.local", DNS_A, false), "0 1:10.43.0.9");
	EXPECT(str_starts(serve(a, s, t, "loop.a.svc.cluster.local", DNS_A, false), STR("2")));
	EXPECT_STR(serve(a, s, t, "1.2.0.192.in-addr.arpa", DNS_A, false), "0 1:192.0.2.80");
}

TEST(others_names_are_asked_outside_and_remembered)
{
	with_outside(ANSWERS, others);
}

static void cut(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "0");
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, true), "0 1:192.0.2.80");
	EXPECT_INT(o->asked_tcp, 1);
}

TEST(what_is_cut_short_is_asked_again_over_tcp)
{
	with_outside(CUTS, cut);
}

static void nobody(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "2");
	EXPECT_INT(o->asked, 2);
	EXPECT_STR(serve(a, s, t, "web.a.svc.cluster.local", DNS_A, false), "0 1:10.43.0.9");
}

TEST(who_does_not_answer_is_a_failure_of_the_server)
{
	with_outside(SILENT, nobody);
}

TEST(answers_to_other_questions_are_not_believed)
{
	with_outside(LIES, nobody);
}

/* ---- what is not there ---- */

static void ask_until_forgotten(struct arena *a, struct dns_server *s, struct loop_test *t,
	struct outside *o, const char *answer)
{
	EXPECT_STR(serve(a, s, t, "no.example.com", DNS_A, false), answer);
	s->forwarder.now_offset = 29 * SEC; /* as the SOA's minimum says, not its own life */
	EXPECT_STR(serve(a, s, t, "NO.example.com", DNS_A, false), answer);
	EXPECT_INT(o->asked, 1);
	EXPECT_STR(serve(a, s, t, "no.example.com", DNS_AAAA, false), answer);
	EXPECT_INT(o->asked, 2);
	s->forwarder.now_offset = 31 * SEC;
	EXPECT_STR(serve(a, s, t, "no.example.com", DNS_A, false), answer);
	EXPECT_INT(o->asked, 3);
}

static void missing(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	ask_until_forgotten(a, s, t, o, "3 6");
}

TEST(that_a_name_is_missing_is_remembered)
{
	with_outside(MISSING, missing);
}

static void empty(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	ask_until_forgotten(a, s, t, o, "0 6");
}

TEST(that_a_name_has_no_such_record_is_remembered)
{
	with_outside(EMPTY, empty);
}

static void fails(struct arena *a, struct dns_server *s, struct loop_test *t, struct outside *o)
{
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "2");
	EXPECT_STR(serve(a, s, t, "www.example.com", DNS_A, false), "2");
	EXPECT_INT(o->asked, 2);
}

TEST(failures_of_others_are_not_remembered)
{
	with_outside(FAILS, fails);
}

TEST(who_answered_last_is_asked_first)
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;
	struct outside silent, answers;
	struct dns_server s;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	outside_open(&silent, &t, SILENT);
	outside_open(&answers, &t, ANSWERS);
	const struct address both[] = {silent.at, answers.at};
	server_open(&s, &t, both, 2);
	EXPECT_STR(serve(&a, &s, &t, "www.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_STR(serve(&a, &s, &t, "web.example.com", DNS_A, false), "0 1:192.0.2.80");
	EXPECT_STR(serve(&a, &s, &t, "far.a.svc.cluster.local", DNS_A, false), "0 5 1:192.0.2.80");
	EXPECT_INT(silent.asked, 1);
	EXPECT_INT(answers.asked, 2);
	server_close(&s, &t);
	outside_close(&silent);
	outside_close(&answers);
	loop_test_done(&t);
}

/* ---- what a client can take ---- */

#define MANY 100

static void add_many(struct arena *a, struct dns_server *s)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	buf_add_text(&text, "{\"metadata\":{\"name\":\"many-1\",\"namespace\":\"a\",\"labels\":{"
			    "\"kubernetes.io/service-name\":\"many\"}},\"endpoints\":[");
	for (int i = 0; i < MANY; i++)
		buf_print(&text, "%s{\"addresses\":[\"10.42.0.%d\"]}", i ? "," : "", i + 1);
	buf_add_text(&text, "]}");
	zone_put_slice(&s->zone, api_rig_json(a, buf_text(&text)));
	zone_put_service(&s->zone,
		api_rig_json(a, "{\"metadata\":{\"name\":\"many\",\"namespace\":\"a\"},\"spec\":{"
				"\"clusterIP\":\"None\"}}"));
}

/* A question that takes so much (0: says nothing, 512 then): the answer's length and contents. */
static size_t ask_within(struct arena *a, struct dns_server *s, struct loop_test *t, uint16_t takes,
	uint8_t version, bool tcp, struct dns_message *m)
{
	enum { OPT = 11 }; /* bytes at the end of a question of ours */
	struct buf query = BUF_INIT(512);
	struct told told = {0};
	struct serving w = {.tcp = tcp};

	dns_ask(a, &query, 99, STR("many.a.svc.cluster.local"), DNS_A);
	if (takes) {
		query.at[query.len - OPT + 3] = (char)(takes >> 8);
		query.at[query.len - OPT + 4] = (char)takes;
		query.at[query.len - OPT + 6] = (char)version;
	} else {
		query.len -= OPT;
		query.at[11] = 0;
	}
	w.query = buf_str(&query);
	serve_start(s, told_op(&told, t->root, OP_NO_DEADLINE), &w);
	loop_test_run_until(t, &told.done);
	struct str answer = arena_str(a, buf_str(&w.answer));
	EXPECT_INT(dns_parse(a, answer, m, NULL), 0);
	if (version) /* the upper half of BADVERS, in OPT */
		EXPECT_INT((uint8_t)answer.at[answer.len - OPT + 5], DNS_BADVERS >> 4);
	serve_done(&w);
	told_done(&told);
	buf_done(&query);
	return answer.len;
}

TEST(an_answer_is_no_larger_than_the_client_takes)
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;
	struct dns_server s;
	struct dns_message m;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	server_open(&s, &t, NULL, 0);
	add_many(&a, &s);
	EXPECT(ask_within(&a, &s, &t, 0, 0, false, &m) <= DNS_UDP_MAX);
	EXPECT(m.question.truncated && m.count > 20 && m.count < MANY && !m.question.edns_size);
	EXPECT(ask_within(&a, &s, &t, 1232, 0, false, &m) <= 1232);
	EXPECT(m.question.truncated && m.count > 60 && m.question.edns_size);
	ask_within(&a, &s, &t, 4096, 0, false, &m);
	EXPECT(!m.question.truncated);
	EXPECT_INT(m.count, MANY);
	ask_within(&a, &s, &t, 0, 0, true, &m);
	EXPECT(!m.question.truncated);
	EXPECT_INT(m.count, MANY);
	/* less than everybody must take counts as that */
	EXPECT(ask_within(&a, &s, &t, 100, 0, false, &m) > 400);
	/* an EDNS of tomorrow */
	ask_within(&a, &s, &t, 1232, 1, false, &m);
	EXPECT_INT(m.question.rcode, 0);
	EXPECT_INT(m.count, 0);
	server_close(&s, &t);
	loop_test_done(&t);
}

TEST(without_servers_outside_others_names_are_refused)
{
	_cleanup_(arena_done) struct arena a;
	struct loop_test t;
	struct dns_server s;

	arena_init(&a);
	loop_test_init(&t, LOOP_TEST_REAL);
	server_open(&s, &t, NULL, 0);
	EXPECT_STR(serve(&a, &s, &t, "www.example.com", DNS_A, false), "5");
	EXPECT_STR(serve(&a, &s, &t, "far.a.svc.cluster.local", DNS_A, false), "0 5");
	server_close(&s, &t);
	loop_test_done(&t);
}

/* ---- each await refused and cancelled ---- */

struct torture {
	struct outside outside;
	struct dns_server server;
	struct arena a;
};

static void torture_start(struct loop_test *t, void *ctx)
{
	struct torture *x = ctx;

	arena_init(&x->a);
	outside_open(&x->outside, t, CUTS);
	server_open(&x->server, t, &x->outside.at, 1);
	serve(&x->a, &x->server, t, "far.a.svc.cluster.local", DNS_A, false);
	server_close(&x->server, t);
	outside_close(&x->outside);
	arena_done(&x->a);
}

TEST(every_await_may_fail)
{
	static struct torture x;

	EXPECT(loop_torture_run(LOOP_TEST_REAL, torture_start, NULL, &x) > 8);
}

/* ---- with an API ---- */

static void create(struct api_rig *r, const char *group, const char *resource, const char *text)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(str_from(group), STR("v1"), str_from(resource)), STR("default"),
		STR(""));
	q.body = api_rig_json(&q.arena, text);
	EXPECT_INT(api_rig_send(r, &q), 0);
	client_request_done(&q);
}

/* Over a socket, as a pod asks. */
static bool asked(
	struct api_rig *r, const struct address *server, const char *name, const char *wanted)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0), from;
	struct buf query = BUF_INIT(512), text = BUF_INIT(64);
	struct datagram *d = NULL;
	struct told told = {0};
	struct dns_message m;
	char at[512];
	bool good = false;

	EXPECT_INT(datagram_open(r->t.env, r->t.root, &any, &d, NULL), 0);
	dns_ask(&r->arena, &query, 5, str_from(name), DNS_A);
	datagram_send(d, server, buf_str(&query));
	datagram_receive(
		d, told_op(&told, r->t.root, loop_in(r->t.loop, SEC)), at, sizeof(at), &from);
	loop_test_run_until(&r->t, &told.done);
	if (!told.err.code && !dns_parse(&r->arena, str_make(at, (size_t)told.n), &m, NULL) &&
		m.count && m.records[0].type == DNS_A) {
		struct ip ip = {.len = 4};

		memcpy(ip.bytes, m.records[0].data.at, 4);
		ip_print(&text, &ip);
		good = str_eq_text(buf_str(&text), wanted);
	}
	told_done(&told);
	datagram_close(d);
	buf_done(&query);
	buf_done(&text);
	return good;
}

struct served {
	struct api_rig api;
	struct informers *informers;
	struct part *part; /* NULL: it could not listen */
};

static void served_open(struct served *s)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	struct dns_options options = {.listen = &any, .listen_count = 1};
	struct err err = {0};

	s->informers = informers_new(s->api.client, s->api.t.root);
	struct component_base base = {.env = s->api.t.env,
		.client = s->api.client,
		.informers = s->informers,
		.scope = s->api.t.root};
	EXPECT_OK(dns_new(&base, &options, &s->part, &err), &err);
	err_done(&err);
}

static void served_close(struct served *s)
{
	struct told told = {0}, gone = {0};

	if (s->part) {
		part_stop(s->part, told_op(&told, s->api.t.root, OP_NO_DEADLINE));
		loop_test_run_until(&s->api.t, &told.done);
		part_free(s->part);
	}
	informers_stop(s->informers, told_op(&gone, s->api.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&s->api.t, &gone.done);
	informers_free(s->informers);
}

TEST(services_of_an_api_have_names_at_once)
{
	struct served s = {0};

	REQUIRE(api_rig_open(&s.api, API_RIG_LOCAL));
	served_open(&s);
	REQUIRE(s.part);
	struct address at = dns_listening(s.part, 0);
	create(&s.api, "", "services",
		"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"clusterIP\":\"10.96.0.77\",\"ports\":"
		"["
		"{\"port\":80}]}}");
	API_RIG_AWAIT(&s.api, asked(&s.api, &at, "web.default.svc.cluster.local", "10.96.0.77"));
	create(&s.api, "", "services",
		"{\"metadata\":{\"name\":\"db\"},\"spec\":{\"clusterIP\":\"None\"}}");
	create(&s.api, "discovery.k8s.io", "endpointslices",
		"{\"metadata\":{\"name\":\"db-1\",\"labels\":{\"kubernetes.io/"
		"service-name\":\"db\"}},"
		"\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.42.0.7\"]}]}");
	API_RIG_AWAIT(&s.api, asked(&s.api, &at, "db.default.svc.cluster.local", "10.42.0.7"));
	served_close(&s);
	api_rig_close(&s.api);
}

/* Of eight ports that may be handed out seven are taken, over TCP. */
static void with_few_ports(void)
{
	struct served s = {0};
	char out[64];
	int taken[7];

	netns_test_shell(-1, out, sizeof(out), "ip link set lo up");
	if (!EXPECT(api_rig_open(&s.api, API_RIG_LOCAL)))
		return;
	netns_test_shell(
		-1, out, sizeof(out), "echo 40000 40007 >/proc/sys/net/ipv4/ip_local_port_range");
	for (int i = 0; i < 7; i++)
		taken[i] = netns_test_socket(-1, SOCK_STREAM, "127.0.0.1", (uint16_t)(40000 + i));
	served_open(&s);
	if (s.part)
		EXPECT_INT(dns_listening(s.part, 0).port, 40007);
	served_close(&s);
	for (int i = 0; i < 7; i++)
		close(taken[i]);
	api_rig_close(&s.api);
}

TEST(any_port_is_one_that_is_free_for_both)
{
	netns_test_run(with_few_ports);
}
