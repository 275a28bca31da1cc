/*
 * The server's parts, made by server.c in this order and given back in the reverse one.
 */
#ifndef KUBE_APISERVER_SERVER_H
#define KUBE_APISERVER_SERVER_H

#include <kube/apiserver.h>
#include <kube/cel.h>
#include <kube/http_server.h>
#include <kube/ip.h>
#include <kube/key.h>
#include <kube/resource.h>
#include <kube/store.h>
#include <kube/x509.h>

struct pki;         /* keys and certificates */
struct authn;       /* authn/: who asks */
struct authz;       /* authz/: may they */
struct admission;   /* admission/: is it right */
struct allocators;  /* registry/: service addresses and node ports */
struct discovery;   /* discovery.c: which groups, versions, resources are on */
struct definitions; /* custom/: what definitions serve */
struct openapi;
struct metrics;
struct fair;
struct origins;
struct encryption; /* how objects lie in the store */
struct audit;      /* audit/: what is written down of requests */
struct identity_lease;
struct first_keep;
struct nodes;     /* the way to kubelets */
struct usage;     /* what they use */
struct backends;  /* webhooks and extension servers */
struct aggregate; /* what extension servers serve */
struct client;
struct server_life;

struct api_server {
	struct env *env;
	struct scope scope;
	struct arena arena; /* of paths and names that last */
	struct server_life *life;
	const struct api_options *options;
	struct store *store;
	struct encryption *encryption; /* NULL: nothing is sealed */
	struct http_server *http;
	struct pki *pki;
	struct authn *authn;
	struct authz *authz;
	struct admission *admission;
	struct allocators *allocators;
	struct discovery *discovery;
	struct definitions *definitions;
	struct openapi *openapi;
	struct metrics *metrics;
	struct fair *fair;
	struct origins *origins; /* NULL: pages of other sites may see nothing */
	struct audit *audit;     /* NULL: off */
	struct identity_lease *lease;
	struct first_keep *keep;
	struct nodes *nodes;
	struct usage *usage;
	struct backends *backends;
	struct aggregate *aggregate;
	struct client *loopback; /* loopback.h: requests of its own */
	struct zones *zones;
	struct cel_zones cel_zones; /* expressions see them */
	struct ip advertise;        /* where members of the cluster reach this server */
	uint16_t port;              /* that was really taken */
	struct list watches;        /* of registry/watch.c */
	bool ready;
	bool draining;
	uint64_t store_copies; /* that were asked for: their names */
	size_t burst;     /* bytes that large answers have taken since memory was last given back */
	struct op relief; /* gives it back */
};

/* The bucket of a hub resource ("/registry/pods/"), and a key in it ("default/web"). */
struct bucket *server_bucket(struct api_server *s, const struct resource *hub);
void server_bucket_prefix(struct buf *prefix, const struct resource *hub); /* its name */
/* Heartbeats and news: answered before they are on the disk. */
bool server_writes_lazily(const struct resource *hub);
struct str server_key(
	struct arena *a, const struct resource *r, struct str namespace, struct str name);
/* A stored object as a tree, in the arena; NULL when absent. For authorizers and admission. */
struct cJSON *server_read(struct api_server *s, struct arena *a, const char *group,
	const char *plural, struct str namespace, struct str name);
/* The resource if it is served now (runtime config); by plural or by kind. */
const struct resource *server_resource(
	struct api_server *s, struct str group, struct str version, struct str plural);
const struct resource *server_kind(
	struct api_server *s, struct str group, struct str version, struct str kind);

/*
 * Tells of memory that a large answer has taken. What it leaves behind lies in pieces between
 * what lives on: when much has come together it is given back to the system, once it is quiet.
 */
void server_took_memory(struct api_server *s, size_t bytes);
/* What only the start has needed goes, a moment later. */
void server_relieve_start(struct api_server *s);

/* What stands there and what is wanted, both canonical. */
struct own_merge {
	struct arena *arena;
	int64_t now; /* wall ns */
	const struct cJSON *current;
	struct cJSON *wanted;
};
typedef struct cJSON *own_merge_fn(const struct own_merge *m); /* NULL: it stays as it is */
/*
 * Writes that the server makes by itself (first objects, allocations, reconciled roles), through
 * strategy and store, without admission. op->n = 1 when something was written.
 */
struct own_write {
	const struct resource *resource; /* hub */
	struct cJSON *object;            /* hub tree, not canonical */
	bool only_create;                /* what stands there stays */
	own_merge_fn *merge;             /* NULL: what is wanted takes the place of what is there */
	struct commit commit;            /* private */
	struct op *op;
	struct op wait;
	struct arena arena;
};
void server_write(struct api_server *s, struct op *op, struct own_write *w);

#endif
