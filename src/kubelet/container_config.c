#include "container_config.h"

#include <kube/api_codec.h>
#include <kube/image_reference.h>
#include <kube/pods.h>
#include <kube/quantity.h>
#include <kube/time.h>

/* ---- limits ---- */

static bool amount(const struct cJSON *list, const char *name, struct quantity *q)
{
	struct str text = json_str(json_get(list, str_from(name)));

	return text.len && !quantity_parse(text, q, NULL);
}

static void set_cpu(const struct kubelet_configuration *c, const struct cJSON *requests,
	const struct cJSON *limits, struct container_limits *out)
{
	int64_t period = c->cpu_period / USEC;
	struct quantity q;
	int64_t milli = 0;

	/* A limit without a request is a request, too: the API has seen to that. */
	if (amount(requests, "cpu", &q) || amount(limits, "cpu", &q))
		milli = quantity_milli(q);
	out->cpu_shares = MIN(MAX(milli * 1024 / 1000, 2), 262144);
	if (c->cpu_quota && amount(limits, "cpu", &q) && quantity_milli(q) > 0) {
		out->cpu_period = period;
		out->cpu_quota = MAX(quantity_milli(q) * period / 1000, 1000);
	}
}

static void set_hugepages(struct arena *a, const struct cJSON *limits, struct container_limits *out)
{
	struct runtime_pair *items = arena_alloc(a, (json_count(limits) + 1) * sizeof(*items));
	size_t count = 0;

	json_each (limit, limits) {
		struct quantity q, size;
		struct str name = json_key(limit);

		if (!str_starts(name, STR("hugepages-")) ||
			quantity_parse(str_skip(name, 10), &size, NULL) ||
			quantity_parse(json_str(limit), &q, NULL))
			continue;
		long long bytes = quantity_value(size);
		bool large = bytes >= 1 << 30;
		items[count++] = (struct runtime_pair){
			arena_print(a, "%lld%s", bytes >> (large ? 30 : 20), large ? "GB" : "MB"),
			arena_print(a, "%lld", (long long)quantity_value(q))};
	}
	out->hugepages = (struct runtime_pairs){items, count};
}

/* Who asks for much of the node's memory is killed late when it runs out. */
static int32_t oom_score(const struct container_input *in)
{
	const char *qos = pod_qos(json_get(in->pod, STR("spec")));
	const struct cJSON *requests = json_path(in->container, "resources.requests");
	struct quantity memory = {0}, capacity;

	if (tree_int(in->pod, "spec.priority", 0) >= 2000000000 || strcmp(qos, "Guaranteed") == 0)
		return -997;
	if (strcmp(qos, "BestEffort") == 0 || !amount(in->node->capacity, "memory", &capacity) ||
		quantity_value(capacity) <= 0)
		return 1000;
	amount(requests, "memory", &memory);
	int64_t score = 1000 - (int64_t)((__int128)1000 * quantity_value(memory) /
					 quantity_value(capacity));
	return (int32_t)MIN(MAX(score, 3), 999);
}

void container_limits_make(const struct kubelet_configuration *c, const struct cJSON *container,
	struct container_limits *out)
{
	const struct cJSON *limits = json_path(container, "resources.limits");
	struct quantity q;

	*out = (struct container_limits){0};
	set_cpu(c, json_path(container, "resources.requests"), limits, out);
	if (amount(limits, "memory", &q))
		out->memory = out->swap = quantity_value(q);
}

static void set_limits(
	struct arena *a, const struct container_input *in, struct container_limits *out)
{
	container_limits_make(in->configuration, in->container, out);
	set_hugepages(a, json_path(in->container, "resources.limits"), out);
	out->oom_score_adj = oom_score(in);
	out->kill_together = !in->configuration->single_oom_kill;
}

/* All containers have a limit: then the pod has their sum. */
static bool all_limited(const struct cJSON *pod, const char *path)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (!tree_has(container, path))
				return false;
	return true;
}

void pod_limits(const struct kubelet_configuration *c, const struct cJSON *pod,
	struct container_limits *out)
{
	_cleanup_(arena_done) struct arena a;
	const struct cJSON *spec = json_get(pod, STR("spec"));
	struct quantity q;

	arena_init(&a);
	*out = (struct container_limits){0};
	const struct cJSON *requests = pod_sum(&a, spec, "resources.requests");
	struct cJSON *limits = pod_sum(&a, spec, "resources.limits");
	bool own = json_count(json_path(spec, "resources.limits")) > 0;
	if (!own && !all_limited(pod, "resources.limits.cpu"))
		tree_drop(limits, "cpu");
	set_cpu(c, requests, limits, out);
	if ((own || all_limited(pod, "resources.limits.memory")) && amount(limits, "memory", &q))
		out->memory = quantity_value(q);
}

/* ---- security ---- */

static const struct cJSON *setting(const struct container_input *in, const char *name)
{
	const struct cJSON *own =
		json_get(json_get(in->container, STR("securityContext")), str_from(name));

	return own ? own : json_get(json_path(in->pod, "spec.securityContext"), str_from(name));
}

static const struct str *text_list(struct arena *a, const struct cJSON *list, size_t *count)
{
	struct str *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));

	*count = 0;
	json_each (item, list) {
		struct str text = json_str(item);

		if (str_starts(text, STR("CAP_")))
			text = str_skip(text, 4);
		items[(*count)++] = text;
	}
	return items;
}

static void set_groups(
	struct arena *a, const struct container_input *in, struct container_security *out)
{
	const struct cJSON *list = json_path(in->pod, "spec.securityContext.supplementalGroups");
	int64_t *groups =
		arena_alloc(a, (json_count(list) + in->volume_group_count + 2) * sizeof(*groups));
	int64_t group = tree_int(in->pod, "spec.securityContext.fsGroup", -1);

	out->supplemental_groups = groups;
	json_each (item, list)
		if (json_int(item, &groups[out->supplemental_count]))
			out->supplemental_count++;
	if (group >= 0)
		groups[out->supplemental_count++] = group;
	for (size_t i = 0; i < in->volume_group_count; i++)
		groups[out->supplemental_count++] = in->volume_groups[i];
	out->strict_groups = str_eq(
		tree_str(in->pod, "spec.securityContext.supplementalGroupsPolicy"), STR("Strict"));
}

static const struct str masked[] = {STR_INIT("/proc/asound"), STR_INIT("/proc/acpi"),
	STR_INIT("/proc/interrupts"), STR_INIT("/proc/kcore"), STR_INIT("/proc/keys"),
	STR_INIT("/proc/latency_stats"), STR_INIT("/proc/timer_list"),
	STR_INIT("/proc/timer_stats"), STR_INIT("/proc/sched_debug"), STR_INIT("/proc/scsi"),
	STR_INIT("/sys/firmware"), STR_INIT("/sys/devices/virtual/powercap")};
static const struct str read_only[] = {STR_INIT("/proc/bus"), STR_INIT("/proc/fs"),
	STR_INIT("/proc/irq"), STR_INIT("/proc/sys"), STR_INIT("/proc/sysrq-trigger")};

static void set_profiles(const struct container_input *in, struct container_security *out)
{
	const struct cJSON *seccomp = setting(in, "seccompProfile");
	const struct cJSON *apparmor = setting(in, "appArmorProfile");
	struct str kind = tree_str(seccomp, "type");

	if (out->privileged || str_eq(kind, STR("Unconfined")) ||
		(!kind.len && !in->configuration->seccomp_default))
		out->seccomp.kind = SECCOMP_UNCONFINED;
	else if (str_eq(kind, STR("Localhost")))
		out->seccomp.kind = SECCOMP_LOCALHOST;
	out->seccomp.profile = tree_str(seccomp, "localhostProfile");
	if (str_eq(tree_str(apparmor, "type"), STR("Localhost")))
		out->apparmor = tree_str(apparmor, "localhostProfile");
	if (out->privileged || str_eq(json_str(setting(in, "procMount")), STR("Unmasked")))
		return;
	out->masked_paths = masked;
	out->masked_count = ARRAY_LEN(masked);
	out->read_only_paths = read_only;
	out->read_only_count = ARRAY_LEN(read_only);
}

static int check_non_root(struct arena *a, const struct container_input *in,
	const struct container_security *s, struct err *err)
{
	struct str title = pod_title(a, in->pod), name = tree_str(in->container, "name");
	int64_t said;

	if (!json_bool(setting(in, "runAsNonRoot")))
		return 0;
	if (json_int(setting(in, "runAsUser"), &said) && said == 0)
		return err_set(err, ERR_INVALID,
			"container's runAsUser breaks non-root policy (pod: \"%.*s\", container: "
			"%.*s)",
			STRF(title), STRF(name));
	if (s->run_as_user > 0)
		return 0;
	if (s->run_as_user == 0)
		return err_set(err, ERR_INVALID,
			"container has runAsNonRoot and image will run as root (pod: \"%.*s\", "
			"container: %.*s)",
			STRF(title), STRF(name));
	if (in->image->uid < 0 && in->image->user_name.len)
		return err_set(err, ERR_INVALID,
			"container has runAsNonRoot and image has non-numeric user (%.*s), cannot "
			"verify user is non-root (pod: \"%.*s\", container: %.*s)",
			STRF(in->image->user_name), STRF(title), STRF(name));
	return 0;
}

static int set_security(struct arena *a, const struct container_input *in,
	struct container_security *out, struct err *err)
{
	const struct cJSON *own = json_get(in->container, STR("securityContext"));
	const struct cJSON *escalation = json_get(own, STR("allowPrivilegeEscalation"));
	const struct cJSON *capabilities = json_get(own, STR("capabilities"));

	out->run_as_user = out->run_as_group = -1;
	json_int(setting(in, "runAsUser"), &out->run_as_user);
	json_int(setting(in, "runAsGroup"), &out->run_as_group);
	if (out->run_as_user < 0 && in->image->uid >= 0)
		out->run_as_user = in->image->uid;
	else if (out->run_as_user < 0)
		out->run_as_name = in->image->user_name;
	out->privileged = tree_true(own, "privileged");
	out->read_only_root = tree_true(own, "readOnlyRootFilesystem");
	out->no_new_privs = escalation && !json_bool(escalation);
	out->add_capabilities = text_list(a, json_get(capabilities, STR("add")), &out->add_count);
	out->drop_capabilities =
		text_list(a, json_get(capabilities, STR("drop")), &out->drop_count);
	set_groups(a, in, out);
	set_profiles(in, out);
	out->pid = tree_true(in->pod, "spec.hostPID")                 ? NAMESPACE_NODE
		   : tree_true(in->pod, "spec.shareProcessNamespace") ? NAMESPACE_POD
								      : NAMESPACE_CONTAINER;
	if (in->pid_target.len && out->pid == NAMESPACE_CONTAINER) {
		out->pid = NAMESPACE_TARGET;
		out->pid_target = in->pid_target;
	}
	return check_non_root(a, in, out, err);
}

/* ---- the rest ---- */

static const struct str *words(
	struct arena *a, const struct container_input *in, const char *name, size_t *count)
{
	const struct cJSON *list = json_get(in->container, str_from(name));
	struct str *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));

	*count = 0;
	json_each (word, list)
		items[(*count)++] = expand(a, json_str(word), in->env);
	return items;
}

/* "docker.io/library/nginx:latest" */
static struct str full_name(struct arena *a, const struct cJSON *container)
{
	struct image_reference reference;
	struct str said = tree_str(container, "image");

	if (image_reference_parse(a, said, &reference, NULL))
		return said;
	image_reference_default_tag(&reference);
	return image_reference_print(a, &reference);
}

/* What it has, should the kubelet that began it be gone when it is resized. */
static struct str resources_text(struct arena *a, const struct container_input *in)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	const struct cJSON *resources = json_get(in->container, STR("resources"));

	if (!resources)
		return STR("{}");
	json_print(&text, resources, JSON_COMPACT);
	return arena_str(a, buf_str(&text));
}

static void set_labels(
	struct arena *a, const struct container_input *in, struct container_config *out)
{
	struct runtime_pair *labels = arena_alloc(a, 4 * sizeof(*labels));
	struct runtime_pair *notes = arena_alloc(a, 7 * sizeof(*notes));
	struct str grace = arena_print(
		a, "%lld", (long long)tree_int(in->pod, "spec.terminationGracePeriodSeconds", 30));

	labels[0] = (struct runtime_pair){
		STR("io.kubernetes.pod.name"), tree_str(in->pod, "metadata.name")};
	labels[1] = (struct runtime_pair){
		STR("io.kubernetes.pod.namespace"), tree_str(in->pod, "metadata.namespace")};
	labels[2] = (struct runtime_pair){
		STR("io.kubernetes.pod.uid"), tree_str(in->pod, "metadata.uid")};
	labels[3] = (struct runtime_pair){STR("io.kubernetes.container.name"), out->name};
	out->labels = (struct runtime_pairs){labels, 4};
	notes[0] = (struct runtime_pair){STR(ANNOTATION_HASH), container_hash(a, in->container)};
	notes[1] = (struct runtime_pair){
		STR("io.kubernetes.container.restartCount"), arena_print(a, "%u", in->attempt)};
	notes[2] = (struct runtime_pair){STR("io.kubernetes.container.terminationMessagePath"),
		tree_str(in->container, "terminationMessagePath")};
	notes[3] = (struct runtime_pair){STR("io.kubernetes.container.terminationMessagePolicy"),
		tree_str(in->container, "terminationMessagePolicy")};
	notes[4] = (struct runtime_pair){STR("io.kubernetes.pod.terminationGracePeriod"), grace};
	notes[5] = (struct runtime_pair){STR(ANNOTATION_IMAGE), full_name(a, in->container)};
	notes[6] = (struct runtime_pair){STR(ANNOTATION_RESOURCES), resources_text(a, in)};
	out->annotations = (struct runtime_pairs){notes, 7};
}

int container_config_make(struct arena *a, const struct container_input *in,
	struct container_config *out, struct err *err)
{
	*out = (struct container_config){.name = tree_str(in->container, "name"),
		.attempt = in->attempt,
		.image = in->image->id,
		.working_dir = tree_str(in->container, "workingDir"),
		.env = {in->env->items, in->env->count},
		.mounts = in->mounts,
		.mount_count = in->mount_count,
		.stdin = tree_true(in->container, "stdin"),
		.stdin_once = tree_true(in->container, "stdinOnce"),
		.tty = tree_true(in->container, "tty"),
		.termination_path = in->termination_path,
		.stop_signal = tree_str(in->container, "lifecycle.stopSignal")};
	out->command = words(a, in, "command", &out->command_count);
	out->arguments = words(a, in, "args", &out->argument_count);
	out->log_path = arena_print(a, "%.*s/%u.log", STRF(out->name), in->attempt);
	set_labels(a, in, out);
	set_limits(a, in, &out->limits);
	return set_security(a, in, &out->security, err);
}
