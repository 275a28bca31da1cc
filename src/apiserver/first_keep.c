/*
 * Looks after the server's own objects while it runs. Upstream's loops come by every ten seconds
 * or every minute; here the store says when one of them has changed, so that an idle server sleeps.
 */
#include "address_objects.h"
#include "allocate.h"
#include "api_options.h"
#include "first_objects.h"
#include "pki.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define SOON        SEC        /* changes come in swarms */
#define AGAIN       (10 * SEC) /* what could not be done now */
#define SINCE_PAUSE (30 * MINUTE)

#define NETWORKING "networking.k8s.io"
#define FLOWS      "flowcontrol.apiserver.k8s.io"
#define SINCE      "kube-system/kube-apiserver-legacy-service-account-token-tracking"

/* What is looked at, by its keys: NULL: all of them. */
static const struct kept {
	const char *group, *plural;
	const char *keys[5];
} kept[] = {
	{"", "namespaces", {"default", "kube-system", "kube-public", "kube-node-lease"}},
	{"", "configmaps", {"kube-system/extension-apiserver-authentication", SINCE}},
	{"", "services", {"default/kubernetes"}},
	{"", "endpoints", {"default/kubernetes"}},
	{"discovery.k8s.io", "endpointslices", {"default/kubernetes"}},
	{NETWORKING, "servicecidrs", {"kubernetes"}},
	{NETWORKING, "ipaddresses", {NULL}},
	{FLOWS, "prioritylevelconfigurations", {NULL}},
	{FLOWS, "flowschemas", {NULL}},
};

struct keep_watch {
	struct watch watch;
	struct first_keep *keep;
	bool watching;
};

struct first_keep {
	struct api_server *server;
	struct scope scope;
	struct keep_watch watches[ARRAY_LEN(kept)];
	struct op op; /* the pause, then one step of a round after the other */
	enum { IDLE, PAUSING, AT_WORK } state;
	int64_t pause_end;
	bool objects, addresses; /* what a round has to look at */
	int64_t since_at;        /* wall: the date of tokens may be written again */
};

static void pause_for(struct first_keep *k, int64_t time);

/* ---- what has changed ---- */

static void woken(struct watch *w)
{
	struct first_keep *k = CONTAINER_OF(w, struct keep_watch, watch)->keep;

	/* A long pause is cut short; a round reads all of it at its end. */
	if (k->state == IDLE)
		pause_for(k, SOON);
	else if (k->state == PAUSING && k->pause_end > loop_in(k->server->env->loop, SOON))
		op_cancel(&k->op);
}

static const struct resource *resource_of(const struct kept *what)
{
	return resource_find(str_from(what->group), STR("v1"), str_from(what->plural))->hub;
}

static void start_watch(struct first_keep *k, size_t i)
{
	struct keep_watch *w = &k->watches[i];

	if (w->watching)
		watch_done(&w->watch);
	w->keep = k;
	w->watching = !watch_init(&w->watch, server_bucket(k->server, resource_of(&kept[i])),
		store_revision(k->server->store), woken, NULL);
	/* What happened before is not told: everything is looked at. */
	k->objects = k->addresses = true;
}

/* Gone, though its Service has it. */
static bool is_missed(struct first_keep *k, struct arena *a, const struct object *address)
{
	const struct cJSON *tree = object_tree(a, address);
	const struct cJSON *service = server_read(k->server, a, "", "services",
		tree_str(tree, "spec.parentRef.namespace"), tree_str(tree, "spec.parentRef.name"));

	json_each (ip, json_path(service, "spec.clusterIPs"))
		if (str_eq(json_str(ip), tree_str(tree, "metadata.name")))
			return true;
	return false;
}

/* Once in half an hour, as upstream: servers of several versions would quarrel about it. */
static void note_since(struct first_keep *k, struct arena *a, const struct object *gone)
{
	int64_t made;

	if (!time_parse(
		    tree_str(object_lean_tree(a, gone), "metadata.creationTimestamp"), &made, NULL))
		k->since_at = made + SINCE_PAUSE;
}

static void note_change(struct first_keep *k, size_t i, const struct store_change *change)
{
	const struct kept *what = &kept[i];
	_cleanup_(arena_done) struct arena a;
	bool ours = !what->keys[0];

	for (size_t n = 0; what->keys[n]; n++)
		ours |= str_eq_text(change->key, what->keys[n]);
	arena_init(&a);
	if (!ours)
		return;
	if (change->type == CHANGE_DELETED && str_eq_text(change->key, SINCE))
		note_since(k, &a, change->object);
	if (strcmp(what->plural, "ipaddresses"))
		k->objects = true;
	else if (change->type == CHANGE_DELETED && is_missed(k, &a, change->object))
		k->addresses = true;
}

static void read_changes(struct first_keep *k)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct store_change change;
		int found = k->watches[i].watching ? 1 : ERR_EXPIRED;

		while (found > 0 && (found = watch_next(&k->watches[i].watch, &change, NULL)) > 0)
			note_change(k, i, &change);
		if (found < 0) /* history has gone past */
			start_watch(k, i);
	}
}

/* ---- a round ---- */

static bool has_service(struct first_keep *k)
{
	const struct resource *services = resource_find(STR(""), STR("v1"), STR("services"));

	return store_get(server_bucket(k->server, services), STR("default/kubernetes")) != NULL;
}

static bool has_since(struct first_keep *k)
{
	const struct resource *maps = resource_find(STR(""), STR("v1"), STR("configmaps"));

	return store_get(server_bucket(k->server, maps), STR(SINCE)) != NULL;
}

static bool may_since(struct first_keep *k)
{
	return has_since(k) || env_wall(k->server->env) >= k->since_at;
}

/* By a Service that is being written, too. */
static bool is_address_taken(struct first_keep *k)
{
	struct ip first = cidr_first(&k->server->options->services[0]);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	ip_print(&text, &first);
	return allocate_has(k->server->allocators, buf_str(&text));
}

static void round_over(struct first_keep *k, bool failed)
{
	k->state = IDLE;
	read_changes(k); /* what was written just now, too: then they wake again */
	if (failed || !has_service(k))
		k->objects = true;
	if (failed || (k->objects && !has_service(k)))
		pause_for(k, AGAIN);
	else if (k->objects || k->addresses)
		pause_for(k, SOON);
	else if (!has_since(k))
		pause_for(k, k->since_at - env_wall(k->server->env));
}

static void step_failed(struct first_keep *k, struct err *err)
{
	if (scope_closing(&k->scope))
		return;
	log_warning(err, "objects of the server's own were not put right; they are tried again");
	k->addresses = true;
	round_over(k, true);
}

static void addresses_repaired(struct op *op, struct err *err)
{
	struct first_keep *k = CONTAINER_OF(op, struct first_keep, op);

	if (err->code)
		step_failed(k, err);
	else if (!scope_closing(&k->scope))
		round_over(k, false);
}

static void repair_addresses(struct first_keep *k)
{
	if (!k->addresses) {
		round_over(k, false);
		return;
	}
	k->addresses = false;
	op_init(&k->op, &k->scope, addresses_repaired, OP_NO_DEADLINE);
	address_objects_repair(k->server, &k->op);
}

static void states_written(struct op *op, struct err *err)
{
	struct first_keep *k = CONTAINER_OF(op, struct first_keep, op);

	if (err->code)
		step_failed(k, err);
	else if (!scope_closing(&k->scope))
		repair_addresses(k);
}

static void objects_written(struct op *op, struct err *err)
{
	struct first_keep *k = CONTAINER_OF(op, struct first_keep, op);

	if (err->code) {
		step_failed(k, err);
		return;
	}
	if (scope_closing(&k->scope))
		return;
	if (op->n)
		log_info("objects of the server's own were put right", LOG_INT("count", op->n));
	op_init(&k->op, &k->scope, states_written, OP_NO_DEADLINE);
	first_flow_states_write(k->server, &k->op);
}

static void pause_over(struct op *op, struct err *err)
{
	struct first_keep *k = CONTAINER_OF(op, struct first_keep, op);

	if (scope_closing(&k->scope))
		return;
	if (err->code) {
		pause_for(k, SOON);
		return;
	}
	k->state = AT_WORK;
	read_changes(k);
	if (!has_since(k) && may_since(k))
		k->objects = true;
	if (!k->objects) {
		repair_addresses(k);
		return;
	}
	k->objects = false;
	struct first_options options = {.port = k->server->port,
		.running = true,
		.no_service = !has_service(k) && is_address_taken(k),
		.no_since = !may_since(k)};
	op_init(&k->op, &k->scope, objects_written, OP_NO_DEADLINE);
	first_objects_write(k->server, &k->op, &options);
}

static void pause_for(struct first_keep *k, int64_t time)
{
	k->state = PAUSING;
	k->pause_end = loop_in(k->server->env->loop, time > SOON ? time : SOON);
	op_init(&k->op, &k->scope, pause_over, OP_NO_DEADLINE);
	timer_wait(&k->op, k->pause_end);
}

/* ---- life ---- */

void first_keep_start(struct api_server *s, struct scope *parent, struct first_keep **keep)
{
	struct first_keep *k = mem_new(sizeof(*k));

	k->server = s;
	scope_init(&k->scope, parent, "first objects", NULL);
	*keep = k;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		start_watch(k, i);
	pause_for(k, SOON);
}

void first_keep_stop(struct first_keep *k, struct op *op)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (k->watches[i].watching)
			watch_done(&k->watches[i].watch);
	scope_close(&k->scope, op);
}

void first_keep_free(struct first_keep *k)
{
	mem_free(k);
}
