#include "probe.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdarg.h>

#define BODY_MOST (10 * KIB)

int probe_port(
	const struct cJSON *port, const struct cJSON *container, uint16_t *number, struct err *err)
{
	struct str name = json_str(port);
	int64_t value = -1;

	if (!json_int(port, &value)) {
		json_each (entry, json_get(container, STR("ports")))
			if (str_eq(tree_str(entry, "name"), name))
				value = tree_int(entry, "containerPort", -1);
		if (value < 0 && !str_to_i64(name, &value))
			return err_set(err, ERR_INVALID,
				"strconv.Atoi: parsing \"%.*s\": invalid syntax", STRF(name));
	}
	if (value <= 0 || value > 65535)
		return err_set(err, ERR_INVALID, "invalid port number: %lld", (long long)value);
	*number = (uint16_t)value;
	return 0;
}

struct str probe_place(struct arena *a, struct str host, uint16_t port)
{
	bool v6 = str_find_char(host, ':') >= 0;

	return arena_print(a, v6 ? "[%.*s]:%u" : "%.*s:%u", STRF(host), port);
}

struct str probe_reason(struct arena *a, const struct err *err)
{
	switch (err->code) {
	case ERR_REFUSED:
		return STR("connect: connection refused");
	case ERR_UNREACHABLE:
		return STR("connect: no route to host");
	case ERR_TIMEOUT:
		return STR("i/o timeout");
	case ERR_CLOSED:
		return STR("EOF");
	default:
		return arena_print(a, "%s", err_text(err));
	}
}

void probe_answer(struct probe *p, enum probe_outcome outcome, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * BODY_MOST);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	p->outcome = outcome;
	p->text = arena_str(&p->arena, buf_str(&text));
	task_finish(&p->task, 0);
}

enum none_step { NONE_ANSWER };
static const char *const none_steps[] = {"answer"};

static void none_run(struct task *t, struct err *err)
{
	(void)err;
	probe_answer(CONTAINER_OF(t, struct probe, task), PROBE_ERROR, "missing probe handler");
}

static const struct task_kind none_kind = TASK_KIND("probe", none_steps, none_run);

void probe_start(struct probe *p, struct op *op)
{
	arena_init(&p->arena);
	buf_init(&p->body, BODY_MOST);
	p->until = loop_in(kubelet_loop(p->k), p->timeout);
	if (tree_has(p->handler, "exec"))
		probe_exec(p, op);
	else if (tree_has(p->handler, "httpGet"))
		probe_http(p, op);
	else if (tree_has(p->handler, "tcpSocket"))
		probe_tcp(p, op);
	else if (tree_has(p->handler, "grpc"))
		probe_grpc(p, op);
	else
		task_start(&p->task, &none_kind, op);
}

void probe_done(struct probe *p)
{
	mem_free(p->found.items);
	buf_done(&p->body);
	err_done(&p->why);
	arena_done(&p->arena);
}
