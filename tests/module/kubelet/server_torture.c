/*
 * The node's server and somebody who asks it, with each of their awaits refused in turn, then each
 * cancelled: lists and figures, logs that are followed, a command, a terminal, what is attached, a
 * forwarded port. Whatever comes back, both can be stopped, and nothing of it is left.
 */
#include "host_runtime.h"
#include "loop_torture.h"
#include "tls_world.h"

#include <kube/http_client.h>
#include <kube/websocket.h>
#include <kubelet/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char pod_text[] =
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"u1\"},\"spec\":{"
	"\"containers\":[{\"name\":\"one\",\"image\":\"host\",\"stdin\":true}]},\"status\":{"
	"\"containerStatuses\":[{\"name\":\"one\",\"containerID\":\"host://c1\",\"state\":{"
	"\"running\":{}}}]}}";
static const char log_text[] =
	"2026-01-02T15:04:05Z stdout F first\n2026-01-02T15:04:06Z stderr F second\n";

struct scenario {
	const char *path;
	const char *wanted;   /* in what comes back */
	const char *protocol; /* of a WebSocket; NULL: a plain request */
	const char *say;      /* on its first channel; NULL: nothing */
	bool ends;            /* the container, once everything wanted is here */
	bool to_itself;       /* the path lacks a port: the server's own */
	bool tls;
};

struct scene {
	struct loop_test *t;
	const struct scenario *what;
	struct host_runtime host;
	struct kubelet_server *server;
	struct http_client *client;
	struct http_call call;
	struct stream *stream;
	struct op op, stop;
	struct buf got, frame;
	struct str part;
	struct arena arena;
	struct cJSON *pod;
	const struct cJSON *pods[1];
	char url[256], logs[64], log[96];
	int round;
	struct tls_config *server_tls, *client_tls;
	bool good;
};

static size_t list_pods(void *ctx, struct arena *a, const struct cJSON *const **pods)
{
	struct scene *s = ctx;

	(void)a;
	s->pods[0] = s->pod;
	*pods = s->pods;
	return 1;
}

/* Rounds in which nothing comes back any more end soon; the first is without torture. */
static int64_t patience(const struct scene *s)
{
	return s->round == 1 ? 20 * SEC : 500 * MSEC;
}

/* ---- the end ---- */

static void server_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, stop);

	(void)err;
	kubelet_server_free(s->server);
	arena_done(&s->arena);
	unlink(s->log);
	rmdir(s->logs);
}

static void client_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, stop);

	(void)err;
	http_client_free(s->client);
	op_init(op, s->t->root, server_stopped, OP_NO_DEADLINE);
	kubelet_server_stop(s->server, op, 0);
}

static void end(struct scene *s)
{
	if (s->host.containers[0].state == CONTAINER_RUNNING)
		host_runtime_end(&s->host, 0, 0);
	stream_close(TAKE(s->stream));
	http_call_done(&s->call);
	buf_done(&s->got);
	buf_done(&s->frame);
	op_init(&s->stop, s->t->root, client_stopped, OP_NO_DEADLINE);
	http_client_stop(s->client, &s->stop);
}

/* ---- what comes back ---- */

static void have_piece(struct op *op, struct err *err);

static void read_more(struct scene *s)
{
	op_init(&s->op, s->t->root, have_piece, loop_in(s->t->loop, patience(s)));
	if (s->stream)
		stream_read(s->stream, &s->op, &s->got, 64 * KIB);
	else
		http_call_read(&s->call, &s->op, &s->got, 64 * KIB);
}

static void have_piece(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);
	bool all = str_find(buf_str(&s->got), str_from(s->what->wanted)) >= 0;

	if (err->code || op->n == 0) {
		s->good = !err->code && all;
		end(s);
		return;
	}
	if (all && s->stream) { /* the other side waits for us, or for its command */
		s->good = true;
		end(s);
		return;
	}
	if (all && s->what->ends && s->host.containers[0].state == CONTAINER_RUNNING)
		host_runtime_end(&s->host, 0, 0);
	read_more(s);
}

static void spoken(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	if (err->code)
		end(s);
	else
		read_more(s);
}

/* One message as a client sends it, masked by zeros: channel 0, then the text. */
static void speak(struct scene *s)
{
	size_t len = strlen(s->what->say) + 1;
	const char head[] = {(char)0x82, (char)(0x80 | len), 0, 0, 0, 0, 0};

	buf_add(&s->frame, head, sizeof(head));
	buf_add_text(&s->frame, s->what->say);
	s->part = buf_str(&s->frame);
	op_init(&s->op, s->t->root, spoken, loop_in(s->t->loop, patience(s)));
	stream_write(s->stream, &s->op, &s->part, 1);
}

static void have_head(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	if (err->code || s->call.status != (s->what->protocol ? 101 : 200)) {
		end(s);
		return;
	}
	if (s->what->protocol)
		s->stream = http_call_take_stream(&s->call, &s->got);
	if (s->what->say)
		speak(s);
	else
		read_more(s);
}

/* ---- the beginning ---- */

static void open_node(struct scene *s)
{
	struct err err = {0};
	FILE *f = fopen(s->log, "we");

	fputs(log_text, f);
	fclose(f);
	EXPECT_OK(json_parse(&s->arena, str_from(pod_text), NULL, &s->pod, &err), &err);
	host_runtime_init(&s->host, s->t->env);
	host_runtime_add(&s->host, "web", "u1", "one", "c1", s->log);
	const struct kubelet_server_options options = {.runtime = &s->host.runtime,
		.pods = {.list = list_pods, .ctx = s},
		.tls = s->server_tls,
		.node_name = STR("n1"),
		.log_top = str_from(s->logs),
		.at = address_of(ip_v4(127, 0, 0, 1), 0),
		.started = env_wall(s->t->env)};
	EXPECT_OK(kubelet_server_new(s->t->env, s->t->root, &options, &s->server, &err), &err);
}

static void scene_start(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	const struct http_client_options client = {
		.tls = s->client_tls, .no_http2 = true, .name = "asker"};

	*s = (struct scene){
		.t = t, .what = s->what, .server_tls = s->server_tls, .client_tls = s->client_tls};
	arena_init(&s->arena);
	buf_init(&s->got, MIB);
	buf_init(&s->frame, KIB);
	snprintf(s->logs, sizeof(s->logs), "/tmp/kube-torture-%d", getpid());
	snprintf(s->log, sizeof(s->log), "%s/one.log", s->logs);
	mkdir(s->logs, 0700);
	open_node(s);
	s->client = http_client_new(t->env, t->root, &client);
	snprintf(s->url, sizeof(s->url), "http%s://127.0.0.1:%u%s", s->what->tls ? "s" : "",
		kubelet_server_port(s->server), s->what->path);
	if (s->what->to_itself)
		snprintf(s->url + strlen(s->url), sizeof(s->url) - strlen(s->url), "%u",
			kubelet_server_port(s->server));
	http_call_init(&s->call, s->client, STR("GET"), str_from(s->url));
	if (s->what->protocol) {
		s->call.upgrade = true;
		websocket_ask(
			t->env, &s->call.arena, str_from(s->what->protocol), &s->call.headers);
	}
	op_init(&s->op, t->root, have_head, loop_in(t->loop, patience(s)));
	http_call_start(&s->call, &s->op);
}

static void scene_check(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;

	(void)t;
	if (s->round == 1)
		EXPECT(s->good);
	EXPECT_INT(s->host.sessions, 0);
	EXPECT(list_empty(&s->host.listeners));
}

static void run(const struct scenario *what)
{
	struct scene s = {.what = what};

	test_context("%s", what->path);
	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene_start, scene_check, &s) > 10);
	test_context_end();
}

TEST(lists_and_figures_may_fail_at_every_await)
{
	run(&(struct scenario){.path = "/pods", .wanted = "\"PodList\""});
	run(&(struct scenario){.path = "/stats/summary", .wanted = "workingSetBytes"});
	run(&(struct scenario){.path = "/metrics/resource", .wanted = "container_cpu_usage"});
}

TEST(logs_may_fail_at_every_await)
{
	run(&(struct scenario){
		.path = "/containerLogs/default/web/one", .wanted = "first\nsecond\n"});
	run(&(struct scenario){.path = "/containerLogs/default/web/one?follow=true",
		.wanted = "first\nsecond\n",
		.ends = true});
}

TEST(files_of_the_node_may_fail_at_every_await)
{
	run(&(struct scenario){.path = "/logs/", .wanted = "<a href=\"one.log\">one.log</a>\n"});
	run(&(struct scenario){
		.path = "/logs/one.log", .wanted = "stdout F first\n2026-01-02T15:04:06Z"});
}

TEST(a_command_may_fail_at_every_await)
{
	run(&(struct scenario){
		.path = "/exec/default/web/one?command=echo&command=hi&output=1&error=1",
		.wanted = "Success",
		.protocol = "v5.channel.k8s.io"});
}

TEST(a_terminal_may_fail_at_every_await)
{
	run(&(struct scenario){.path = "/exec/default/web/one?command=head&command=-n1&"
				       "input=1&output=1&tty=1",
		.wanted = "Success",
		.protocol = "v4.channel.k8s.io",
		.say = "typed\n"});
}

TEST(what_is_attached_may_fail_at_every_await)
{
	run(&(struct scenario){.path = "/attach/default/web/one?input=1&output=1",
		.wanted = "typed",
		.protocol = "v4.channel.k8s.io",
		.say = "typed\n"});
}

TEST(a_forwarded_port_may_fail_at_every_await)
{
	run(&(struct scenario){.path = "/portForward/default/web?port=",
		.to_itself = true,
		.wanted = "200 OK",
		.protocol = "v4.channel.k8s.io",
		.say = "GET /healthz HTTP/1.0\r\n\r\n"});
}
