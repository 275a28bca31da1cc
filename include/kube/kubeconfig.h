/*
 * kubeconfig: which server, and as whom. Reading is pure; files that it names are read by the
 * transport, or embedded by kubeconfig_resolve's caller.
 */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H

#include <kube/json.h>

struct client_exec_env {
	struct str name, value;
};

/* A program that gives credentials (client.authentication.k8s.io). */
struct client_exec {
	struct str api_version, command;
	struct str *args;
	size_t arg_count;
	struct client_exec_env *env; /* added to ours */
	size_t env_count;
	struct str interactive_mode;        /* "Never", "IfAvailable", "Always" */
	struct str install_hint;            /* said when the program is not there */
	bool provide_cluster_info;          /* it is told which server it is for … */
	const struct cJSON *cluster_config; /* … with this, or NULL */
	/* Standard input is for something else, and for what ("…", may be empty). */
	bool stdin_unavailable;
	struct str stdin_message;
};

/* One cluster and one user, ready for client_transport_https. Empty means not given. */
struct client_config {
	struct str server; /* "https://host:6443", maybe with a path */
	struct str namespace;
	/* the server's certificate */
	struct str ca_file, ca_data; /* PEM; data wins; neither: whom the system believes */
	struct str tls_server_name;
	bool insecure;
	bool disable_compression;
	struct str proxy_url;
	struct str no_proxy; /* with proxy settings of the environment, see http_proxy_from_env */
	bool proxy_from_env;
	/* who we are */
	struct str cert_file, cert_data, key_file, key_data;
	struct str token, token_file; /* the file wins */
	struct str username, password;
	struct str as, as_uid; /* impersonation */
	struct str *as_groups;
	size_t as_group_count;
	const struct cJSON *as_extra;   /* {"key": ["value"]} or NULL */
	const struct client_exec *exec; /* a credential plugin, or NULL */
};

/* A tree with kind Config, checked: lists of named clusters, users, contexts. */
struct kubeconfig {
	struct cJSON *root;
	struct str current_context;
};

/*
 * YAML or JSON of at most 3 MiB. Relative file names are made to stand in `dir` (empty: left).
 * ERR_SYNTAX. An empty text is an empty config.
 */
int kubeconfig_parse(
	struct arena *a, struct str text, struct str dir, struct kubeconfig *k, struct err *err);
/* What `from` has and `to` has not is added; the first to say something wins. */
void kubeconfig_merge(struct arena *a, struct kubeconfig *to, const struct kubeconfig *from);
/*
 * The choice of a context (empty: the current one), with names of a cluster and a user that
 * override it (empty: the context's). ERR_NOT_FOUND and ERR_INVALID in client-go's words.
 */
struct kubeconfig_choice {
	struct str context, cluster, user;
};
int kubeconfig_resolve(struct arena *a, const struct kubeconfig *k,
	const struct kubeconfig_choice *choice, struct client_config *out, struct err *err);

/*
 * A pod's own: host and port are those of KUBERNETES_SERVICE_HOST and _PORT; token and CA are
 * files below `dir` (empty: where pods have them). ERR_NOT_FOUND when host or port is empty.
 */
int client_config_in_cluster(struct arena *a, struct str host, struct str port, struct str dir,
	struct client_config *out, struct err *err);

#endif
