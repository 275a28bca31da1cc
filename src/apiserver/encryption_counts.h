/*
 * encryption_counts: what sealing and opening costs, by resource and provider, as upstream's
 * metrics of transformations tell it. One thread at a time counts: the store's worker, or whoever
 * is before and after it; the loop may print meanwhile.
 */
#ifndef KUBE_APISERVER_ENCRYPTION_COUNTS_H
#define KUBE_APISERVER_ENCRYPTION_COUNTS_H

#include <kube/buf.h>

struct encryption_counts;

struct encryption_counts *encryption_counts_new(void);
void encryption_counts_free(struct encryption_counts *c);
/*
 * bucket: "/registry/secrets/". prefix: that of a key ("k8s:enc:aesgcm:v1:key1:"); empty: the text
 * lies open. began: of clock_mono.
 */
void encryption_counts_note(struct encryption_counts *c, bool to_storage, struct str bucket,
	struct str prefix, bool good, int64_t began);
void encryption_counts_print(struct encryption_counts *c, struct buf *out);

#endif
