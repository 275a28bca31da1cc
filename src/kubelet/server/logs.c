/* /containerLogs/NAMESPACE/POD/CONTAINER */
#include "log_reader.h"
#include "node_request.h"

#include <kube/mem.h>
#include <kube/time.h>

struct log_request {
	struct node_request *r;
	struct log_reader reader;
	struct str part;
	bool begun;
};

/* ---- what is wished ---- */

static bool is_true(struct str s)
{
	return str_eq_text(s, "true") || str_eq_text(s, "1");
}

static int read_count(struct node_request *r, const char *name, int64_t least, int64_t *n)
{
	struct str text = query_get(&r->query, name);

	if (!text.len)
		return 0;
	if (!str_to_i64(text, n))
		return 400;
	return *n < least ? 422 : 0;
}

/* A status when it cannot be read (400) or makes no sense (422). */
static int read_wish(struct node_request *r, struct log_wish *wish, int64_t *tail)
{
	int64_t seconds = 0, now = env_wall(r->server->env);
	struct str since = query_get(&r->query, "sinceTime");
	const char *name = query_has(&r->query, "tail") ? "tail" : "tailLines";
	int status =
		str_eq_text(query_get(&r->query, name), "all") ? 0 : read_count(r, name, 0, tail);

	*wish = (struct log_wish){
		.limit = LOG_NO_LIMIT, .timestamps = is_true(query_get(&r->query, "timestamps"))};
	status = status ? status : read_count(r, "limitBytes", 1, &wish->limit);
	status = status ? status : read_count(r, "sinceSeconds", 1, &seconds);
	if (!status && since.len && time_parse(since, &wish->since, NULL))
		status = 400;
	if (!status && since.len && seconds)
		status = 422;
	if (seconds)
		wish->since = seconds > now / SEC ? 1 : now - seconds * SEC;
	struct str stream = query_get(&r->query, "stream");
	if (str_eq_text(stream, "Stdout"))
		wish->stream = STR("stdout");
	else if (str_eq_text(stream, "Stderr"))
		wish->stream = STR("stderr");
	else if (stream.len && !str_eq_text(stream, "All"))
		status = 422;
	return status;
}

/* ---- of which container ---- */

static const struct cJSON *status_of(const struct cJSON *pod, struct str name)
{
	static const char *const lists[] = {"status.containerStatuses",
		"status.initContainerStatuses", "status.ephemeralContainerStatuses"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (status, json_path(pod, lists[i]))
			if (str_eq(json_str(json_get(status, STR("name"))), name))
				return status;
	return NULL;
}

static struct str text_at(const struct cJSON *n, const char *path)
{
	return json_str(json_path(n, path));
}

/* Why a container that has never run has no log. */
static void say_waiting(struct node_request *r, struct str reason)
{
	struct str pod = r->parts[2], name = r->parts[3];
	const char *format = "container \"%.*s\" in pod \"%.*s\" is waiting to start: %.*s";

	if (str_eq_text(reason, "ErrImagePull"))
		reason = STR("image can't be pulled");
	else if (str_eq_text(reason, "ImagePullBackOff"))
		reason = STR("trying and failing to pull image");
	node_answer_text(r, 400, format, STRF(name), STRF(pod), STRF(reason));
}

/* The id of the container whose log is meant; empty: the request was answered. */
static struct str choose(struct node_request *r, const struct cJSON *status, bool previous)
{
	struct str now = text_at(status, "state.terminated.containerID"),
		   last = text_at(status, "lastState.terminated.containerID");
	const struct cJSON *state = json_get(status, STR("state"));

	if (previous && !last.len)
		node_answer_text(r, 400,
			"previous terminated container \"%.*s\" in pod \"%.*s\" not found",
			STRF(r->parts[3]), STRF(r->parts[2]));
	if (previous)
		return last;
	if (json_get(state, STR("running")))
		return text_at(status, "containerID");
	if (now.len || last.len)
		return now.len ? now : last;
	if (json_get(state, STR("waiting")))
		say_waiting(r, text_at(state, "waiting.reason"));
	else if (json_get(state, STR("terminated")))
		node_answer_text(r, 400, "container \"%.*s\" in pod \"%.*s\" is terminated",
			STRF(r->parts[3]), STRF(r->parts[2]));
	else
		node_answer_text(r, 400,
			"container \"%.*s\" in pod \"%.*s\" is waiting to start - no logs yet",
			STRF(r->parts[3]), STRF(r->parts[2]));
	return STR("");
}

static struct str bare_id(struct str id) /* "containerd://…" */
{
	ssize_t at = str_find(id, STR("://"));

	return at < 0 ? id : str_skip(id, (size_t)at + 3);
}

/* ---- telling it ---- */

static void next(struct log_request *q);

static void over(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct log_request *q = r->x->handler;

	(void)err;
	log_reader_done(&q->reader);
	node_request_end(r);
}

static void told(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct log_request *q = r->x->handler;

	buf_clear(&q->reader.out);
	if (err->code)
		over(op, err);
	else
		next(q);
}

static void have_text(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct log_request *q = r->x->handler;

	if (err->code) { /* too late for words: the answer breaks off */
		over(op, err);
		return;
	}
	if (!op->n) {
		http_respond_end(r->x, node_request_op(r, over), NULL);
		return;
	}
	q->part = buf_str(&q->reader.out);
	http_write(r->x, node_request_op(r, told), &q->part, 1);
}

static void next(struct log_request *q)
{
	log_reader_next(&q->reader, node_request_op(q->r, have_text));
}

static void opened(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct log_request *q = r->x->handler;

	if (err->code) {
		node_answer_text(r, 400, "failed to try resolving symlinks in path \"%s\": %s",
			q->reader.path, err_text(err));
		log_reader_done(&q->reader);
		return;
	}
	r->headers[0] = (struct http_header){STR("Content-Type"), STR("text/plain; charset=utf-8")};
	http_respond_start(r->x, node_request_op(r, told), 200, r->headers, 1, HTTP_LENGTH_UNKNOWN);
}

static void begin(struct node_request *r, const struct container *c, const struct log_wish *wish,
	int64_t tail)
{
	struct log_request *q = arena_new(r->arena, sizeof(*q));

	r->x->handler = q;
	q->r = r;
	log_reader_init(&q->reader, r->server->env, r->server->options.runtime,
		arena_str(r->arena, c->id), arena_str(r->arena, c->log_path).at, wish);
	q->reader.tail = tail;
	q->reader.follow = is_true(query_get(&r->query, "follow"));
	log_reader_open(&q->reader, node_request_op(r, opened));
}

void node_logs(struct node_request *r)
{
	const struct cJSON *pod = node_find_pod(r, r->parts[1], r->parts[2], STR(""));
	struct log_wish wish;
	int64_t tail = -1;
	int status = read_wish(r, &wish, &tail);

	if (status) {
		node_answer_text(r, status, "{\"message\": \"%s\"}",
			status == 400 ? "Unable to decode query." : "Invalid request.");
		return;
	}
	if (!pod) {
		node_answer_text(r, 404, "pod \"%.*s\" does not exist", STRF(r->parts[2]));
		return;
	}
	if (!pod_container_spec(pod, r->parts[3])) {
		node_answer_text(r, 404, "container \"%.*s\" not found in pod \"%.*s\"",
			STRF(r->parts[3]), STRF(r->parts[2]));
		return;
	}
	const struct cJSON *state = status_of(pod, r->parts[3]);
	if (!state) {
		node_answer_text(r, 400, "container \"%.*s\" in pod \"%.*s\" is not available",
			STRF(r->parts[3]), STRF(r->parts[2]));
		return;
	}
	struct str id = choose(r, state, is_true(query_get(&r->query, "previous")));
	if (!id.len)
		return;
	const struct container *c = node_container(r->server, bare_id(id));
	if (c)
		begin(r, c, &wish, tail);
	else
		node_answer_text(r, 400, "unable to retrieve container logs for %.*s", STRF(id));
}
