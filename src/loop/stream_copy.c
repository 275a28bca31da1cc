#include <kube/stream_copy.h>

#define PIECE (32 * KIB)

enum copy_step { COPY_WRITE, COPY_READ, COPY_GOT, COPY_FINISHED };
static const char *const copy_steps[] = {"write", "read", "got", "finished"};

static void copy_end(struct stream_copy *c, struct err *err)
{
	buf_done(&c->bytes);
	if (err->code)
		task_fail(&c->task, err);
	else
		task_finish(&c->task, c->copied);
}

static void copy_read(struct stream_copy *c)
{
	c->copied += (int64_t)c->bytes.len;
	buf_done(&c->bytes);
	buf_init(&c->bytes, PIECE);
	stream_read(c->from, task_await(&c->task, COPY_GOT, OP_NO_DEADLINE), &c->bytes, PIECE);
}

static void copy_write(struct stream_copy *c)
{
	c->part = buf_str(&c->bytes);
	stream_write(c->to, task_await(&c->task, COPY_READ, OP_NO_DEADLINE), &c->part, 1);
}

static void copy_run(struct task *t, struct err *err)
{
	struct stream_copy *c = CONTAINER_OF(t, struct stream_copy, task);

	if (err->code) {
		copy_end(c, err);
		return;
	}
	switch ((enum copy_step)t->step) {
	case COPY_WRITE:
		if (c->bytes.len)
			copy_write(c);
		else
			copy_read(c);
		return;
	case COPY_READ:
		copy_read(c);
		return;
	case COPY_GOT:
		if (t->wait.n)
			copy_write(c);
		else if (c->keep_open)
			copy_end(c, err);
		else
			stream_finish(c->to, task_await(t, COPY_FINISHED, OP_NO_DEADLINE));
		return;
	case COPY_FINISHED:
		copy_end(c, err);
		return;
	}
}

void stream_copy(struct stream_copy *c, struct op *op, struct stream *from, struct stream *to)
{
	static const struct task_kind kind = TASK_KIND("copy", copy_steps, copy_run);

	c->from = from;
	c->to = to;
	c->copied = 0;
	task_start(&c->task, &kind, op);
}
