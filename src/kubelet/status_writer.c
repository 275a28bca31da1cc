#include "status_writer.h"
#include "pod_status.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define STATUS_MAX (4 * MIB)
#define TIMEOUT    (30 * SEC)
#define DELAY_MIN  (200 * MSEC)
#define DELAY_MAX  (20 * SEC)

static const struct resource *pods(void)
{
	return resource_find(STR(""), STR("v1"), STR("pods"));
}

void status_writer_init(struct status_writer *w, struct client *client, struct scope *scope,
	struct str namespace, struct str name, struct str uid,
	void (*idle)(struct status_writer *w))
{
	*w = (struct status_writer){.client = client,
		.scope = scope,
		.namespace = namespace,
		.name = name,
		.uid = uid,
		.idle = idle};
}

void status_writer_done(struct status_writer *w)
{
	assert(w->state == WRITER_IDLE);
	mem_free(w->wanted);
	mem_free(w->written);
	mem_free(w->sent);
}

bool status_writer_is_idle(const struct status_writer *w)
{
	return w->state == WRITER_IDLE;
}

static char *print_status(const struct cJSON *status)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(STATUS_MAX);

	json_print(&text, status, JSON_COMPACT);
	return mem_copy_text(buf_text(&text));
}

static struct cJSON *parse_status(struct arena *a, const char *text)
{
	struct cJSON *status = NULL;

	if (text && json_parse(a, str_from(text), NULL, &status, NULL))
		assert(!"what was printed is JSON");
	return status;
}

struct cJSON *status_writer_wanted(const struct status_writer *w, struct arena *a)
{
	return parse_status(a, w->wanted);
}

static struct cJSON *changes(struct status_writer *w, struct arena *a)
{
	return pod_status_patch(a, w->uid, parse_status(a, w->written), status_writer_wanted(w, a));
}

bool status_writer_settled(struct status_writer *w)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	return w->gone || (w->wanted && !changes(w, &a));
}

static void keep_written(struct status_writer *w, char *status, int64_t revision)
{
	mem_free(w->written);
	w->written = status;
	w->written_revision = revision;
}

/* ---- in flight ---- */

static void go(struct status_writer *w);

static void waited(struct op *op, struct err *err)
{
	struct status_writer *w = CONTAINER_OF(op, struct status_writer, op);

	(void)err;
	w->state = WRITER_IDLE;
	go(w);
}

static void retry(struct status_writer *w, const struct err *err)
{
	int64_t doubled = DELAY_MIN << MIN(w->failures, 10), delay = MIN(doubled, DELAY_MAX);

	if (w->failures++ == 3)
		log_warning(err, "cannot write the status of a pod", LOG_STR("pod", w->name),
			LOG_STR("namespace", w->namespace));
	w->state = WRITER_WAITING;
	op_init(&w->op, w->scope, waited, OP_NO_DEADLINE);
	timer_wait(&w->op, loop_in(op_loop(&w->op), delay));
}

/* A pod of that name may have been made anew: it is not ours. */
static bool is_gone(int code)
{
	return code == ERR_NOT_FOUND || code == ERR_CONFLICT || code == ERR_INVALID;
}

static void patched(struct op *op, struct err *err)
{
	struct status_writer *w = CONTAINER_OF(op, struct status_writer, op);
	int64_t revision = 0;

	w->state = WRITER_IDLE;
	if (!err->code) {
		w->failures = 0;
		str_to_i64(tree_str(w->request.object, "metadata.resourceVersion"), &revision);
		if (revision >= w->written_revision)
			keep_written(w, TAKE(w->sent), revision);
	} else if (err->code == ERR_NOT_FOUND) {
		w->gone = true; /* a conflict may be anybody's: of an end the owner is told */
	}
	client_request_done(&w->request);
	if (err->code && !w->gone && !w->stopped)
		retry(w, err);
	else
		go(w);
}

static void removed(struct op *op, struct err *err)
{
	struct status_writer *w = CONTAINER_OF(op, struct status_writer, op);

	w->state = WRITER_IDLE;
	w->remove = false;
	client_request_done(&w->request);
	w->asked = !err->code;
	if (is_gone(err->code)) {
		w->gone = true;
	} else if (err->code && !w->stopped) {
		w->remove = true;
		retry(w, err);
		return;
	}
	go(w);
}

static void patch(struct status_writer *w, struct cJSON *body)
{
	mem_free(w->sent);
	w->sent = mem_copy_text(w->wanted);
	client_request_init(&w->request, CLIENT_PATCH_STRATEGIC, pods(), w->namespace, w->name);
	w->request.subresource = STR("status");
	w->request.body = body;
	w->state = WRITER_PATCHING;
	op_init(&w->op, w->scope, patched, loop_in(w->scope->loop, TIMEOUT));
	client_send(w->client, &w->op, &w->request);
}

static void take_away(struct status_writer *w)
{
	client_request_init(&w->request, CLIENT_DELETE, pods(), w->namespace, w->name);
	struct cJSON *options = json_new(&w->request.arena, JSON_OBJECT);
	tree_set_int(&w->request.arena, options, "gracePeriodSeconds", 0);
	tree_set_str(&w->request.arena, options, "preconditions.uid", w->uid);
	w->request.body = options;
	w->state = WRITER_REMOVING;
	op_init(&w->op, w->scope, removed, loop_in(w->scope->loop, TIMEOUT));
	client_send(w->client, &w->op, &w->request);
}

static void go(struct status_writer *w)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (w->state != WRITER_IDLE)
		return;
	struct cJSON *body =
		w->wanted && !w->gone && !w->stopped && !w->held ? changes(w, &a) : NULL;
	if (body)
		patch(w, body);
	else if (w->remove && !w->gone && !w->stopped)
		take_away(w);
	else
		w->idle(w);
}

/* ---- wishes ---- */

void status_writer_heard(struct status_writer *w, const struct cJSON *status, int64_t revision)
{
	if (revision > w->written_revision)
		keep_written(w, print_status(status), revision);
}

void status_writer_want(struct status_writer *w, const struct cJSON *status)
{
	mem_free(w->wanted);
	w->wanted = print_status(status);
	go(w);
}

void status_writer_move(struct status_writer *w, struct str uid)
{
	w->uid = uid;
	w->held = !uid.len;
	w->gone = w->asked = false;
	keep_written(w, NULL, 0);
}

void status_writer_remove(struct status_writer *w)
{
	if (w->asked)
		return; /* somebody's finalizers hold it */
	w->remove = true;
	go(w);
}

void status_writer_stop(struct status_writer *w)
{
	if (w->stopped)
		return;
	w->stopped = true;
	if (w->state == WRITER_IDLE)
		w->idle(w);
	else
		op_cancel(&w->op);
}
