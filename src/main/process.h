/* What commands that run one component against an API server have in common. */
#ifndef MAIN_PROCESS_H
#define MAIN_PROCESS_H

#include <kube/component.h>
#include <kube/flags.h>
#include <kube/kubeconfig.h>

struct process_line {
	bool help, leader_elect;
	bool service_accounts; /* each part of it writes as one; whoever has such parts says so */
	struct str kubeconfig, context, master;
	int64_t lease_duration, renew_deadline, retry_period;
	struct str lease_name, lease_namespace, logging_format;
	double qps;
	int64_t burst, verbosity;
};

enum { PROCESS_FLAGS = 16 };
struct process_defaults {
	const char *lease; /* NULL for those without leader election */
	const char *burst; /* of requests */
};
/* Their flags, at most PROCESS_FLAGS; how many. */
size_t process_flags(
	struct process_line *l, struct flag *flags, const struct process_defaults *defaults);
/* A file's text, at most 3 MiB; an empty path leaves *text alone. */
int process_read_file(
	struct arena *a, const char *what, struct str path, struct str *text, struct err *err);
int process_server(struct arena *a, const struct process_line *l, struct client_config *config,
	struct err *err);

/* Makes the component; NULL never. Called once, when it is to begin (and leads). */
typedef struct part *process_begin_fn(void *ctx, const struct component_base *base);
/* Until it is asked to stop, or has lost its lease. The exit status. */
int process_run(const struct process_line *l, const struct client_config *config,
	const char *user_agent, process_begin_fn *begin, void *ctx);

#endif
