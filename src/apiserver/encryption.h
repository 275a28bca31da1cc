/*
 * Encryption at rest: which resources lie in the store sealed, and by which keys, as an
 * EncryptionConfiguration of apiserver.config.k8s.io says. The first provider of a resource seals;
 * all of them open. What lies there otherwise than it would today is sealed anew at the start, and
 * when the file changes.
 */
#ifndef KUBE_APISERVER_ENCRYPTION_H
#define KUBE_APISERVER_ENCRYPTION_H

#include "server.h"

struct encryption;
/*
 * *encryption stays NULL when nothing is to be sealed. Without a file, and if the options ask for
 * it, Secrets are sealed by a key that is made at the first start and kept with the certificates.
 */
int encryption_new(struct api_server *s, struct encryption **encryption, struct err *err);
/* Once the store is open: changes of the file count, if the options ask for it. */
void encryption_start(struct encryption *e); /* NULL is fine */
void encryption_stop(struct encryption *e);  /* before the store closes */
void encryption_free(struct encryption *e);
void encryption_print_metrics(const struct encryption *e, struct buf *out); /* NULL: none */
const struct store_sealer *encryption_sealer(const struct encryption *e);   /* NULL: none */

#endif
