/*
 * process: the command of one component against an API server anywhere: flags, kubeconfig, leader
 * election, the end by a signal. A component's own file says what is its own.
 */
#ifndef MAIN_PROCESS_H
#define MAIN_PROCESS_H

#include <kube/component.h>
#include <kube/flags.h>
#include <kube/kubeconfig.h>

/* The first member of what a component's command line is read into. */
struct process_line {
	bool help, leader_elect;
	bool service_accounts; /* each part of it writes as one; whoever has such parts says so */
	bool over;             /* there is nothing to be run: all is done */
	struct str kubeconfig, context, master;
	int64_t lease_duration, renew_deadline, retry_period;
	struct str lease_name, lease_namespace, logging_format;
	double qps;
	int64_t burst, verbosity;
};

enum { PROCESS_OWN_FLAGS = 64 };
struct process_command {
	const char *name; /* "controllers": behind `kube` */
	const char *user_agent;
	const char *lease; /* NULL for those without leader election */
	const char *burst; /* of requests */
	/* Its own, at most PROCESS_OWN_FLAGS; how many. */
	size_t (*flags)(struct process_line *l, struct flag *flags);
	/* What they mean; all flags, as they were given. May be NULL. */
	int (*read)(
		struct arena *a, struct process_line *l, const struct flag *flags, struct err *err);
	/* Another proof of who it is than the kubeconfig's; may be NULL. */
	int (*prove)(struct arena *a, struct process_line *l, struct client_config *config,
		struct err *err);
	/* Makes the component; NULL never. Called once, when it is to begin (and leads). */
	struct part *(*begin)(struct process_line *l, const struct component_base *base);
};
/* *l zeroed. Until it is asked to stop, or has lost its lease. The exit status. */
int process_main(
	const struct process_command *command, struct process_line *l, int argc, char **argv);

/* How the server is reached, by what was given. */
int process_server(struct arena *a, const struct process_line *l, struct client_config *config,
	struct err *err);
/* A file's text, at most 3 MiB; an empty path leaves *text alone. */
int process_read_file(
	struct arena *a, const char *what, struct str path, struct str *text, struct err *err);
/* What --config names; an empty path says nothing. */
int process_read_config(struct flag *flags, struct arena *a, struct str path, struct err *err);

#endif
