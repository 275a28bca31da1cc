/*
 *	look → call → head → read ⇄ write → unpack
 *	        ↑             │ broke off
 *	        └ wait ← save ┘
 */
#include "image_fetch.h"

#include "image_take.h"

#include <errno.h>
#include <kube/time.h>
#include <unistd.h>

#define PIECE_MAX  (MIB)
#define PIECE_SOME (256 * KIB) /* is written when there is so much */
#define WAIT_FIRST SEC
#define WAIT_MAX   (16 * SEC)

enum fetch_step {
	FETCH_LOOK,
	FETCH_LOOKED,
	FETCH_CALL,
	FETCH_HEAD,
	FETCH_READ,
	FETCH_WRITTEN,
	FETCH_SAVED,
	FETCH_UNPACKED,
};
static const char *const fetch_steps[] = {
	"look", "looked", "call", "head", "read", "written", "saved", "unpacked"};

static struct image_fetch *fetch_of(struct work *w)
{
	return CONTAINER_OF(w, struct image_fetch, work);
}

/* ---- on a worker ---- */

static void look_work(struct work *w)
{
	struct image_fetch *f = fetch_of(w);
	_cleanup_(err_done) struct err why = {0};
	int failed = image_disk_layer(&f->store->disk, f->diff, &f->bytes, &why);

	f->here = !failed;
	if (failed == ERR_NOT_FOUND)
		f->open = image_disk_new_file(&f->store->disk, &f->incoming, &w->err) == 0;
	else if (failed)
		err_move(&w->err, &why);
}

static void write_work(struct work *w)
{
	struct image_fetch *f = fetch_of(w);
	struct str rest = buf_str(&f->piece);

	while (rest.len) {
		ssize_t n = pwrite(f->incoming.fd, rest.at, rest.len, f->come);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set_errno(&w->err, errno, "writing layer %.*s", STRF(f->digest));
			return;
		}
		f->come += n;
		rest = str_skip(rest, (size_t)n);
	}
	buf_clear(&f->piece);
}

static void unpack_work(struct work *w)
{
	struct image_fetch *f = fetch_of(w);
	struct layer_source source = {
		.fd = f->incoming.fd, .size = f->come, .stopped = &w->cancelled};

	image_take_layer(&f->store->disk, &f->store->limits, &source, f->diff, f->digest, &f->bytes,
		&w->err);
}

/* ---- on the loop ---- */

static void fetch_end(struct image_fetch *f)
{
	if (f->calling)
		registry_call_end(&f->call);
	f->calling = false;
	if (f->open)
		image_disk_abandon(&f->store->disk, &f->incoming);
	f->open = false;
	buf_done(&f->piece);
	err_done(&f->work.err);
}

static void fetch_fail(struct image_fetch *f, struct err *err)
{
	fetch_end(f);
	task_fail(&f->task, err);
}

static void start_work(struct image_fetch *f, int next, work_fn *run)
{
	err_done(&f->work.err);
	work_start(&f->work, task_await(&f->task, next, OP_NO_DEADLINE), WORK_DISK, run);
}

static void call_again(struct image_fetch *f)
{
	struct arena *a = &f->session->arena;

	if (f->calling)
		registry_call_end(&f->call);
	registry_call_init(&f->call, f->session, STR("GET"),
		arena_print(a, "blobs/%.*s", STRF(f->digest)), STR("*/*"));
	f->calling = true;
	f->call.from = f->come;
	registry_call_start(&f->call, task_await(&f->task, FETCH_HEAD, OP_NO_DEADLINE));
}

static void wait_a_while(struct image_fetch *f)
{
	int doublings = MIN(f->tries, 10);
	int64_t wait = MIN(WAIT_FIRST << doublings, WAIT_MAX);

	f->tries++;
	timer_wait(task_await(&f->task, FETCH_CALL, OP_NO_DEADLINE),
		loop_in(f->store->env->loop, wait));
}

/*
 * A network that fails may work again; a registry that refuses goes on refusing. What has come is
 * kept first.
 */
static void broke_off(struct image_fetch *f, struct err *err)
{
	if (err->code == ERR_CANCELLED || f->tries >= f->store->retries ||
		err->code == ERR_CERTIFICATE) {
		err_wrap(err, err->code, "failed to copy: httpReadSeeker: failed open");
		return fetch_fail(f, err);
	}
	if (f->piece.len)
		start_work(f, FETCH_SAVED, write_work);
	else
		wait_a_while(f);
}

static void read_more(struct image_fetch *f)
{
	http_call_read(&f->call.http, task_await(&f->task, FETCH_READ, OP_NO_DEADLINE), &f->piece,
		PIECE_MAX - f->piece.len);
}

static void head_came(struct image_fetch *f, struct err *err)
{
	int status = f->call.http.status;

	buf_clear(&f->piece);
	if (err->code)
		return broke_off(f, err);
	if (status == 200)
		f->come = 0; /* all of it once more */
	else if (status != 206 || f->call.from == 0) {
		registry_call_refusal(&f->call, err);
		if (status >= 500 || status == 429)
			return broke_off(f, err);
		err_wrap(err, err->code, "failed to copy: httpReadSeeker: failed open");
		return fetch_fail(f, err);
	}
	f->ended = false;
	read_more(f);
}

static void piece_came(struct image_fetch *f, struct err *err)
{
	bool end = !err->code && f->task.wait.n == 0;
	int64_t have = f->come + (int64_t)f->piece.len;

	if (have > f->size) {
		err_done(err);
		err_set(err, ERR_INVALID,
			"layer %.*s has more than the %lld bytes its manifest says",
			STRF(f->digest), (long long)f->size);
		return fetch_fail(f, err);
	}
	if (err->code)
		return broke_off(f, err);
	if (end && have < f->size) {
		err_set(err, ERR_CLOSED, "unexpected EOF after %lld of %lld bytes", (long long)have,
			(long long)f->size);
		return broke_off(f, err);
	}
	f->ended = end;
	if (end || f->piece.len >= PIECE_SOME)
		start_work(f, FETCH_WRITTEN, write_work);
	else
		read_more(f);
}

static void fetch_run(struct task *t, struct err *err)
{
	struct image_fetch *f = CONTAINER_OF(t, struct image_fetch, task);

	switch ((enum fetch_step)t->step) {
	case FETCH_LOOK:
		return start_work(f, FETCH_LOOKED, look_work);
	case FETCH_LOOKED:
		if (err->code)
			return fetch_fail(f, err);
		if (!f->here)
			return call_again(f);
		break;
	case FETCH_CALL:
		if (err->code)
			return fetch_fail(f, err);
		return call_again(f);
	case FETCH_HEAD:
		return head_came(f, err);
	case FETCH_READ:
		return piece_came(f, err);
	case FETCH_WRITTEN:
		if (err->code)
			return fetch_fail(f, err);
		if (!f->ended)
			return read_more(f);
		return start_work(f, FETCH_UNPACKED, unpack_work);
	case FETCH_SAVED:
		if (err->code)
			return fetch_fail(f, err);
		return wait_a_while(f);
	case FETCH_UNPACKED:
		if (err->code)
			return fetch_fail(f, err);
		break;
	}
	fetch_end(f);
	task_finish(t, 0);
}

static const struct task_kind fetch_kind = TASK_KIND("layer fetch", fetch_steps, fetch_run);

void image_fetch_start(struct image_fetch *f, struct op *op)
{
	buf_init(&f->piece, PIECE_MAX);
	f->incoming.fd = -1;
	task_start(&f->task, &fetch_kind, op);
}
