#include "container_config.h"
#include "sysctl_rules.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>

#include <netinet/in.h>

struct str pod_log_name(struct arena *a, const struct cJSON *pod)
{
	return arena_print(a, "%.*s_%.*s_%.*s", STRF(tree_str(pod, "metadata.namespace")),
		STRF(tree_str(pod, "metadata.name")), STRF(tree_str(pod, "metadata.uid")));
}

struct str pod_cgroup(struct arena *a, const struct cJSON *pod)
{
	const char *qos = pod_qos(json_get(pod, STR("spec")));
	const char *above = strcmp(qos, "Guaranteed") == 0  ? ""
			    : strcmp(qos, "Burstable") == 0 ? "/burstable"
							    : "/besteffort";

	return arena_print(a, "/kubepods%s/pod%.*s", above, STRF(tree_str(pod, "metadata.uid")));
}

/* ---- names ---- */

void pod_host_name(struct arena *a, const struct cJSON *pod, struct str node, struct str zone,
	struct str *hostname, struct str *domain)
{
	struct str own = tree_str(pod, "spec.hostname");
	struct str subdomain = tree_str(pod, "spec.subdomain");
	struct str override = tree_str(pod, "spec.hostnameOverride");

	*domain = STR("");
	*hostname = node;
	if (tree_true(pod, "spec.hostNetwork"))
		return;
	*hostname = override.len ? override
		    : own.len    ? own
				 : str_sub(tree_str(pod, "metadata.name"), 0, 63);
	/* A name may not end so. */
	while (hostname->len && strchr("-.", hostname->at[hostname->len - 1]))
		hostname->len--;
	if (!subdomain.len || override.len)
		return;
	*domain = arena_print(a, "%.*s.%.*s.svc.%.*s", STRF(subdomain),
		STRF(tree_str(pod, "metadata.namespace")), STRF(zone));
}

#define KERNEL_NAME_MOST 64

static int set_names(struct arena *a, const struct sandbox_input *in, struct sandbox_config *out,
	struct err *err)
{
	out->name = tree_str(in->pod, "metadata.name");
	out->namespace = tree_str(in->pod, "metadata.namespace");
	out->uid = tree_str(in->pod, "metadata.uid");
	pod_host_name(a, in->pod, in->hostname, in->dns_domain, &out->hostname, &out->domain);
	if (out->domain.len && tree_true(in->pod, "spec.setHostnameAsFQDN"))
		out->hostname = arena_print(a, "%.*s.%.*s", STRF(out->hostname), STRF(out->domain));
	if (out->hostname.len <= KERNEL_NAME_MOST || tree_true(in->pod, "spec.hostNetwork"))
		return 0;
	return err_set(err, ERR_INVALID,
		"failed to construct FQDN from pod hostname and cluster domain, FQDN %.*s is too "
		"long (%d characters is the max, %zu characters requested)",
		STRF(out->hostname), KERNEL_NAME_MOST, out->hostname.len);
}

/* ---- resolv.conf ---- */

struct lines {
	struct str items[32];
	size_t count;
};

static void add_line(struct lines *l, struct str line)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_eq(l->items[i], line))
			return;
	if (l->count < ARRAY_LEN(l->items))
		l->items[l->count++] = line;
}

static void add_lines(struct lines *l, const struct str *more, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_line(l, more[i]);
}

static const struct str *take_lines(
	struct arena *a, const struct lines *l, size_t most, size_t *count)
{
	*count = MIN(l->count, most);
	return *count ? arena_copy(a, l->items, *count * sizeof(struct str)) : NULL;
}

/* An option of the same name is replaced. */
static void set_option(struct arena *a, struct lines *l, struct str name, struct str value)
{
	struct str line = value.len ? arena_print(a, "%.*s:%.*s", STRF(name), STRF(value)) : name;

	for (size_t i = 0; i < l->count; i++) {
		struct str head, tail;

		str_cut(l->items[i], ':', &head, &tail);
		if (str_eq(head, name)) {
			l->items[i] = line;
			return;
		}
	}
	add_line(l, line);
}

static void set_dns(struct arena *a, const struct sandbox_input *in, struct sandbox_config *out)
{
	struct lines servers = {0}, searches = {0}, options = {0};
	struct str policy = tree_str(in->pod, "spec.dnsPolicy");
	const struct cJSON *own = json_path(in->pod, "spec.dnsConfig");
	bool host = tree_true(in->pod, "spec.hostNetwork");
	bool cluster = str_eq(policy, STR("ClusterFirstWithHostNet")) ||
		       ((!policy.len || str_eq(policy, STR("ClusterFirst"))) && !host);

	if (cluster && in->dns_server_count) {
		struct str ns = tree_str(in->pod, "metadata.namespace"), zone = in->dns_domain;

		add_lines(&servers, in->dns_servers, in->dns_server_count);
		add_line(&searches, arena_print(a, "%.*s.svc.%.*s", STRF(ns), STRF(zone)));
		add_line(&searches, arena_print(a, "svc.%.*s", STRF(zone)));
		add_line(&searches, zone);
		add_lines(&searches, in->node_searches, in->node_search_count);
		add_line(&options, STR("ndots:5"));
	} else if (!str_eq(policy, STR("None"))) {
		add_lines(&servers, in->node_servers, in->node_server_count);
		add_lines(&searches, in->node_searches, in->node_search_count);
		add_lines(&options, in->node_options, in->node_option_count);
	}
	json_each (server, json_get(own, STR("nameservers")))
		add_line(&servers, json_str(server));
	json_each (search, json_get(own, STR("searches")))
		add_line(&searches, json_str(search));
	json_each (option, json_get(own, STR("options")))
		set_option(a, &options, tree_str(option, "name"), tree_str(option, "value"));
	/* As many servers as a resolver reads. */
	out->dns_servers = take_lines(a, &servers, 3, &out->dns_server_count);
	out->dns_searches = take_lines(a, &searches, 32, &out->dns_search_count);
	out->dns_options = take_lines(a, &options, 32, &out->dns_option_count);
}

/* ---- labels ---- */

static void add_pair(struct runtime_pair *items, size_t *count, struct str key, struct str value)
{
	items[(*count)++] = (struct runtime_pair){key, value};
}

static void set_labels(struct arena *a, const struct sandbox_input *in, struct sandbox_config *out)
{
	const struct cJSON *labels = json_path(in->pod, "metadata.labels");
	struct runtime_pair *items = arena_alloc(a, (json_count(labels) + 4) * sizeof(*items));
	size_t count = 0;

	json_each (label, labels)
		add_pair(items, &count, json_key(label), json_str(label));
	add_pair(items, &count, STR("io.kubernetes.pod.name"), out->name);
	add_pair(items, &count, STR("io.kubernetes.pod.namespace"), out->namespace);
	add_pair(items, &count, STR("io.kubernetes.pod.uid"), out->uid);
	out->labels = (struct runtime_pairs){items, count};
	const struct cJSON *notes = json_path(in->pod, "metadata.annotations");
	items = arena_alloc(a, (json_count(notes) + 1) * sizeof(*items));
	count = 0;
	json_each (note, notes)
		add_pair(items, &count, json_key(note), json_str(note));
	out->annotations = (struct runtime_pairs){items, count};
}

static void set_sysctls(struct arena *a, const struct cJSON *pod, struct sandbox_config *out)
{
	const struct cJSON *list = json_path(pod, "spec.securityContext.sysctls");
	struct runtime_pair *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));
	size_t count = 0;

	json_each (sysctl, list)
		add_pair(items, &count, sysctl_dotted(a, tree_str(sysctl, "name")),
			tree_str(sysctl, "value"));
	out->sysctls = (struct runtime_pairs){items, count};
}

static uint8_t protocol_of(const struct cJSON *port)
{
	struct str protocol = tree_str(port, "protocol");

	return str_eq(protocol, STR("UDP"))    ? IPPROTO_UDP
	       : str_eq(protocol, STR("SCTP")) ? IPPROTO_SCTP
					       : IPPROTO_TCP;
}

static void add_ports(struct arena *a, const struct cJSON *container, struct sandbox_config *out)
{
	size_t count = out->ports.count + json_count(json_get(container, STR("ports")));
	struct runtime_port *items = arena_alloc(a, (count + 1) * sizeof(*items));

	if (out->ports.count)
		memcpy(items, out->ports.items, out->ports.count * sizeof(*items));
	json_each (port, json_get(container, STR("ports"))) {
		struct runtime_port p = {.protocol = protocol_of(port),
			.container_port = (uint16_t)tree_int(port, "containerPort", 0),
			.host_port = (uint16_t)tree_int(port, "hostPort", 0)};

		ip_parse(tree_str(port, "hostIP"), &p.host_ip);
		if (p.host_port)
			items[out->ports.count++] = p;
	}
	out->ports.items = items;
}

static void set_ports(struct arena *a, const struct cJSON *pod, struct sandbox_config *out)
{
	json_each (container, json_path(pod, "spec.containers"))
		add_ports(a, container, out);
	json_each (container, json_path(pod, "spec.initContainers"))
		if (container_is_sidecar(container))
			add_ports(a, container, out);
}

/* ---- how much it may send ---- */

#define RATE_LEAST 1000
#define RATE_MOST  (1000LL * 1000 * 1000 * 1000 * 1000)

static int read_rate(
	const struct cJSON *pod, const char *annotation, int64_t *rate, struct err *err)
{
	struct str text =
		json_str(json_get(json_path(pod, "metadata.annotations"), str_from(annotation)));
	struct quantity q;
	int code = text.len ? quantity_parse(text, &q, err) : 0;

	if (!text.len)
		return 0;
	if (code)
		return err_wrap(err, code, "failed to get bandwidth info from annotations");
	*rate = quantity_value(q);
	if (*rate < RATE_LEAST)
		return err_set(err, ERR_INVALID,
			"failed to get bandwidth info from annotations: resource is unreasonably "
			"small (< 1kbit)");
	if (*rate > RATE_MOST)
		return err_set(err, ERR_INVALID,
			"failed to get bandwidth info from annotations: resource is unreasonably "
			"large (> 1Pbit)");
	return 0;
}

int pod_bandwidth(const struct cJSON *pod, struct runtime_bandwidth *out, struct err *err)
{
	*out = (struct runtime_bandwidth){0};
	if (tree_true(pod, "spec.hostNetwork"))
		return 0;
	int code = read_rate(pod, "kubernetes.io/ingress-bandwidth", &out->ingress, err);
	return code ? code : read_rate(pod, "kubernetes.io/egress-bandwidth", &out->egress, err);
}

static bool any_privileged(const struct cJSON *pod)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (tree_true(container, "securityContext.privileged"))
				return true;
	return false;
}

int sandbox_config_make(struct arena *a, const struct sandbox_input *in, struct sandbox_config *out,
	struct err *err)
{
	const struct cJSON *users = json_path(in->pod, "spec.hostUsers");

	*out = (struct sandbox_config){.attempt = in->attempt};
	int code = set_names(a, in, out, err);
	if (code)
		return code;
	set_dns(a, in, out);
	set_labels(a, in, out);
	set_sysctls(a, in->pod, out);
	out->log_directory =
		arena_print(a, "%.*s/%.*s", STRF(in->log_root), STRF(pod_log_name(a, in->pod)));
	out->cgroup_parent = pod_cgroup(a, in->pod);
	out->network = tree_true(in->pod, "spec.hostNetwork") ? NAMESPACE_NODE : NAMESPACE_POD;
	out->ipc = tree_true(in->pod, "spec.hostIPC") ? NAMESPACE_NODE : NAMESPACE_POD;
	out->pid = tree_true(in->pod, "spec.hostPID")                 ? NAMESPACE_NODE
		   : tree_true(in->pod, "spec.shareProcessNamespace") ? NAMESPACE_POD
								      : NAMESPACE_CONTAINER;
	if (out->network == NAMESPACE_POD)
		set_ports(a, in->pod, out);
	out->user_count = !users || json_bool(users) ? 0 : in->user_count;
	out->privileged = any_privileged(in->pod);
	return pod_bandwidth(in->pod, &out->bandwidth, err);
}
