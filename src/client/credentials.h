/*
 * What a client shows and what it trusts: certificates and tokens, from a config or from files
 * that are read again now and then.
 */
#ifndef KUBE_CLIENT_CREDENTIALS_H
#define KUBE_CLIENT_CREDENTIALS_H

#include "exec_plugin.h"

#include <kube/http_client.h>
#include <kube/kubeconfig.h>
#include <kube/work.h>

enum credential_part { PART_CA, PART_CERT, PART_KEY, PART_TOKEN, PARTS };

struct credentials {
	struct client_config config; /* copied */
	struct buf parts[PARTS];     /* what counts now */
	struct str token;
	bool told;                /* certificate and key: they stay, whatever files say */
	bool loaded;              /* once, with success */
	int64_t at;               /* of the last loading */
	struct str authorization; /* "Basic …" of name and password */
	struct arena *arena;
	struct exec_plugin *plugin; /* NULL: none */
	uint64_t plugin_pairs;      /* its certificate that TLS has, by number */
};

/* One loading, embedded in who waits for it. */
struct credentials_load {
	struct work work;
	struct credentials *credentials;
	struct disk *disk;
	struct buf parts[PARTS];
};

/* A plugin's runs belong to the scope. */
void credentials_init(struct credentials *cr, struct arena *a, struct env *env, struct scope *scope,
	const struct client_config *config);
void credentials_done(struct credentials *cr);
/* Never loaded, or files that may have changed by now. */
bool credentials_due(const struct credentials *cr, struct env *env);
void credentials_load(
	struct credentials *cr, struct credentials_load *load, struct op *op, struct env *env);
/*
 * After the op: takes what was read, gives `http` its TLS. err: the op's; afterwards what keeps
 * the call from being made. A failure is one only when nothing has been loaded before.
 */
void credentials_loaded(struct credentials *cr, struct credentials_load *load, struct env *env,
	struct http_client *http, struct err *err);
/* These instead of the config's, for connections from now on. On failure all is as it was. */
int credentials_show(struct credentials *cr, struct str certificate, struct str key,
	struct http_client *http, struct err *err);
/*
 * With a plugin, before every call: its op, and what follows it. When the server has refused what
 * it was shown, the plugin is asked once more (`refused`: its serial at that time; 0: not so).
 */
void credentials_ask(
	struct credentials *cr, struct exec_wait *wait, struct op *op, uint64_t refused);
void credentials_answered(struct credentials *cr, struct http_client *http, struct err *err);
/* Authorization and Impersonate-… headers. */
void credentials_add(const struct credentials *cr, struct arena *a, struct http_headers *h);

#endif
