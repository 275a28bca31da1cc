/*
 * runtime: what runs pods on a node, in the shape of CRI: sandboxes, containers, images. Two
 * stand behind it: the built-in one (runtime_native.h) and a CRI client. Whoever calls cannot
 * tell which.
 *
 * What the runtime knows is in memory and read at once (runtime_list, runtime_container); what
 * changes it is awaited. Names and texts of configs are copied. Identifiers are 64 hex digits.
 */
#ifndef KUBE_RUNTIME_H
#define KUBE_RUNTIME_H

#include <kube/env.h>
#include <kube/ip.h>

struct runtime;

struct runtime_pair {
	struct str key, value;
};
struct runtime_pairs {
	const struct runtime_pair *items;
	size_t count;
};

/* ---- sandboxes ---- */
enum runtime_namespace {
	NAMESPACE_POD,       /* shared by the pod's containers */
	NAMESPACE_CONTAINER, /* each its own */
	NAMESPACE_NODE,      /* the host's */
	NAMESPACE_TARGET,    /* that of another container: `target` */
};

struct runtime_seccomp {
	enum { SECCOMP_DEFAULT, SECCOMP_UNCONFINED, SECCOMP_LOCALHOST } kind;
	struct str profile; /* of LOCALHOST: a file */
};

struct runtime_port {     /* of a container with a hostPort */
	uint8_t protocol; /* IPPROTO_TCP, … */
	uint16_t container_port, host_port;
	struct ip host_ip; /* none: every address of the node */
};
struct runtime_ports {
	const struct runtime_port *items;
	size_t count;
};

struct runtime_bandwidth {       /* bits a second; 0: as much as there is */
	int64_t ingress, egress; /* to the pod, from it */
};

struct sandbox_config {
	struct str name, namespace, uid;
	uint32_t attempt;
	struct str hostname, domain; /* hostname empty: the node's */
	struct str log_directory;
	const struct str *dns_servers, *dns_searches, *dns_options;
	size_t dns_server_count, dns_search_count, dns_option_count;
	struct runtime_pairs labels, annotations;
	struct runtime_pairs sysctls;
	struct runtime_ports ports;
	struct runtime_bandwidth bandwidth;
	struct str cgroup_parent; /* "/kubepods/burstable/podUID", made by the caller */
	enum runtime_namespace network, pid, ipc; /* POD or NODE; pid also CONTAINER */
	uint32_t user_count;                      /* as many users of its own; 0: the node's */
	struct str handler;                       /* of the RuntimeClass; empty: the default */
	bool privileged;                          /* some container will be */
};

enum sandbox_state { SANDBOX_READY, SANDBOX_NOT_READY };

struct sandbox {
	struct str id, name, namespace, uid;
	uint32_t attempt;
	enum sandbox_state state;
	int64_t created; /* wall ns, as all times here */
	struct runtime_pairs labels, annotations;
	struct runtime_ports ports;
	struct runtime_bandwidth bandwidth; /* while its network is made; known to nobody later */
	struct ip ips[2];                   /* the pod's; of network NODE none */
	size_t ip_count;
	const char *netns; /* a path; NULL: the node's */
};

/* ---- containers ---- */
enum runtime_propagation { PROPAGATE_NONE, PROPAGATE_HOST_TO_CONTAINER, PROPAGATE_BOTH };

struct runtime_mount {
	struct str container_path, host_path;
	struct str image;      /* instead of host_path: an image's id; what is in it, read-only */
	struct str image_part; /* "a/b": that of it alone */
	bool read_only, recursive_read_only;
	enum runtime_propagation propagation;
};

struct runtime_device {
	struct str container_path, host_path, permissions; /* "rwm" */
};

struct container_limits {                          /* 0: none said */
	int64_t cpu_period, cpu_quota, cpu_shares; /* us, us, v1 shares */
	int64_t memory, swap;                      /* bytes */
	int64_t pids;
	int32_t oom_score_adj;
	bool kill_together; /* out of memory all of it ends, not one process (cgroups v2) */
	struct str cpuset_cpus, cpuset_mems;
	struct runtime_pairs hugepages; /* "2MB" → bytes */
};

struct container_security {
	bool privileged, no_new_privs, read_only_root;
	const struct str *add_capabilities, *drop_capabilities; /* without CAP_, "ALL" */
	size_t add_count, drop_count;
	int64_t run_as_user, run_as_group; /* -1: the image's */
	struct str run_as_name;            /* of the image's passwd; empty: none */
	const int64_t *supplemental_groups;
	size_t supplemental_count;
	bool strict_groups; /* the image's own groups do not count */
	const struct str *masked_paths, *read_only_paths;
	size_t masked_count, read_only_count;
	struct runtime_seccomp seccomp;
	struct str apparmor; /* a loaded profile; empty: none */
	enum runtime_namespace pid;
	struct str pid_target; /* a container's id */
};

struct container_config {
	struct str name;
	uint32_t attempt;
	struct str image;                      /* an image's id */
	const struct str *command, *arguments; /* empty: the image's */
	size_t command_count, argument_count;
	struct str working_dir;
	struct runtime_pairs env;
	const struct runtime_mount *mounts;
	size_t mount_count;
	const struct runtime_device *devices;
	size_t device_count;
	struct runtime_pairs labels, annotations;
	struct str log_path; /* below the sandbox's log_directory */
	bool stdin, stdin_once, tty;
	struct str termination_path; /* a file on the host that is read for the message */
	struct container_limits limits;
	struct container_security security;
	struct str stop_signal; /* empty: the image's, or SIGTERM */
};

enum container_state { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_UNKNOWN };

struct container {
	struct str id, sandbox, name, image, image_ref; /* image_ref: with digest, or the id */
	uint32_t attempt;
	enum container_state state;
	int64_t created, started, finished;
	int32_t exit_code, signal; /* signal: 0 when it left by itself */
	bool out_of_memory;
	struct str reason, message; /* "Completed", "Error", "OOMKilled", "StartError"; why */
	struct runtime_pairs labels, annotations;
	struct str log_path;
	int32_t uid, gid;      /* as it runs */
	const int64_t *groups; /* all, the one above too */
	size_t group_count;
};

/* ---- images ---- */
struct image {
	struct str id; /* "sha256:…", of its config */
	const struct str *tags, *digests;
	size_t tag_count, digest_count;
	int64_t size;
	int64_t uid;          /* of its USER; -1: it is named */
	struct str user_name; /* when it is named */
	bool pinned;          /* never collected: imported, or in use by the runtime itself */
	struct str stop_signal;
	int64_t last_used;
};

struct image_auth {
	struct str user, password, identity_token, registry_token;
};

/* ---- doing ---- */
struct runtime_sandbox_run { /* config → id */
	struct sandbox_config config;
	struct str id; /* the runtime's until the sandbox is removed */
};
struct runtime_container_create {
	struct str sandbox;
	struct container_config config;
	struct str id;
};
struct runtime_exec { /* one command, to its end */
	struct str container;
	const struct str *command;
	size_t command_count;
	struct buf *out, *err; /* NULL: thrown away; ceilings are theirs */
	int32_t exit_code;
};
struct runtime_session { /* exec and attach with streams */
	struct str container;
	const struct str *command; /* none: attach */
	size_t command_count;
	bool stdin, stdout, stderr, tty;
	/* set when it has begun; the caller's; NULL for what was not asked for */
	struct stream *in, *out, *err;
	int32_t exit_code;
	void *private_;
};
struct runtime_pull {
	struct str reference; /* as the pod says it */
	const struct image_auth *auth;
	struct str id; /* what it is now */
};

struct container_usage {
	int64_t at, cpu_ns, memory_bytes, memory_working_set, memory_rss, page_faults,
		major_page_faults, pids, writable_bytes, writable_inodes, log_bytes;
};

/* What has changed; called on the loop after the runtime's own picture has. */
struct runtime_listener;
typedef void runtime_changed_fn(
	struct runtime_listener *l, struct str sandbox, struct str container);
struct runtime_listener {
	runtime_changed_fn *changed;
	void *ctx;
	struct link in_runtime;
};

struct runtime_ops {
	const char *name, *version; /* "kube", as nodeInfo.containerRuntimeVersion has it */
	void (*stop)(struct runtime *r, struct op *op); /* pods go on */
	void (*free)(struct runtime *r);

	void (*run_sandbox)(struct runtime *r, struct op *op, struct runtime_sandbox_run *run);
	/* Ends its containers (SIGKILL) and its network; what is gone is done. */
	void (*stop_sandbox)(struct runtime *r, struct op *op, struct str id);
	void (*remove_sandbox)(struct runtime *r, struct op *op, struct str id);

	void (*create_container)(
		struct runtime *r, struct op *op, struct runtime_container_create *create);
	void (*start_container)(struct runtime *r, struct op *op, struct str id);
	/* The stop signal, SIGKILL after `grace`; done when it has ended. */
	void (*stop_container)(struct runtime *r, struct op *op, struct str id, int64_t grace);
	void (*remove_container)(struct runtime *r, struct op *op, struct str id);
	void (*update_container)(struct runtime *r, struct op *op, struct str id,
		const struct container_limits *limits);
	void (*reopen_log)(struct runtime *r, struct op *op, struct str id);

	/* A deadline of the op ends the command. */
	void (*exec)(struct runtime *r, struct op *op, struct runtime_exec *exec);
	/* Done when the streams are there; session_wait: when the command has ended. */
	void (*session_start)(
		struct runtime *r, struct op *op, struct scope *scope, struct runtime_session *s);
	void (*session_wait)(struct runtime *r, struct op *op, struct runtime_session *s);
	void (*session_resize)(
		struct runtime *r, struct runtime_session *s, uint16_t width, uint16_t height);
	/* A connection to a port inside the sandbox. */
	void (*connect)(struct runtime *r, struct op *op, struct scope *scope, struct str sandbox,
		uint16_t port, struct stream **stream);

	void (*pull)(struct runtime *r, struct op *op, struct runtime_pull *pull);
	void (*remove_image)(struct runtime *r, struct op *op, struct str id);

	/* ---- at once, from memory; borrowed until the loop turns ---- */
	size_t (*sandboxes)(struct runtime *r, const struct sandbox *const **list);
	size_t (*containers)(struct runtime *r, const struct container *const **list);
	size_t (*images)(struct runtime *r, const struct image *const **list);
	/* By reference (any form), id or digest; NULL: not here. */
	const struct image *(*image)(struct runtime *r, struct str reference);
	bool (*usage)(struct runtime *r, struct str container, struct container_usage *usage);
	void (*listen)(struct runtime *r, struct runtime_listener *l); /* link_remove ends it */
};
struct runtime {
	const struct runtime_ops *ops;
};

#endif
