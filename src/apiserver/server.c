#include "access.h"
#include "address_objects.h"
#include "admission.h"
#include "aggregate.h"
#include "allocate.h"
#include "api_flags.h"
#include "api_options.h"
#include "audit.h"
#include "backends.h"
#include "definitions.h"
#include "discovery.h"
#include "encryption.h"
#include "fair.h"
#include "first_objects.h"
#include "loopback.h"
#include "metrics.h"
#include "nodes.h"
#include "openapi.h"
#include "origins.h"
#include "pipeline.h"
#include "pki.h"
#include "store_copy.h"
#include "usage.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/zones.h>

/* How often certificates are looked at: addresses change, clocks jump. */
#define RENEW_EVERY (10 * MINUTE)
/* An age that no change reaches; a sum with a point in time stays within 64 bits. */
#define FOREVER (100 * 365 * 24 * HOUR)

/* ---- what the parts look up ---- */

/* Upstream's names in its store: they show in messages. */
static const struct {
	struct str plural;
	const char *prefix;
} old_prefixes[] = {
	{STR_INIT("services"), "services/specs"},
	{STR_INIT("endpoints"), "services/endpoints"},
	{STR_INIT("nodes"), "minions"},
	{STR_INIT("replicationcontrollers"), "controllers"},
	{STR_INIT("ingresses"), "ingress"},
};

bool server_writes_lazily(const struct resource *hub)
{
	return resource_is(hub, "events") || resource_is(hub, "leases");
}

void server_bucket_prefix(struct buf *prefix, const struct resource *hub)
{
	const char *old = NULL;
	bool whole = hub->custom || str_eq(hub->group, STR("apiextensions.k8s.io")) ||
		     str_eq(hub->group, STR("apiregistration.k8s.io"));

	for (size_t i = 0; !whole && !old && i < ARRAY_LEN(old_prefixes); i++)
		if (str_eq(hub->plural, old_prefixes[i].plural))
			old = old_prefixes[i].prefix;
	buf_add_text(prefix, "/registry/");
	if (whole)
		buf_print(prefix, "%.*s/", STRF(hub->group));
	if (old)
		buf_print(prefix, "%s/", old);
	else
		buf_print(prefix, "%.*s/", STRF(hub->plural));
}

struct bucket *server_bucket(struct api_server *s, const struct resource *hub)
{
	_cleanup_(buf_done) struct buf prefix = BUF_INIT(KIB);

	server_bucket_prefix(&prefix, hub);
	struct bucket *b = store_bucket(s->store, buf_str(&prefix));
	if (server_writes_lazily(hub))
		store_bucket_set_lazy(b);
	if (s->metrics && !*store_bucket_memo(b)) /* tests have servers without */
		*store_bucket_memo(b) = metrics_bucket(s->metrics, hub);
	return b;
}

struct str server_key(
	struct arena *a, const struct resource *r, struct str namespace, struct str name)
{
	if (!r->namespaced)
		return arena_str(a, name);
	return arena_print(a, "%.*s/%.*s", STRF(namespace), STRF(name));
}

struct cJSON *server_read(struct api_server *s, struct arena *a, const char *group,
	const char *plural, struct str namespace, struct str name)
{
	const struct resource *r;

	for (size_t i = 0; (r = resource_at(i)); i++) {
		if (r->hub != r || !str_eq_text(r->plural, plural) || !str_eq_text(r->group, group))
			continue;
		struct object *o =
			store_get(server_bucket(s, r), server_key(a, r, namespace, name));

		return o ? object_lean_tree(a, o) : NULL;
	}
	return NULL;
}

/* ---- start ---- */

enum start_step { START_STORE, START_PARTS, START_ADDRESSES, START_ROLES, START_LISTEN };
static const char *const start_names[] = {"store", "parts", "addresses", "roles", "listen"};

enum stop_step {
	STOP_DELAY,
	STOP_ACCEPTING,
	STOP_LOOPBACK,
	STOP_USAGE,
	STOP_DEFINITIONS,
	STOP_NODES,
	STOP_BACKENDS,
	STOP_LEASE,
	STOP_KEEP,
	STOP_AUDIT,
	STOP_SCOPE,
	STOP_STORE,
	STOP_DONE
};
static const char *const stop_names[] = {"delay", "accepting", "loopback", "usage", "definitions",
	"nodes", "backends", "lease", "keep", "audit", "scope", "store", "done"};

struct server_life {
	struct task task;
	struct api_server *server;
	struct scope *parent;
	struct op *starter; /* whose start it is */
	struct op started, undo;
	struct err why; /* a start that failed, while it is being undone */
	int64_t grace;
	struct op renew;
};

static void start_run(struct task *t, struct err *err);
static const struct task_kind start_kind = TASK_KIND("api server start", start_names, start_run);
static void stop_run(struct task *t, struct err *err);
static const struct task_kind stop_kind = TASK_KIND("api server stop", stop_names, stop_run);

/* The address others are told: asked for, bound, or the first of the machine. */
static void find_advertised(struct api_server *s)
{
	const struct api_options *o = s->options;
	struct addresses own;

	s->advertise = o->advertise.len ? o->advertise : o->bind;
	if (!ip_is_unspecified(&s->advertise))
		return;
	s->advertise = ip_v4(127, 0, 0, 1);
	net_own_addresses(s->env, &own);
	for (size_t i = 0; i < own.count && ip_is_loopback(&s->advertise); i++)
		if (own.items[i].len == 4)
			s->advertise = own.items[i];
	mem_free(own.items);
}

static int open_parts(struct api_server *s, struct err *err)
{
	int code = discovery_new(&s->options->runtime_config, &s->discovery, err);

	if (!code)
		code = admission_new(s, &s->admission, err);
	if (!code)
		code = audit_new(s, &s->audit, err);
	if (!code)
		code = encryption_new(s, &s->encryption, err);
	if (!code)
		code = pki_open(s, &s->pki, err);
	return code;
}

/* A port of its own choice can be taken only once; the objects below name the one taken. */
static int listen_on(struct api_server *s, struct err *err)
{
	const struct api_options *o = s->options;
	struct address at = address_of(o->bind, (uint16_t)o->secure_port);
	struct http_server_options options = {.handler = pipeline_handle,
		.ctx = s,
		.tls = s->pki->tls,
		.name = "api",
		.limits.max_streams = (uint32_t)o->http2_max_streams};
	int code;

	s->http = http_server_new(s->env, &s->scope, &options);
	if ((code = http_server_listen(s->http, &at, &at, err)))
		return code;
	s->port = at.port;
	return pki_write_admin(s, s->port, err);
}

static const struct zone *find_zone(void *ctx, struct str name)
{
	return zones_find(ctx, name);
}

static int open_access(struct api_server *s, struct err *err)
{
	int code = authn_new(s, &s->authn, err);

	if (!code)
		code = authz_new(s, &s->authz, err);
	s->allocators = allocators_new(s);
	s->fair = fair_new(s);
	s->origins = origins_new(s);
	s->nodes = nodes_new(s);
	s->zones = zones_new(s->env->disk);
	s->cel_zones = (struct cel_zones){s->zones, find_zone};
	cel_use_zones(&s->cel_zones);
	s->usage = usage_new(s);
	s->backends = backends_new(s);
	s->aggregate = aggregate_new(s);
	s->definitions = definitions_new(s);
	s->loopback = loopback_new(s);
	return code;
}

static void renew_due(struct op *op, struct err *err)
{
	struct server_life *life = CONTAINER_OF(op, struct server_life, renew);
	struct api_server *s = life->server;
	_cleanup_(err_done) struct err failed = {0};
	bool renewed;

	if (err->code)
		return;
	if (pki_renew(s, s->pki, &renewed, &failed))
		log_error(&failed, "the serving certificate was not renewed");
	else if (renewed) {
		http_server_set_tls(s->http, s->pki->tls);
		log_info("serving certificate renewed");
	}
	op_init(&life->renew, &s->scope, renew_due, OP_NO_DEADLINE);
	timer_wait(&life->renew, loop_in(s->env->loop, RENEW_EVERY));
}

static void serving(struct server_life *life)
{
	struct api_server *s = life->server;

	s->ready = true;
	identity_lease_start(s, &s->scope, &s->lease);
	aggregate_start(s->aggregate);
	first_keep_start(s, &s->scope, &s->keep);
	server_relieve_start(s);
	op_init(&life->renew, &s->scope, renew_due, OP_NO_DEADLINE);
	timer_wait(&life->renew, loop_in(s->env->loop, RENEW_EVERY));
	task_finish(&life->task, 0);
}

static void start_run(struct task *t, struct err *err)
{
	struct server_life *life = CONTAINER_OF(t, struct server_life, task);
	struct api_server *s = life->server;
	const struct api_options *o = s->options;
	int code = err->code;

	if (code) {
		task_fail(t, err);
		return;
	}
	switch ((enum start_step)t->step) {
	case START_STORE: {
		const char *dir = arena_print(&s->arena, "%.*s/state", STRF(o->data_dir)).at;
		struct store_options store = {.path = dir,
			.no_sync = !o->sync,
			.observe = metrics_store_observe,
			.observe_ctx = s->metrics,
			.history_age = o->compaction_interval ? o->compaction_interval : FOREVER};

		code = disk_make_dirs(s->env->disk, dir, 0700, err);
		if (!code)
			code = open_parts(s, err);
		store.sealer = encryption_sealer(s->encryption);
		if (!code)
			store_open(s->env, task_await(t, START_PARTS, OP_NO_DEADLINE), &s->scope,
				&store, &s->store);
		break;
	}
	case START_PARTS:
		store_copy_sweep(s);
		encryption_start(s->encryption);
		find_advertised(s);
		code = open_access(s, err);
		if (!code)
			code = listen_on(s, err);
		if (!code)
			first_objects_write(s, task_await(t, START_ADDRESSES, OP_NO_DEADLINE),
				&(struct first_options){.port = s->port});
		break;
	case START_ADDRESSES:
		address_objects_repair(s, task_await(t, START_ROLES, OP_NO_DEADLINE));
		break;
	case START_ROLES:
		authz_bootstrap(s, task_await(t, START_LISTEN, OP_NO_DEADLINE));
		break;
	case START_LISTEN:
		serving(life);
		return;
	}
	if (code)
		task_fail(t, err);
}

/* What was opened by a start that failed is closed before that is told. */
static void start_undone(struct op *op, struct err *err)
{
	struct server_life *life = CONTAINER_OF(op, struct server_life, undo);
	struct err why = TAKE(life->why);

	(void)err;
	op_fail(life->starter, &why);
}

static void start_ended(struct op *op, struct err *err)
{
	struct server_life *life = CONTAINER_OF(op, struct server_life, started);

	if (!err->code) {
		op_finish(life->starter, 0);
		return;
	}
	err_move(&life->why, err);
	op_init(&life->undo, life->parent, start_undone, OP_NO_DEADLINE);
	api_server_stop(life->server, &life->undo, 0);
}

static void start_cancel(struct op *op)
{
	struct server_life *life = op->ctx;

	op_cancel(&life->started);
}

static const struct op_kind whole_start_kind = {.name = "api server start", .cancel = start_cancel};

void api_server_start(struct env *env, struct op *op, struct scope *parent,
	const struct api_options *options, struct api_server **server)
{
	struct api_server *s = mem_new(sizeof(*s));
	struct server_life *life = mem_new(sizeof(*life));

	*server = s;
	s->env = env;
	s->options = options;
	s->life = life;
	arena_init(&s->arena);
	list_init(&s->watches);
	scope_init(&s->scope, parent, "api server", NULL);
	api_flags_tell_unheeded(options);
	s->metrics = metrics_new(s);
	s->openapi = openapi_new(s);
	life->server = s;
	life->parent = parent;
	life->starter = op;
	op_begin_always(op, &whole_start_kind, life);
	op_init(&life->started, parent, start_ended, OP_NO_DEADLINE);
	task_start(&life->task, &start_kind, &life->started);
}

/* ---- stop ---- */

static void stop_run(struct task *t, struct err *err)
{
	struct server_life *life = CONTAINER_OF(t, struct server_life, task);
	struct api_server *s = life->server;

	/* An end goes on whatever fails on the way. */
	if (err->code)
		log_warning(err, "stopping the API server");
	switch ((enum stop_step)t->step) {
	case STOP_DELAY:
		s->draining = true;
		/* Balancers that ask /readyz have this long to send requests elsewhere. */
		if (s->ready && s->options->shutdown_delay > 0) {
			timer_wait(task_await(t, STOP_ACCEPTING, OP_NO_DEADLINE),
				loop_in(s->env->loop, s->options->shutdown_delay));
			return;
		}
		/* fallthrough */
	case STOP_ACCEPTING:
		if (s->http) {
			http_server_stop(
				s->http, task_await(t, STOP_LOOPBACK, OP_NO_DEADLINE), life->grace);
			/* They would take the whole grace, and be torn off then. */
			server_watches_end(s);
			return;
		}
		/* fallthrough */
	case STOP_LOOPBACK:
		aggregate_stop(s->aggregate);
		if (s->loopback) {
			client_stop(s->loopback, task_await(t, STOP_USAGE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_USAGE:
		if (s->usage) {
			usage_stop(s->usage, task_await(t, STOP_DEFINITIONS, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_DEFINITIONS:
		if (s->definitions) {
			definitions_stop(s->definitions, task_await(t, STOP_NODES, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_NODES:
		if (s->nodes) {
			nodes_stop(s->nodes, task_await(t, STOP_BACKENDS, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_BACKENDS:
		if (s->backends) {
			backends_stop(s->backends, task_await(t, STOP_LEASE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_LEASE:
		if (s->lease) {
			identity_lease_stop(s->lease, task_await(t, STOP_KEEP, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_KEEP:
		if (s->keep) {
			first_keep_stop(s->keep, task_await(t, STOP_AUDIT, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_AUDIT:
		if (s->audit) {
			audit_finish(s->audit, task_await(t, STOP_SCOPE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_SCOPE:
		fair_free(TAKE(s->fair));
		authz_free(TAKE(s->authz));
		allocators_free(TAKE(s->allocators));
		authn_free(TAKE(s->authn));
		encryption_stop(s->encryption);
		admission_stop(s->admission);
		if (s->store) {
			store_close(TAKE(s->store), task_await(t, STOP_STORE, OP_NO_DEADLINE));
			return;
		}
		/* fallthrough */
	case STOP_STORE:
		scope_close(&s->scope, task_await(t, STOP_DONE, OP_NO_DEADLINE));
		return;
	case STOP_DONE:
		task_finish(t, 0);
		return;
	}
}

void api_server_stop(struct api_server *s, struct op *op, int64_t grace)
{
	struct task *t = &s->life->task;
	struct err none = {0};

	s->life->grace = grace;
	*t = (struct task){.op = op, .kind = &stop_kind};
	op_begin_always(op, &stop_kind.op, t);
	stop_run(t, &none);
}

uint16_t api_server_port(const struct api_server *s)
{
	return s->port;
}

void api_server_free(struct api_server *s)
{
	if (!s)
		return;
	http_server_free(s->http);
	client_free(s->loopback);
	cel_forget_zones(&s->cel_zones);
	zones_free(s->zones);
	usage_free(s->usage);
	nodes_free(s->nodes);
	aggregate_free(s->aggregate);
	backends_free(s->backends);
	identity_lease_free(s->lease);
	first_keep_free(s->keep);
	pki_close(s->pki);
	definitions_free(s->definitions);
	discovery_free(s->discovery);
	audit_free(s->audit);
	encryption_free(s->encryption);
	admission_free(s->admission);
	openapi_free(s->openapi);
	metrics_free(s->metrics);
	err_done(&s->life->why);
	mem_free(s->life);
	arena_done(&s->arena);
	mem_free(s);
}
