/* node-ipam: gives each node a range of addresses for its pods, one of each cluster network. */
#include "node_ranges.h"
#include "workload.h"

#include <kube/log.h>

#define NETWORKS_MAX 2

struct given {
	struct cidr ranges[NETWORKS_MAX];
};

struct ipam {
	struct node_ranges networks[NETWORKS_MAX];
	size_t count;
	/* By node: what was chosen for it until it says so itself. A write may fail, or may have
	 * been done although no answer came: the next one gives the same. */
	struct map given;
};

/* ---- what is taken ---- */

static void mark_all_of(struct ipam *m, const struct object *node, bool taken)
{
	struct str text = object_scan(node, "spec.podCIDRs");
	_cleanup_(arena_done) struct arena a;
	struct cJSON *ranges = NULL;
	struct cidr range;

	arena_init(&a);
	if (text.len)
		json_parse(&a, text, NULL, &ranges, NULL);
	json_each (one, ranges) {
		if (!cidr_parse(json_str(one), &range))
			continue;
		for (size_t i = 0; i < m->count; i++)
			if (taken)
				node_ranges_take(&m->networks[i], &range);
			else
				node_ranges_free(&m->networks[i], &range);
	}
}

static void give_back(struct ipam *m, struct str node)
{
	struct given *g = map_remove(&m->given, node);

	for (size_t i = 0; g && i < m->count; i++)
		node_ranges_free(&m->networks[i], &g->ranges[i]);
	mem_free(g);
}

static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct ipam *m = usual_ctx(u);

	if (!fresh) {
		give_back(m, client_object_name(old));
		mark_all_of(m, old, false);
		return;
	}
	if (old && str_eq(object_scan(old, "spec.podCIDRs"), object_scan(fresh, "spec.podCIDRs")))
		return;
	if (!object_scan(fresh, "spec.podCIDR").len) {
		usual_enqueue_object(u, fresh);
		return;
	}
	give_back(m, client_object_name(fresh));
	mark_all_of(m, fresh, true);
}

/* ---- giving ---- */

static const struct given *give(struct ipam *m, struct str node)
{
	struct given *g = map_get(&m->given, node);

	if (g)
		return g;
	g = mem_new(sizeof(*g));
	for (size_t i = 0; i < m->count; i++) {
		if (node_ranges_next(&m->networks[i], &g->ranges[i]))
			continue;
		while (i-- > 0)
			node_ranges_free(&m->networks[i], &g->ranges[i]);
		mem_free(g);
		return NULL;
	}
	map_set(&m->given, node, g);
	return g;
}

static struct cJSON *patch_for(
	struct arena *a, const struct cJSON *node, const struct given *g, size_t count)
{
	struct cJSON *patch = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);

		cidr_print(&text, &g->ranges[i]);
		json_append(list, json_new_str(a, buf_str(&text)));
	}
	tree_set_str(a, patch, "metadata.uid", tree_str(node, "metadata.uid"));
	tree_set_str(a, patch, "spec.podCIDR", json_str(json_first(list)));
	tree_set(a, patch, "spec.podCIDRs", list);
	return patch;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "nodes"), key);
	struct ipam *m = usual_ctx(u);

	(void)now;
	if (!o || object_scan(o, "spec.podCIDR").len)
		return;
	const struct cJSON *node = object_lean_tree(a, o);
	const struct given *g = give(m, key);
	if (!g) {
		plan_event(p, node, "Normal", "CIDRNotAvailable",
			arena_print(a, "Node %.*s status is now: CIDRNotAvailable", STRF(key)));
		plan_fail(p, "no range is left");
		return;
	}
	plan_patch(p, usual_resource(u, "nodes"), STR(""), key, patch_for(a, node, g, m->count));
}

/* ---- life ---- */

static void done(void *ctx)
{
	struct ipam *m = ctx;

	for (size_t i = 0; i < m->count; i++)
		node_ranges_done(&m->networks[i]);
	map_each (it, &m->given)
		mem_free(it.value);
	map_done(&m->given);
	mem_free(m);
}

static int read_networks(struct ipam *m, const struct controllers_options *o, struct err *err)
{
	struct str rest = o->cluster_cidr, word;
	struct cidr network;

	while (str_next(&rest, ',', &word)) {
		if (m->count == NETWORKS_MAX || !cidr_parse(word, &network))
			return err_set(
				err, ERR_USAGE, "--cluster-cidr %.*s: no network", STRF(word));
		int bits = network.ip.len == 4 ? o->node_mask_v4 : o->node_mask_v6;
		int code = node_ranges_init(&m->networks[m->count], network, bits, err);
		if (code)
			return code;
		m->count++;
	}
	/* Services have addresses of their own. */
	for (rest = o->service_cidr; str_next(&rest, ',', &word);)
		for (size_t i = 0; i < m->count && cidr_parse(word, &network); i++)
			node_ranges_take(&m->networks[i], &network);
	return 0;
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "nodes", node_changed}, {0}};
	struct ipam *m = mem_new(sizeof(*m));
	struct err err = {0};

	map_init(&m->given);
	if (w->options->allocate_node_cidrs && read_networks(m, w->options, &err))
		log_error(&err, "nodes get no ranges");
	if (!w->options->allocate_node_cidrs || !m->count || err.code) {
		done(m);
		return NULL;
	}
	return usual_new(w, k,
		&(struct usual_options){.recorder = "cidrAllocator",
			.sources = sources,
			.reconcile = reconcile,
			.ctx = m,
			.done = done});
}

const struct controller_kind node_ipam_kind = {
	.name = "node-ipam-controller",
	.aliases = "nodeipam",
	.start = start,
};
