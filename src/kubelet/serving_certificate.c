#include "serving_certificate.h"
#include "server.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/tls.h>

/* Certificates go by the wall's clock, which may jump while a timer waits. */
#define LOOK_EVERY HOUR

enum certificate_step { CERTIFICATE_WAIT, CERTIFICATE_LOOK };
static const char *const certificate_steps[] = {"wait", "look"};

struct serving_certificate {
	struct kubelet *k;
	struct op op;
	struct task task;
	int64_t due; /* wall */
};

static void set_due(struct serving_certificate *c, int64_t until)
{
	int64_t now = env_wall(kubelet_env(c->k));

	c->due = now + (until - now) / 5 * 4;
}

static void renew(struct serving_certificate *c)
{
	struct kubelet_options *o = &c->k->options;
	_cleanup_(err_done) struct err err = {0};
	struct tls_config *tls;
	int64_t until;

	if (o->renew_tls(o->tls_ctx, &tls, &until, &err)) {
		log_warning(&err, "the certificate of the node's server cannot be made anew");
		return;
	}
	kubelet_server_set_tls(c->k->server, tls);
	tls_config_unref(o->tls);
	o->tls = tls;
	set_due(c, until);
	log_info("the certificate of the node's server is a new one");
}

static void certificate_run(struct task *t, struct err *err)
{
	struct serving_certificate *c = CONTAINER_OF(t, struct serving_certificate, task);

	if (err->code)
		return task_fail(t, err);
	if ((enum certificate_step)t->step == CERTIFICATE_LOOK &&
		env_wall(kubelet_env(c->k)) >= c->due)
		renew(c);
	timer_wait(task_await(t, CERTIFICATE_LOOK, OP_NO_DEADLINE),
		loop_in(op_loop(t->op), LOOK_EVERY));
}

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct serving_certificate *serving_certificate_new(struct kubelet *k)
{
	static const struct task_kind kind =
		TASK_KIND("serving certificate", certificate_steps, certificate_run);
	struct serving_certificate *c;

	if (!k->server || !k->options.renew_tls || !k->options.tls_until)
		return NULL;
	c = mem_new(sizeof(*c));
	c->k = k;
	set_due(c, k->options.tls_until);
	op_init(&c->op, &k->scope, over, OP_NO_DEADLINE);
	task_start(&c->task, &kind, &c->op);
	return c;
}

void serving_certificate_free(struct serving_certificate *c)
{
	mem_free(c);
}
