#include "hook.h"
#include "remote_review.h"

#include <kube/mem.h>
#include <kube/time.h>

#define TIMEOUT (30 * SEC) /* upstream's, of one attempt */

struct audit_hook {
	struct audit_writer writer;
	struct remote_reviewer *reviewer;
};

static void write_batch(struct audit_writer *w, struct audit_batch *batch)
{
	struct audit_hook *h = CONTAINER_OF(w, struct audit_hook, writer);
	struct remote_review *review = mem_new(sizeof(*review));

	batch->state = review;
	remote_review_start(review, h->reviewer, &batch->op, buf_str(&batch->text));
}

static void written(struct audit_batch *batch)
{
	struct remote_review *review = TAKE(batch->state);

	remote_review_done(review);
	mem_free(review);
}

static void stop(struct audit_writer *w)
{
	remote_reviewer_drop(TAKE(CONTAINER_OF(w, struct audit_hook, writer)->reviewer));
}

static void hook_free(struct audit_writer *w)
{
	mem_free(CONTAINER_OF(w, struct audit_hook, writer));
}

static const struct audit_writer_kind hook_kind = {
	.plugin = "webhook",
	.head = "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},"
		"\"items\":[",
	.between = ",",
	.tail = "]}\n",
	.bare = true,
	.write = write_batch,
	.written = written,
	.stop = stop,
	.free = hook_free,
};

int audit_hook_new(struct env *env, struct scope *scope, struct str file, int64_t backoff,
	struct audit_writer **writer, struct err *err)
{
	struct remote_reviewer_options options = {
		.file = file, .timeout = TIMEOUT, .pause = backoff, .tries_all_again = true};
	struct audit_hook *h = mem_new(sizeof(*h));
	int code;

	h->writer.kind = &hook_kind;
	code = remote_reviewer_new(env, scope, &options, &h->reviewer, err);
	if (code) {
		mem_free(h);
		return err_wrap(err, code, "initializing audit webhook");
	}
	*writer = &h->writer;
	return 0;
}
