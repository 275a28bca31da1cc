/* Who the parts of a cluster are for its API server: each may do what upstream's policy lets it. */
#include "cluster_parts.h"

#include <kube/client_transport.h>

#define ACCOUNT      "system:serviceaccount:" IDENTITIES_NAMESPACE ":"
#define ALL_ACCOUNTS "system:serviceaccounts"
#define OUR_ACCOUNTS ALL_ACCOUNTS ":" IDENTITIES_NAMESPACE

/* A user without a name is the node. */
static const struct {
	const char *user, *groups[2], *agent;
} identities[CLUSTER_PARTS] = {
	/* Whoever can put manifests into its directory could do anything. */
	[PART_ADDONS] = {"kube-server", {"system:masters"}, "kube-server/v1.36.0"},
	[PART_CONTROLLERS] = {"system:kube-controller-manager", {NULL},
		"kube-controller-manager/v1.36.0"},
	[PART_SCHEDULER] = {"system:kube-scheduler", {NULL}, "kube-scheduler/v1.36.0"},
	[PART_PROXY] = {"system:kube-proxy", {NULL}, "kube-proxy/v1.36.0"},
	[PART_DNS] = {ACCOUNT "kube-dns", {ALL_ACCOUNTS, OUR_ACCOUNTS}, "kube-dns/v1.36.0"},
	[PART_KUBELET] = {NULL, {"system:nodes"}, "kubelet/v1.36.0"},
};

static void enter(void *ctx, struct http_exchange *x)
{
	struct cluster_user *u = ctx;

	api_server_handle_local(u->cluster->api, x, &u->who);
}

static struct object *find_published(void *ctx, const struct resource *r, struct str namespace,
	struct str name, int64_t revision)
{
	const struct cluster_user *u = ctx;

	return api_server_find(u->cluster->api, r, namespace, name, revision);
}

/* What its informers keep are the server's own objects. */
static struct client_transport *transport_of(struct cluster *c, struct cluster_user *u)
{
	struct client_transport *t;

	u->cluster = c;
	u->who.groups = u->groups;
	t = client_transport_local(c->env, c->root, enter, u);
	client_transport_local_share(t, find_published);
	return t;
}

/* As a token of the account would have it. */
static struct client_transport *account_transport(void *ctx, const char *account)
{
	struct cluster *c = ctx;
	struct cluster_user *u = arena_new(&c->arena, sizeof(*u));

	u->who.name =
		arena_print(&c->arena, "system:serviceaccount:" IDENTITIES_NAMESPACE ":%s", account)
			.at;
	u->groups[0] = "system:serviceaccounts";
	u->groups[1] = "system:serviceaccounts:" IDENTITIES_NAMESPACE;
	return transport_of(c, u);
}

struct member *cluster_open_member(struct cluster *c, enum cluster_part part)
{
	struct cluster_member *m = &c->members[part];
	struct cluster_user *u = &m->user;
	const struct client_options options = {.user_agent = identities[part].agent};

	memcpy(u->groups, identities[part].groups, sizeof(identities[part].groups));
	u->who.name = identities[part].user;
	if (!u->who.name)
		u->who.name =
			arena_print(&c->arena, "system:node:%.*s", STRF(c->options->node_name)).at;
	member_open(&m->member, c->env, c->root, transport_of(c, u), &options);
	if (part == PART_CONTROLLERS)
		member_identify(&m->member, &options, account_transport, c, NULL);
	return &m->member;
}
