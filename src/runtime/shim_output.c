/* A container's output: read, logged, and given to those who are attached. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define READ_MAX (64 * KIB)

static void read_more(struct shim_output *o);

int shim_log_open(struct shim_container *c, struct err *err)
{
	if (c->spec.log_path.len == 0)
		return 0;
	int fd = open(
		c->spec.log_path.at, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return err_set_errno(err, errno, "opening the log %s", c->spec.log_path.at);
	if (c->log >= 0)
		close(c->log);
	c->log = fd;
	return 0;
}

/*
 * A disk that is full loses lines, and they alone: the container goes on. What was written of a
 * line that did not fit is ended, so that the next one begins at a line's start.
 */
static void write_log(struct shim_container *c, const struct buf *text)
{
	size_t done = 0;

	while (c->log >= 0 && done < text->len) {
		ssize_t n = write(c->log, text->at + done, text->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static void log_bytes(struct shim_output *o, struct str bytes)
{
	struct shim_container *c = o->container;
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	int64_t now = env_wall(c->shim->env);

	if (bytes.at)
		log_lines_add(&o->lines, bytes, now, &text);
	else
		log_lines_end(&o->lines, now, &text);
	write_log(c, &text);
}

void shim_output_end(struct shim_output *o)
{
	if (!o->stream)
		return;
	log_bytes(o, (struct str){0});
	stream_close(TAKE(o->stream));
	log_lines_done(&o->lines);
}

static void have_read(struct op *op, struct err *err)
{
	struct shim_output *o = CONTAINER_OF(op, struct shim_output, op);
	struct shim_container *c = o->container;

	if (!err->code && op->n > 0) {
		log_bytes(o, buf_str(&o->in));
		shim_sessions_feed(c, o->is_err, buf_str(&o->in));
		/* A quiet container keeps no memory here. */
		buf_done(&o->in);
		read_more(o);
		return;
	}
	shim_output_end(o);
	buf_done(&o->in);
	shim_container_ended(c);
}

static void read_more(struct shim_output *o)
{
	op_init(&o->op, o->container->shim->scope, have_read, OP_NO_DEADLINE);
	stream_read(o->stream, &o->op, &o->in, READ_MAX);
}

void shim_output_init(struct shim_output *o, struct shim_container *c, bool is_err)
{
	*o = (struct shim_output){.container = c, .is_err = is_err};
	buf_init(&o->in, READ_MAX);
}

/* Takes the descriptor. */
void shim_output_begin(struct shim_output *o, int fd)
{
	o->stream = stream_from_fd(o->container->shim->loop, o->container->shim->scope, fd);
	if (!o->stream) {
		close(fd);
		return;
	}
	log_lines_init(&o->lines, o->is_err ? "stderr" : "stdout");
	read_more(o);
}
