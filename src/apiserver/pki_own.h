/*
 * The server's keys and certificates from within: their files (pki_files.c), the names that the
 * serving certificate is for (pki_names.c), the administrator's (pki_admin.c); the rest is pki.c.
 */
#ifndef KUBE_APISERVER_PKI_OWN_H
#define KUBE_APISERVER_PKI_OWN_H

#include "api_options.h"
#include "pki.h"

#define PKI_FILE_MAX (256 * KIB)

const char *pki_path(struct pki *p, const char *name); /* lives as long as p */
/* What they yield is the caller's; errors name the file. */
int pki_read_key(struct env *env, const char *path, struct key **key, struct err *err);
int pki_read_certs(struct env *env, const char *path, struct certs *certs, struct err *err);
int pki_write_cert(struct env *env, const char *path, const struct cert *cert, struct err *err);
/* Nothing is written that stands there already: a full disk keeps no cluster from starting. */
int pki_keep_file(
	struct env *env, const char *path, struct str text, unsigned mode, struct err *err);
/* The key of that file, made when the file is missing. */
int pki_key_at(struct api_server *s, const char *path, enum key_kind kind, struct key **key,
	struct err *err);

#define SERVING_NAMES_MAX 64
struct serving_names {
	struct str dns[SERVING_NAMES_MAX];
	struct ip ips[SERVING_NAMES_MAX];
	size_t dns_count, ip_count;
};
/* What clients may call the server as the machine is now; further ones than fit are left out. */
void serving_names_find(struct api_server *s, struct serving_names *n);
bool serving_names_covered(const struct cert *cert, const struct serving_names *n);

/*
 * What it is for is the request's; that it begins before today, and how long it lives, is ours.
 * What *chain held is gone.
 */
int pki_issue(struct api_server *s, const struct cert_request *what, struct key *key,
	struct cert *by, struct key *by_key, struct certs *chain, struct err *err);
/* Valid, and not to be renewed yet. */
bool pki_is_fresh(const struct cert *cert, int64_t now);

#endif
