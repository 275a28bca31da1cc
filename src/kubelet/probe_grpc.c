/* grpc.health.v1.Health/Check, on a connection of its own. */
#include "probe.h"

#include <kube/api_codec.h>
#include <kube/time.h>

enum grpc_step { GRPC_ASK, GRPC_HEAD, GRPC_BODY, GRPC_STOPPED };
static const char *const grpc_steps[] = {"ask", "head", "body", "stopped"};

enum grpc_code { GRPC_OK, GRPC_UNKNOWN = 2, GRPC_DEADLINE = 4, GRPC_UNIMPLEMENTED = 12 };

/* A message is five bytes of frame and, of a request, field 1: the service's name. */
static struct str request(struct arena *a, struct str service)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	struct str name = str_sub(service, 0, 127);
	size_t len = name.len ? name.len + 2 : 0;

	buf_add(&out, "\0\0\0\0", 4);
	buf_add_char(&out, (char)len);
	if (name.len) {
		buf_add_char(&out, 0x0a);
		buf_add_char(&out, (char)name.len);
		buf_add_str(&out, name);
	}
	return arena_str(a, buf_str(&out));
}

/* Field 1 of the answer; -1: there is no whole answer. */
static int serving(struct str body)
{
	if (body.len < 5)
		return -1;
	return body.len >= 7 && body.at[5] == 0x08 ? body.at[6] : 0;
}

static struct str place(struct probe *p)
{
	return probe_place(&p->arena, p->ip, (uint16_t)tree_int(p->handler, "grpc.port", 0));
}

static void ask(struct probe *p)
{
	struct http_client_options options = {.plain_http2 = true, .name = "grpc probe"};
	struct str url =
		arena_print(&p->arena, "http://%.*s/grpc.health.v1.Health/Check", STRF(place(p)));

	p->client = http_client_new(kubelet_env(p->k), &p->k->scope, &options);
	http_call_init(&p->call, p->client, STR("POST"), url);
	p->call.body = request(&p->arena, tree_str(p->handler, "grpc.service"));
	http_headers_add(
		&p->call.arena, &p->call.headers, STR("Content-Type"), STR("application/grpc"));
	http_headers_add(&p->call.arena, &p->call.headers, STR("TE"), STR("trailers"));
	http_headers_add(&p->call.arena, &p->call.headers, STR("User-Agent"),
		arena_print(&p->arena, "%s grpc-go/1.72.2", p->user_agent));
	http_call_start(&p->call, task_await(&p->task, GRPC_HEAD, p->until));
}

static struct str field(const struct probe *p, struct str name)
{
	struct str last = http_headers_get(&p->call.trailers, name);

	return last.len ? last : http_headers_get(&p->call.response, name);
}

/* Decides, then ends the connection; the answer is told when that is over. */
static void judge(struct probe *p, const struct err *err)
{
	static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
	_cleanup_(buf_done) struct buf took = BUF_INIT(64);
	struct arena *a = &p->arena;
	int64_t code = GRPC_UNKNOWN;
	int state = serving(buf_str(&p->body));

	duration_print(&took, p->timeout);
	str_to_i64(field(p, STR("grpc-status")), &code);
	p->outcome = PROBE_BAD;
	if (err->code == ERR_TIMEOUT && !p->call.status)
		p->text = arena_print(a,
			"timeout: failed to connect service \"%.*s\" within %s: context deadline "
			"exceeded",
			STRF(place(p)), buf_text(&took));
	else if (err->code == ERR_TIMEOUT || code == GRPC_DEADLINE)
		p->text = arena_print(
			a, "timeout: health rpc did not complete within %s", buf_text(&took));
	else if (err->code)
		p->text = arena_print(a,
			"error: failed to connect service at \"%.*s\": connection error: desc = "
			"\"transport: Error while dialing: dial tcp %.*s: %.*s\"",
			STRF(place(p)), STRF(place(p)), STRF(probe_reason(a, err)));
	else if (code == GRPC_UNIMPLEMENTED)
		p->text = arena_print(a,
			"error: this server does not implement the grpc health protocol "
			"(grpc.health.v1.Health): %.*s",
			STRF(field(p, STR("grpc-message"))));
	else if (code != GRPC_OK || state < 0)
		p->text = arena_print(a,
			"error: health rpc probe failed: rpc error: code = %lld desc = %.*s",
			(long long)code, STRF(field(p, STR("grpc-message"))));
	else if (state == 1)
		p->outcome = PROBE_GOOD;
	else
		p->text = arena_print(a, "service unhealthy (responded with \"%s\")",
			names[state >= 0 && state < 4 ? state : 0]);
}

static void end(struct probe *p)
{
	http_call_done(&p->call);
	http_client_stop(p->client, task_await(&p->task, GRPC_STOPPED, OP_NO_DEADLINE));
}

static void grpc_run(struct task *t, struct err *err)
{
	struct probe *p = CONTAINER_OF(t, struct probe, task);

	switch ((enum grpc_step)t->step) {
	case GRPC_ASK:
		ask(p);
		return;
	case GRPC_HEAD:
		if (!err->code) {
			http_call_read_all(&p->call, task_await(t, GRPC_BODY, p->until), &p->body,
				p->body.max);
			return;
		}
		/* fallthrough */
	case GRPC_BODY:
		if (err->code == ERR_CANCELLED)
			err_move(&p->why, err);
		else
			judge(p, err);
		end(p);
		return;
	case GRPC_STOPPED:
		http_client_free(TAKE(p->client));
		if (p->why.code)
			return task_fail(t, &p->why);
		task_finish(t, 0);
	}
}

static const struct task_kind grpc_kind = TASK_KIND("grpc probe", grpc_steps, grpc_run);

void probe_grpc(struct probe *p, struct op *op)
{
	task_start(&p->task, &grpc_kind, op);
}
