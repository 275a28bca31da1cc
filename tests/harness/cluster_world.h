/*
 * A cluster on virtual time: an API server (api_world.h), and on hosts of their own two controller
 * managers and two schedulers, each pair with a leader, and nodes (cluster_node.h). All reach the
 * server over the simulator's network, which can break; the server can be told to refuse what is
 * written. A member dies with its host or ends in order, and begins anew.
 */
#ifndef KUBE_CLUSTER_WORLD_H
#define KUBE_CLUSTER_WORLD_H

#include "api_world.h"

#include <kube/controllers.h>
#include <kube/kubeconfig.h>
#include <kube/leader.h>
#include <kube/scheduler.h>

#define MEMBERS       4
#define HISTORY_LINES 3000

struct cluster_world;

enum member_kind { MEMBER_CONTROLLERS, MEMBER_SCHEDULER };

struct member {
	struct cluster_world *world;
	enum member_kind kind;
	int number;
	struct env *host;
	struct component_base base;
	struct leader *leader;
	struct part *part;
	bool up, crashes, lost;
	int64_t again; /* when it is up again, while it is down */
	char name[16];
};

struct cluster_world {
	struct api_world api;
	struct rng *rng;
	uint64_t seed;
	struct http_server *http; /* the members' and nodes' way in, which may refuse */
	struct client *user;      /* in the server's process: never refused but for a reason */
	struct member members[MEMBERS];
	int refused_percent; /* of writes */
	int refused;
	char *history[HISTORY_LINES]; /* the last ones */
	size_t lines;
};

static inline int64_t cluster_now(const struct cluster_world *w)
{
	return env_wall(w->api.host);
}

static inline uint64_t cluster_draw(struct cluster_world *w, uint64_t bound)
{
	return rng_below(w->rng, bound);
}

static inline bool cluster_chance(struct cluster_world *w, uint64_t percent)
{
	return cluster_draw(w, 100) < percent;
}

/* ---- what happened, for the reader of a failed run ---- */

static inline void cluster_note(struct cluster_world *w, const char *format, ...) KUBE_PRINTF(2, 3);
static inline void cluster_note(struct cluster_world *w, const char *format, ...)
{
	char **line = &w->history[w->lines++ % HISTORY_LINES];
	int64_t ms = loop_now(w->api.loop) / MSEC;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	free(*line);
	*line = malloc(strlen(text) + 32);
	sprintf(*line, "%6lld.%03lld  %s", (long long)ms / 1000, (long long)ms % 1000, text);
}

static inline void cluster_print_history(const struct cluster_world *w)
{
	size_t first = w->lines > HISTORY_LINES ? w->lines - HISTORY_LINES : 0;

	printf("history of seed %llu:\n", (unsigned long long)w->seed);
	for (size_t i = first; i < w->lines; i++)
		printf("%s\n", w->history[i % HISTORY_LINES]);
}

/* ---- refusals ---- */

static inline void cluster_refused(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(op->ctx);
}

static inline void cluster_refuse(struct cluster_world *w, struct http_exchange *x)
{
	static const struct {
		int code;
		const char *reason;
	} kinds[] = {{500, "InternalError"}, {409, "Conflict"}, {503, "ServiceUnavailable"},
		{403, "Forbidden"}, {504, "Timeout"}};
	static const struct http_header type = {
		STR_INIT("Content-Type"), STR_INIT("application/json")};
	size_t k = (size_t)cluster_draw(w, ARRAY_LEN(kinds));
	/* Nobody but who updates may be told of a conflict. */
	bool update = str_eq_text(x->request.method, "PUT");

	if (kinds[k].code == 409 && !update)
		k = 0;
	w->refused++;
	struct str body = arena_print(&x->arena,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"
		"\"the simulator says no\",\"reason\":\"%s\",\"code\":%d}",
		kinds[k].reason, kinds[k].code);
	op_init(&x->op, &x->scope, cluster_refused, OP_NO_DEADLINE);
	x->handler = x;
	http_respond(x, &x->op, kinds[k].code, &type, 1, body);
}

/* Leases are let pass: without them nobody would lead for long. */
static inline void cluster_handle(void *ctx, struct http_exchange *x)
{
	struct cluster_world *w = ctx;
	bool reads = str_eq_text(x->request.method, "GET");
	bool lease = str_find(x->request.target, STR("/leases")) >= 0;

	if (!reads && !lease && w->refused_percent &&
		cluster_chance(w, (uint64_t)w->refused_percent))
		cluster_refuse(w, x);
	else
		pipeline_handle(w->api.server, x);
}

/* ---- clients ---- */

static inline struct client *cluster_client(
	struct cluster_world *w, struct env *host, const char *name)
{
	const struct client_options options = {.user_agent = name};
	const struct client_config config = {
		.server = STR("http://10.0.0.1:81"), .token = STR("rigtoken")};

	return client_new(host, client_transport_https(host, w->api.root, &config), &options);
}

static inline void cluster_open_base(
	struct cluster_world *w, struct component_base *base, struct env *host, const char *name)
{
	*base = (struct component_base){.env = host, .scope = w->api.root};
	base->client = cluster_client(w, host, name);
	base->informers = informers_new(base->client, w->api.root);
}

static inline void cluster_close_base(struct cluster_world *w, struct component_base *base)
{
	struct told told[2] = {0};

	informers_stop(base->informers, told_op(&told[0], w->api.root, OP_NO_DEADLINE));
	api_world_await(&w->api, &told[0]);
	informers_free(base->informers);
	client_stop(base->client, told_op(&told[1], w->api.root, OP_NO_DEADLINE));
	api_world_await(&w->api, &told[1]);
	client_free(base->client);
	*base = (struct component_base){0};
}

/* ---- members ---- */

static inline void member_leads(void *ctx)
{
	struct member *m = ctx;
	const struct controllers_options controllers = {.root_ca = STR("-"),
		.cluster_cidr = STR("10.42.0.0/16"),
		.service_cidr = STR("10.96.0.0/16"),
		.allocate_node_cidrs = true};
	const struct scheduler_options scheduler = {.seed = m->world->seed};

	if (!m->up || m->lost) /* it is to be stopped */
		return;
	cluster_note(m->world, "%s leads", m->name);
	m->part = m->kind == MEMBER_CONTROLLERS ? controllers_new(&m->base, &controllers)
						: scheduler_new(&m->base, &scheduler);
}

static inline void member_lost(void *ctx)
{
	struct member *m = ctx;

	m->lost = true;
}

static inline void member_start(struct member *m)
{
	const char *names[] = {"kube-controller-manager", "kube-scheduler"};
	struct leader_options options = {.namespace = STR("kube-system"),
		.name = str_from(names[m->kind]),
		.identity = str_from(m->name),
		.started = member_leads,
		.stopped = member_lost,
		.ctx = m};

	m->up = true;
	m->lost = false;
	/* Who crashes gives nothing back. */
	m->crashes = options.keep_on_stop = cluster_chance(m->world, 60);
	cluster_open_base(m->world, &m->base, m->host, names[m->kind]);
	options.client = m->base.client;
	m->leader = leader_new(m->base.scope, &options);
}

static inline void member_stop(struct member *m)
{
	struct cluster_world *w = m->world;
	struct told told[2] = {0};

	m->up = false;
	cluster_note(
		w, "%s %s%s", m->name, m->crashes ? "crashes" : "ends", m->part ? ", leading" : "");
	if (m->crashes) {
		sim_part(w->api.sim, m->host, w->api.host, true);
		sim_crash(m->host);
	}
	if (m->part) {
		part_stop(m->part, told_op(&told[0], w->api.root, OP_NO_DEADLINE));
		api_world_await(&w->api, &told[0]);
		part_free(TAKE(m->part));
	}
	leader_stop(m->leader, told_op(&told[1], w->api.root, OP_NO_DEADLINE));
	api_world_await(&w->api, &told[1]);
	leader_free(TAKE(m->leader));
	cluster_close_base(w, &m->base);
	sim_part(w->api.sim, m->host, w->api.host, false);
}

/* Whoever lost its lease ends; whoever is down comes back when its time has come. */
static inline void members_care(struct cluster_world *w)
{
	for (int i = 0; i < MEMBERS; i++) {
		struct member *m = &w->members[i];

		if (m->up && m->lost) {
			cluster_note(w, "%s has lost its lease", m->name);
			member_stop(m);
			m->again = loop_in(w->api.loop, 2 * SEC);
		}
		if (!m->up && loop_now(w->api.loop) >= m->again)
			member_start(m);
	}
}

static inline struct member *members_leading(struct cluster_world *w, enum member_kind kind)
{
	for (int i = 0; i < MEMBERS; i++)
		if (w->members[i].up && w->members[i].kind == kind && w->members[i].part)
			return &w->members[i];
	return NULL;
}

/* ---- the user ---- */

/* Of the namespace default: the code of the answer. resource: "jobs.batch". */
static inline int cluster_ask(struct cluster_world *w, enum client_verb verb, const char *resource,
	const char *name, const char *subresource, const char *body)
{
	const char *group = strchr(resource, '.');
	struct str plural =
		group ? str_make(resource, (size_t)(group - resource)) : str_from(resource);
	const struct resource *r =
		resource_find(str_from(group ? group + 1 : ""), STR("v1"), plural);
	struct client_request q;
	struct told told = {0};
	struct cJSON *tree = NULL;

	assert(r);
	client_request_init(&q, verb, r, r->namespaced ? STR("default") : STR(""), str_from(name));
	q.subresource = str_from(subresource);
	if (body)
		EXPECT_INT(json_parse(&q.arena, str_from(body), NULL, &tree, NULL), 0);
	q.body = tree;
	client_send(w->user, told_op(&told, w->api.root, OP_NO_DEADLINE), &q);
	api_world_await(&w->api, &told);
	int code = told.err.code;
	cluster_note(w, "user: %d %s %s %s %s%s", (int)verb, resource, name, subresource,
		body ? body : "", code ? err_text(&told.err) : "");
	if (code && code != ERR_NOT_FOUND && code != ERR_CONFLICT && code != ERR_ALREADY_EXISTS &&
		code != ERR_TOO_MANY_REQUESTS)
		EXPECT_OK(code, &told.err);
	client_request_done(&q);
	told_done(&told);
	return code;
}

/* ---- all of it ---- */

static inline void cluster_listen(struct cluster_world *w)
{
	const struct http_server_options options = {
		.handler = cluster_handle, .name = "refusing", .ctx = w};
	struct address at = address_of(ip_v4(10, 0, 0, 1), 81);
	_cleanup_(err_done) struct err err = {0};

	w->http = http_server_new(w->api.host, w->api.root, &options);
	EXPECT_OK(http_server_listen(w->http, &at, &at, &err), &err);
}

/* The server's way in for others, and the user's. */
static inline void cluster_enter(struct cluster_world *w)
{
	w->user = api_world_local_client(&w->api, true);
	cluster_listen(w);
}

static inline void cluster_leave(struct cluster_world *w)
{
	struct told told = {0};

	api_world_drop_client(&w->api, TAKE(w->user));
	http_server_stop(w->http, told_op(&told, w->api.root, OP_NO_DEADLINE), 0);
	api_world_await(&w->api, &told);
	told_done(&told);
	http_server_free(TAKE(w->http));
}

/* Stopped in order or by a power cut, away for a while, and begun again on what the disk has. */
static inline void cluster_restart_server(struct cluster_world *w, bool cut, int64_t away)
{
	cluster_note(w, "the server %s", cut ? "loses its power" : "ends");
	if (cut)
		sim_crash(w->api.host);
	cluster_leave(w);
	api_world_stop(&w->api);
	api_world_pass(&w->api, away);
	EXPECT_INT(api_world_start(&w->api), 0);
	cluster_note(w, "the server is back");
	if (w->api.server)
		cluster_enter(w);
}

static inline bool cluster_open(struct cluster_world *w, uint64_t seed)
{
	const struct sim_faults good = {.delay_max = MSEC};
	static const char *const names[] = {"manager", "scheduler"};

	*w = (struct cluster_world){.seed = seed};
	if (!api_world_open(&w->api, seed, NULL))
		return false;
	w->rng = sim_rng(w->api.sim);
	sim_set_faults(w->api.sim, &good);
	cluster_enter(w);
	for (int i = 0; i < MEMBERS; i++) {
		struct member *m = &w->members[i];

		*m = (struct member){.world = w, .kind = i % 2, .number = i / 2};
		snprintf(m->name, sizeof(m->name), "%s%d", names[m->kind], m->number);
		m->host = sim_host(w->api.sim, m->name, ip_v4(10, 0, 1, (uint8_t)(i + 1)));
		member_start(m);
	}
	return true;
}

static inline void cluster_close(struct cluster_world *w)
{
	for (int i = 0; i < MEMBERS; i++)
		if (w->members[i].up)
			member_stop(&w->members[i]);
	if (w->user)
		cluster_leave(w);
	api_world_close(&w->api);
	for (size_t i = 0; i < HISTORY_LINES; i++)
		free(w->history[i]);
}

#endif
