/*
 * apiserver: the API of Kubernetes over a store. One request pipeline for every transport; HTTPS
 * listeners and in-process callers enter it with an http_exchange.
 */
#ifndef KUBE_APISERVER_H
#define KUBE_APISERVER_H

#include <kube/flags.h>
#include <kube/http.h>
#include <kube/ip.h>

struct api_server;
struct api_user;

/* `kube apiserver`: everything that a command line can say, filled by its flags. */
struct api_options;
struct api_options *api_options_new(struct arena *a);
/* The flags of `kube apiserver`, upstream's names; the last is FLAG_END. They point into *o. */
struct flag *api_options_flags(struct arena *a, struct api_options *o);
/* After parsing: what flags alone cannot check. ERR_USAGE. */
int api_options_check(struct arena *a, struct api_options *o, struct err *err);
bool api_options_help(const struct api_options *o);         /* --help was given */
struct str api_options_config(const struct api_options *o); /* --config, or empty */
/*
 * After the check: which of these addresses of its machine the server tells others, when its flags
 * name none: the first of the services' family, else the first.
 */
void api_options_offer_addresses(struct api_options *o, const struct ip *ips, size_t count);
/* Secrets lie sealed by a key of this server's own, unless a configuration says otherwise. */
void api_options_seal_secrets(struct api_options *o);
void api_options_set_log(const struct api_options *o); /* -v, --logging-format */

/*
 * Opens the store, makes what is missing (keys, certificates, first objects), listens; op done
 * when it serves. On failure nothing is left but api_server_free.
 */
void api_server_start(struct env *env, struct op *op, struct scope *parent,
	const struct api_options *options, struct api_server **server);
/* Drains, writes, closes. Never refused. Then only api_server_free. */
void api_server_stop(struct api_server *s, struct op *op, int64_t grace);
void api_server_free(struct api_server *s);
uint16_t api_server_port(const struct api_server *s); /* that it listens on */

/* ---- callers in the same process ---- */
struct local_user { /* who a component is; copied */
	const char *name;
	const char *const *groups; /* ends with NULL; system:authenticated is added */
};
/*
 * Enters the pipeline behind authentication. The exchange's ops are the caller's own: it is
 * answered as over a wire.
 */
void api_server_handle_local(
	struct api_server *s, struct http_exchange *x, const struct local_user *user);
/*
 * The object that stands there now, if its revision is that one and its stored text is what the
 * resource's version shows: a new reference, or NULL. For callers who have been answered with it
 * and want no second copy; it asks nobody's permission.
 */
struct resource;
struct object *api_server_find(struct api_server *s, const struct resource *r, struct str namespace,
	struct str name, int64_t revision);

#endif
