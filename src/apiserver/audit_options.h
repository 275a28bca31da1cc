/*
 * What the command line says of the audit log: --audit-…, upstream's names, defaults and checks.
 */
#ifndef KUBE_APISERVER_AUDIT_OPTIONS_H
#define KUBE_APISERVER_AUDIT_OPTIONS_H

#include <kube/flags.h>

/* Of one place that events go to. */
struct audit_place_options {
	struct str mode, version;
	/* of mode batch */
	int64_t buffer_size, max_size; /* events: that wait, of one batch */
	int64_t max_wait;              /* ns */
	bool throttle;
	double throttle_qps; /* batches a second */
	int64_t throttle_burst;
	/* of events that are too large */
	bool truncate;
	int64_t truncate_batch, truncate_event; /* bytes */
};

struct audit_options {
	struct str policy_file;
	struct audit_place_options log, hook;
	struct str log_path, log_format;
	int64_t log_maxsize, log_maxage, log_maxbackup;
	bool log_compress;
	struct str hook_file; /* a kubeconfig */
	int64_t hook_backoff;
};

/* A table in the arena, ended by FLAG_END. */
struct flag *audit_options_flags(struct arena *a, struct audit_options *o);
/* Only of what is in use, as upstream. */
int audit_options_check(const struct audit_options *o, struct err *err);
bool audit_mode_is(const struct audit_place_options *o, const char *mode);

#endif
