/* The network's beginning and end. */
#include <kube/mem.h>
#include <kube/time.h>

#include "network.h"

#define CHECK_EVERY (30 * SEC)

/* CIDRs that no longer fit were never more than a note: the node will tell its own. */
static void take_records(struct pod_network *n, const struct records *all)
{
	memcpy(n->last, all->last, sizeof(n->last));
	n->last_count = all->last_count;
	pods_read(n, all);
	if (all->cidr_count)
		cidrs_take(n, all->cidrs, all->cidr_count, &n->failed);
}

int pod_network_new(struct env *env, struct scope *scope, const struct pod_network_options *options,
	struct pod_network **made, struct err *err)
{
	_cleanup_(arena_done) struct arena arena;
	struct records all = {.arena = &arena};

	arena_init(&arena);
	assert(options->cluster_cidr_count <= ARRAY_LEN(options->cluster_cidrs));
	int code = records_read(env->disk, options->directory, &all, err);
	if (code)
		return err_wrap(err, code, "pod network");
	struct pod_network *n = mem_new(sizeof(*n));
	n->runtime.attach = network_attach;
	n->runtime.detach = network_detach;
	n->env = env;
	n->directory = mem_copy_text(options->directory);
	memcpy(n->cluster_cidrs, options->cluster_cidrs, sizeof(n->cluster_cidrs));
	n->cluster_cidr_count = options->cluster_cidr_count;
	n->mtu = options->mtu;
	n->check_every = options->check_every ? options->check_every : CHECK_EVERY;
	map_init(&n->pods);
	map_init(&n->taken);
	scope_init(&n->scope, scope, "pod network", NULL);
	rules_sender_init(n);
	cutter_init(n);
	take_records(n, &all);
	*made = n;
	return 0;
}

void pod_network_stop(struct pod_network *n, struct op *op)
{
	scope_close(&n->scope, op);
}

static struct pod *any_pod(const struct pod_network *n)
{
	map_each (it, &n->pods)
		return it.value;
	return NULL;
}

void pod_network_free(struct pod_network *n)
{
	struct pod *pod;

	if (!n)
		return;
	while ((pod = any_pod(n)))
		pod_forget(n, pod);
	map_done(&n->pods);
	map_done(&n->taken);
	rules_sender_done(n);
	cutter_done(n);
	err_done(&n->failed);
	mem_free(n->directory);
	mem_free(n);
}

bool pod_network_ready(const struct pod_network *n, struct err *why)
{
	if (n->prepared)
		return true;
	if (n->failed.code)
		err_set(why, ERR_UNAVAILABLE, "the pod network is not ready: %s",
			err_text(&n->failed));
	else
		err_set(why, ERR_UNAVAILABLE,
			"the pod network is not ready: the node has no pod CIDR yet");
	return false;
}

struct runtime_network *pod_network_runtime(struct pod_network *n)
{
	return &n->runtime;
}

size_t pod_network_count(const struct pod_network *n)
{
	return n->taken.count;
}
