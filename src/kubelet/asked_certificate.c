#include "asked_certificate.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/informer.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/work.h>

#define FILE_MAX   (1 * MIB)
#define LOOK_EVERY HOUR /* certificates go by the wall's clock, which may jump */
#define PATIENCE   (15 * MINUTE)
#define DELAY_MIN  (2 * SEC)
#define DELAY_MAX  (32 * SEC)
#define TIMEOUT    (30 * SEC)

/*
 *	LOAD ─▶ LOADED ─▶ DUE ─▶ (make) MADE ─▶ POSTED ─▶ HEARD ─▶ FORGOTTEN ─▶ KEPT ─▶ DUE
 *	                   ▲────────────── what fails ──────────────────┘
 */
enum asked_step {
	ASKED_LOAD,
	ASKED_LOADED,
	ASKED_DUE,
	ASKED_MADE,
	ASKED_POSTED,
	ASKED_HEARD,
	ASKED_FORGOTTEN,
	ASKED_KEPT
};
static const char *const asked_steps[] = {
	"load", "loaded", "due", "made", "posted", "heard", "forgotten", "kept"};

struct asked_certificate {
	struct asked_options o;
	struct op op;
	struct task task;
	struct work work;
	char *directory, *path;
	struct cert *first;    /* NULL: none */
	struct buf chain, key; /* PEM, of the one that is tried */
	struct client_request request;
	char *name;                /* of the request; NULL: none is waited for */
	struct informer *informer; /* on the request, while it is waited for */
	struct informer_handler handler;
	bool answered;
	bool unkept; /* what is used is not in the file */
	int64_t due; /* wall */
	int failures;
};

static const struct resource *requests(void)
{
	return resource_find(
		STR("certificates.k8s.io"), STR("v1"), STR("certificatesigningrequests"));
}

/* ---- on a worker ---- */

static void load(struct work *w)
{
	struct asked_certificate *c = CONTAINER_OF(w, struct asked_certificate, work);

	/* One file has both. */
	if (!disk_read_file(c->o.env->disk, c->path, &c->chain, &w->err))
		buf_add_str(&c->key, buf_str(&c->chain));
}

static void keep(struct work *w)
{
	struct asked_certificate *c = CONTAINER_OF(w, struct asked_certificate, work);
	struct disk *disk = c->o.env->disk;
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * FILE_MAX);

	buf_add_str(&text, buf_str(&c->chain));
	buf_add_str(&text, buf_str(&c->key));
	if (!disk_make_dirs(disk, c->directory, 0700, &w->err))
		disk_write_file(disk, c->path, buf_str(&text), 0600, &w->err);
}

/* A new key, and the request that it signs: both as PEM, the request in place of the chain. */
static void make(struct work *w)
{
	struct asked_certificate *c = CONTAINER_OF(w, struct asked_certificate, work);
	_cleanup_(buf_done) struct buf der = BUF_INIT(FILE_MAX);
	struct key *key;

	buf_clear(&c->key);
	buf_clear(&c->chain);
	if (key_generate(KEY_ECDSA_P256, &key, &w->err))
		return;
	if (!csr_make(&c->o.wish, key, &der, &w->err)) {
		key_print_pem(key, &c->key);
		pem_print(&c->chain, STR("CERTIFICATE REQUEST"), buf_str(&der));
	}
	key_unref(key);
}

/* ---- using one ---- */

/* Upstream's point in time: somewhere between seven and nine tenths of its life. */
static int64_t due_of(struct asked_certificate *c, const struct cert_info *i)
{
	int64_t life = i->not_after - i->not_before;
	uint32_t random;

	env_random(c->o.env, &random, sizeof(random));
	return i->not_before + life / 10 * 7 +
	       (int64_t)((__int128)(life / 5) * random / UINT32_MAX);
}

static bool is_first(const struct asked_certificate *c, const struct cert *cert)
{
	return c->first && str_eq(cert_der(c->first), cert_der(cert));
}

static int use(struct asked_certificate *c, struct err *err)
{
	struct certs chain = {0};
	struct key *key = NULL;
	int code = certs_parse_pem(buf_str(&c->chain), &chain, err);

	if (!code)
		code = key_parse(buf_str(&c->key), &key, err);
	const struct cert_info *i = code ? NULL : cert_info(chain.items[0]);
	if (!code && !key_same(key, cert_key(chain.items[0])))
		code = err_set(err, ERR_CERTIFICATE, "the certificate is of another key");
	if (!code && i->not_after <= env_wall(c->o.env))
		code = err_set(err, ERR_CERTIFICATE, "the certificate has ended");
	if (!code && !is_first(c, chain.items[0]))
		code = c->o.use(c->o.ctx, i, buf_str(&c->chain), buf_str(&c->key), err);
	if (!code)
		c->due = due_of(c, i);
	certs_done(&chain);
	key_unref(key);
	return code;
}

/* Without another one, that counts which is used without us. */
static void take_first(struct asked_certificate *c)
{
	c->due = c->first ? due_of(c, cert_info(c->first)) : 0;
}

/* ---- the request ---- */

static void wait_until_due(struct asked_certificate *c)
{
	int64_t left = c->due - env_wall(c->o.env);

	timer_wait(task_await(&c->task, ASKED_DUE, OP_NO_DEADLINE),
		loop_in(c->o.env->loop, MIN(MAX(left, (int64_t)0), LOOK_EVERY)));
}

static void try_later(struct asked_certificate *c, const struct err *err)
{
	int64_t doubled = DELAY_MIN << MIN(c->failures++, 8);

	log_warning(err, "no certificate of the cluster's yet", LOG_TEXT("for", c->o.what));
	c->due = env_wall(c->o.env) + MIN(doubled, DELAY_MAX);
	wait_until_due(c);
}

static void post(struct asked_certificate *c)
{
	const char *const usages[] = {"digital signature", c->o.usage};
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * FILE_MAX);
	struct client_request *q = &c->request;

	client_request_init(q, CLIENT_CREATE, requests(), STR(""), STR(""));
	struct cJSON *body = json_new(&q->arena, JSON_OBJECT);
	struct cJSON *list = json_new(&q->arena, JSON_ARRAY);
	base64_encode(&text, buf_str(&c->chain));
	tree_set_str(&q->arena, body, "metadata.generateName", STR("csr-"));
	tree_set_str(&q->arena, body, "spec.request", buf_str(&text));
	tree_set_str(&q->arena, body, "spec.signerName", str_from(c->o.signer));
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		json_append(list, json_new_str(&q->arena, str_from(usages[i])));
	tree_set(&q->arena, body, "spec.usages", list);
	q->body = body;
	client_send(c->o.client,
		task_await(&c->task, ASKED_POSTED, loop_in(c->o.env->loop, TIMEOUT)), q);
}

static bool is_refused(const struct cJSON *request)
{
	json_each (condition, json_path(request, "status.conditions"))
		if (str_eq(tree_str(condition, "type"), STR("Denied")) ||
			str_eq(tree_str(condition, "type"), STR("Failed")))
			return true;
	return false;
}

/* The wait ends by being cancelled: what the informer has is looked at then. */
static void request_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct asked_certificate *c = h->ctx;
	struct arena a;

	(void)initial;
	arena_init(&a);
	struct cJSON *request = fresh ? object_lean_tree(&a, fresh) : NULL;
	if (!c->answered && str_eq_text(client_object_name(fresh ? fresh : old), c->name) &&
		(!request || tree_str(request, "status.certificate").len || is_refused(request))) {
		c->answered = true;
		buf_clear(&c->chain);
		base64_decode(&c->chain, tree_str(request, "status.certificate"), NULL);
		op_cancel(&c->task.wait);
	}
	arena_done(&a);
}

static void wait_for_answer(struct asked_certificate *c)
{
	struct str name = tree_str(c->request.object, "metadata.name");
	char *selector = mem_print("metadata.name=%.*s", STRF(name));

	mem_free(c->name);
	c->name = str_dup(name);
	log_info(
		"a certificate is asked for", LOG_TEXT("for", c->o.what), LOG_STR("request", name));
	c->answered = false;
	timer_wait(task_await(&c->task, ASKED_HEARD, OP_NO_DEADLINE),
		loop_in(c->o.env->loop, PATIENCE));
	c->informer = informer_new(c->o.scope, &(struct informer_options){.client = c->o.client,
						       .resource = requests(),
						       .fields = str_from(selector)});
	c->handler = (struct informer_handler){.changed = request_changed, .ctx = c};
	informer_add_handler(c->informer, &c->handler);
	mem_free(selector);
	client_request_done(&c->request);
}

static void start_keep(struct asked_certificate *c)
{
	work_start(&c->work, task_await(&c->task, ASKED_KEPT, OP_NO_DEADLINE), WORK_DISK, keep);
}

static void answered(struct asked_certificate *c)
{
	struct err err = {0};
	int code = c->chain.len && c->answered ? use(c, &err) : ERR_CERTIFICATE;

	if (!code) {
		c->failures = 0;
		log_info("there is a certificate of the cluster's", LOG_TEXT("for", c->o.what));
		start_keep(c);
		return;
	}
	if (!err.code)
		err_set(&err, ERR_CERTIFICATE, "%s",
			c->answered ? "the request was refused" : "the request was not signed");
	try_later(c, &err);
	err_done(&err);
}

/* ---- the task ---- */

static void asked_run(struct task *t, struct err *err)
{
	struct asked_certificate *c = CONTAINER_OF(t, struct asked_certificate, task);
	enum asked_step step = (enum asked_step)t->step;

	if (scope_closing(c->o.scope) && step != ASKED_FORGOTTEN) {
		if (step == ASKED_POSTED)
			client_request_done(&c->request);
		if (step != ASKED_HEARD)
			return err->code ? task_fail(t, err) : task_finish(t, 0);
	}
	switch (step) {
	case ASKED_LOAD:
		work_start(&c->work, task_await(t, ASKED_LOADED, OP_NO_DEADLINE), WORK_DISK, load);
		return;
	case ASKED_LOADED:
		if (err->code || use(c, err))
			take_first(c);
		err_done(err);
		wait_until_due(c);
		return;
	case ASKED_DUE:
		if (env_wall(c->o.env) < c->due && c->unkept) {
			start_keep(c);
			return;
		}
		if (env_wall(c->o.env) < c->due) {
			wait_until_due(c);
			return;
		}
		work_start(&c->work, task_await(t, ASKED_MADE, OP_NO_DEADLINE), WORK_CRYPTO, make);
		return;
	case ASKED_MADE:
		if (err->code)
			try_later(c, err);
		else
			post(c);
		return;
	case ASKED_POSTED:
		if (!err->code) {
			wait_for_answer(c);
			return;
		}
		client_request_done(&c->request);
		try_later(c, err);
		return;
	case ASKED_HEARD:
		informer_remove_handler(c->informer, &c->handler);
		informer_stop(c->informer, task_await(t, ASKED_FORGOTTEN, OP_NO_DEADLINE));
		return;
	case ASKED_FORGOTTEN:
		informer_free(TAKE(c->informer));
		if (scope_closing(c->o.scope))
			task_finish(t, 0);
		else
			answered(c);
		return;
	case ASKED_KEPT:
		c->unkept = err->code != 0;
		if (err->code)
			log_warning(
				err, "a certificate cannot be kept", LOG_TEXT("for", c->o.what));
		wait_until_due(c);
	}
}

static void over(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

struct asked_certificate *asked_certificate_new(const struct asked_options *options)
{
	static const struct task_kind kind = TASK_KIND("asked certificate", asked_steps, asked_run);
	struct asked_certificate *c = mem_new(sizeof(*c));
	struct str directory, file;
	struct certs first = {0};

	c->o = *options;
	if (options->first.len && !certs_parse_pem(options->first, &first, NULL))
		c->first = cert_ref(first.items[0]);
	certs_done(&first);
	c->path = str_dup(options->path);
	if (!str_cut_last(options->path, '/', &directory, &file))
		directory = STR(".");
	c->directory = str_dup(directory);
	buf_init(&c->chain, FILE_MAX);
	buf_init(&c->key, FILE_MAX);
	op_init(&c->op, c->o.scope, over, OP_NO_DEADLINE);
	task_start(&c->task, &kind, &c->op);
	return c;
}

void asked_certificate_free(struct asked_certificate *c)
{
	if (!c)
		return;
	assert(!c->informer);
	buf_done(&c->chain);
	buf_done(&c->key);
	mem_free(c->name);
	mem_free(c->directory);
	mem_free(c->path);
	cert_unref(c->first);
	mem_free(c);
}
