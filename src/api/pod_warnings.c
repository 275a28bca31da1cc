/* What a pod's author should hear of: the deprecated, the ineffective, the repeated. */
#include "pod_update.h"

#define TEXT(c, p) STRF(path_text((c)->arena, (p)))

static struct str path_text(struct arena *a, const struct path *p)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	path_print(&text, p);
	return arena_str(a, buf_str(&text));
}

/* ---- labels of nodes ---- */

static const char *const old_labels[][3] = {
	{"beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"},
	{"beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"},
	{"failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"},
	{"failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"},
	{"beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"},
};

/* `name`: the label stands in the value, and is named before what is said of it. */
static void warn_label(struct change *c, const struct path *at, struct str label, bool name)
{
	for (size_t i = 0; i < ARRAY_LEN(old_labels); i++)
		if (str_eq_text(label, old_labels[i][0]))
			change_warn(c, "%.*s: %.*s%sdeprecated since %s; use \"%s\" instead",
				TEXT(c, at), STRF(name ? label : STR("")), name ? " is " : "",
				old_labels[i][1], old_labels[i][2]);
}

static void warn_term(struct change *c, const struct path *p, const struct cJSON *term)
{
	struct path list_at = PATH(p, "matchExpressions");
	size_t i = 0;

	json_each (rq, json_get(term, STR("matchExpressions"))) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "key");

		warn_label(c, &at, tree_str(rq, "key"), true);
	}
}

#define REQUIRED  "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

static void warn_nodes(struct change *c, const struct path *p, const struct cJSON *affinity)
{
	struct path required = PATH(p, REQUIRED), terms = PATH(&required, "nodeSelectorTerms");
	struct path preferred = PATH(p, PREFERRED);
	size_t i = 0;

	json_each (term, json_path(affinity, REQUIRED ".nodeSelectorTerms")) {
		struct path at = PATH_INDEX(&terms, i++);

		warn_term(c, &at, term);
	}
	i = 0;
	json_each (wish, json_path(affinity, PREFERRED)) {
		struct path item = PATH_INDEX(&preferred, i++), at = PATH(&item, "preference");

		warn_term(c, &at, json_get(wish, STR("preference")));
	}
}

static void warn_selector(struct change *c, const struct path *p, const struct cJSON *o)
{
	struct path labels = PATH(p, "labelSelector");

	if (!json_get(o, STR("labelSelector")))
		change_warn(c, "%.*s: a null labelSelector results in matching no pod",
			TEXT(c, &labels));
}

static void warn_pods(struct change *c, const struct path *p, const struct cJSON *affinity)
{
	struct path required = PATH(p, REQUIRED), preferred = PATH(p, PREFERRED);
	size_t i = 0;

	json_each (term, json_path(affinity, REQUIRED)) {
		struct path at = PATH_INDEX(&required, i++);

		warn_selector(c, &at, term);
	}
	i = 0;
	json_each (wish, json_path(affinity, PREFERRED)) {
		struct path item = PATH_INDEX(&preferred, i++), at = PATH(&item, "podAffinityTerm");

		warn_selector(c, &at, json_get(wish, STR("podAffinityTerm")));
	}
}

static void warn_affinity(struct change *c, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "affinity"), nodes = PATH(&at, "nodeAffinity");
	struct path pods = PATH(&at, "podAffinity"), anti = PATH(&at, "podAntiAffinity");

	warn_nodes(c, &nodes, json_path(spec, "affinity.nodeAffinity"));
	warn_pods(c, &pods, json_path(spec, "affinity.podAffinity"));
	warn_pods(c, &anti, json_path(spec, "affinity.podAntiAffinity"));
}

static void warn_placement(struct change *c, const struct path *p, const struct cJSON *spec)
{
	struct path selector = PATH(p, "nodeSelector"),
		    list_at = PATH(p, "topologySpreadConstraints");
	size_t i = 0;

	json_each (label, json_get(spec, STR("nodeSelector"))) {
		struct path at = PATH_KEY(&selector, json_key(label));

		warn_label(c, &at, json_key(label), false);
	}
	json_each (constraint, json_get(spec, STR("topologySpreadConstraints"))) {
		struct path item = PATH_INDEX(&list_at, i++), key = PATH(&item, "topologyKey");

		warn_label(c, &key, tree_str(constraint, "topologyKey"), true);
		warn_selector(c, &item, constraint);
	}
}

/* ---- what repeats itself ---- */

static void warn_aliases(struct change *c, const struct path *p, const struct cJSON *spec)
{
	struct path aliases = PATH(p, "hostAliases"), secrets = PATH(p, "imagePullSecrets");
	const struct cJSON *list = json_get(spec, STR("hostAliases"));
	size_t i = 0;

	json_each (alias, list) {
		struct path item = PATH_INDEX(&aliases, i), at = PATH(&item, "ip");

		if (rule_came_before(list, i++, "ip", tree_str(alias, "ip")))
			change_warn(c, "%.*s: duplicate ip \"%.*s\"", TEXT(c, &at),
				STRF(tree_str(alias, "ip")));
	}
	i = 0;
	list = json_get(spec, STR("imagePullSecrets"));
	json_each (secret, list) {
		struct path item = PATH_INDEX(&secrets, i), at = PATH(&item, "name");
		struct str name = tree_str(secret, "name");

		if (!name.len)
			change_warn(c, "%.*s: invalid empty name \"\"", TEXT(c, &at));
		else if (rule_came_before(list, i, "name", name))
			change_warn(c, "%.*s: duplicate name \"%.*s\"", TEXT(c, &at), STRF(name));
		i++;
	}
}

static void warn_volumes(struct change *c, const struct path *p, const struct cJSON *spec)
{
	static const char *const gone[][3] = {
		{"cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"},
		{"rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"},
		{"photonPersistentDisk", "photonPersistentDisk",
			"deprecated in v1.11, non-functional in v1.16+"},
		{"gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"},
		{"scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
		{"flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"},
		{"storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"},
		{"quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"},
		{"glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
	};
	struct path list_at = PATH(p, "volumes");
	size_t i = 0;

	json_each (volume, json_get(spec, STR("volumes"))) {
		struct path item = PATH_INDEX(&list_at, i++);
		bool empty = false;

		for (size_t g = 0; g < ARRAY_LEN(gone); g++) {
			struct path at = PATH(&item, gone[g][1]);

			if (tree_has(volume, gone[g][0]))
				change_warn(c, "%.*s: %s", TEXT(c, &at), gone[g][2]);
		}
		json_each (source, json_path(volume, "projected.sources"))
			empty |= json_count(source) == 0;
		if (empty)
			change_warn(c, "volume \"%.*s\" (Projected) has no sources provided",
				STRF(tree_str(volume, "name")));
	}
}

static void warn_amounts(
	struct change *c, const struct path *p, const struct cJSON *resources, const char *name)
{
	struct path list_at = PATH(p, name);

	json_each (amount, json_get(resources, str_from(name))) {
		struct path at = PATH_KEY(&list_at, json_key(amount));
		bool bytes = str_eq_text(json_key(amount), "memory") ||
			     str_eq_text(json_key(amount), "ephemeral-storage");
		struct quantity q;

		if (bytes && !quantity_parse(json_str(amount), &q, NULL) &&
			(!quantity_is_whole(q) || quantity_is_capped(q)))
			change_warn(c,
				"%.*s: fractional byte value \"%.*s\" is invalid, must be an "
				"integer",
				TEXT(c, &at), STRF(json_str(amount)));
	}
}

static void warn_env(struct change *c, const struct path *p, const struct cJSON *container)
{
	struct path list_at = PATH(p, "env");
	const struct cJSON *list = json_get(container, STR("env"));
	_cleanup_(rule_index_done) struct rule_index names;
	size_t i = 0;

	rule_index_init(&names, list, "name");
	json_each (env, list) {
		struct path at = PATH_INDEX(&list_at, i);
		struct str name = tree_str(env, "name");

		if (rule_index_before(&names, i++, name))
			change_warn(c,
				"%.*s: hides previous definition of \"%.*s\", which may be dropped "
				"when using apply",
				TEXT(c, &at), STRF(name));
	}
}

/* Where a name, or all of a port in its container, was seen first. */
struct port_places {
	struct map names, ports; /* → struct port_place in the arena */
};
struct port_place {
	size_t container;
	struct str path;
};

static struct port_place *note_place(
	struct change *c, struct map *places, struct str key, size_t container, struct str path)
{
	struct port_place *first = map_get(places, key);

	if (first)
		return first;
	first = arena_alloc(c->arena, sizeof(*first));
	*first = (struct port_place){container, path};
	map_set(places, key, first);
	return NULL;
}

/* The first port before this one that it collides with: by name elsewhere, or as a whole here. */
static void warn_port(struct change *c, struct port_places *seen, size_t container,
	const struct cJSON *port, const struct path *at)
{
	struct str name = tree_str(port, "name"), path = path_text(c->arena, at);
	struct str whole = arena_print(c->arena, "%zu %lld/%.*s/%lld/%.*s", container,
		(long long)tree_int(port, "containerPort", 0), STRF(tree_str(port, "protocol")),
		(long long)tree_int(port, "hostPort", 0), STRF(tree_str(port, "hostIP")));
	const struct port_place *same = note_place(c, &seen->ports, whole, container, path);
	const struct port_place *named =
		name.len ? note_place(c, &seen->names, name, container, path) : NULL;

	if (named && named->container != container)
		change_warn(c,
			"%.*s: duplicate port name \"%.*s\" with %.*s, services and probes that "
			"select ports by name will use %.*s",
			STRF(path), STRF(name), STRF(named->path), STRF(named->path));
	else if (same)
		change_warn(c, "%.*s: duplicate port definition with %.*s", STRF(path),
			STRF(same->path));
}

static void warn_host_ip(struct change *c, const struct path *at, const struct cJSON *port)
{
	if (tree_str(port, "hostIP").len && !tree_int(port, "hostPort", 0))
		change_warn(c,
			"%.*s: hostIP set without hostPort: {Name:%.*s HostPort:0 "
			"ContainerPort:%lld Protocol:%.*s HostIP:%.*s}",
			TEXT(c, at), STRF(tree_str(port, "name")),
			(long long)tree_int(port, "containerPort", 0),
			STRF(tree_str(port, "protocol")), STRF(tree_str(port, "hostIP")));
}

static void warn_containers(
	struct change *c, const struct path *p, const struct cJSON *spec, const char *name)
{
	struct path list_at = PATH(p, name);
	const struct cJSON *list = json_get(spec, str_from(name));
	struct port_places seen = {0};
	size_t i = 0;

	json_each (container, list) {
		struct path at = PATH_INDEX(&list_at, i++), resources = PATH(&at, "resources");
		struct path ports = PATH(&at, "ports");
		size_t j = 0;

		warn_amounts(c, &resources, json_get(container, STR("resources")), "limits");
		warn_amounts(c, &resources, json_get(container, STR("resources")), "requests");
		warn_env(c, &at, container);
		json_each (port, json_get(container, STR("ports"))) {
			struct path port_at = PATH_INDEX(&ports, j++);

			warn_port(c, &seen, i - 1, port, &port_at);
			warn_host_ip(c, &port_at, port);
		}
	}
	map_done(&seen.names);
	map_done(&seen.ports);
}

/* ---- annotations ---- */

static void warn_annotations(struct change *c, const struct path *p, const struct cJSON *list)
{
	static const char *const apparmor = "container.apparmor.security.beta.kubernetes.io/";

	json_each (annotation, list) {
		struct path at = PATH_KEY(p, json_key(annotation));

		if (str_starts(json_key(annotation), str_from(apparmor)))
			change_warn(c,
				"%.*s: deprecated since v1.30; use the \"appArmorProfile\" field "
				"instead",
				TEXT(c, &at));
		else if (str_starts(json_key(annotation),
				 STR("seccomp.security.alpha.kubernetes.io/pod")) ||
			 str_starts(json_key(annotation),
				 STR("container.seccomp.security.alpha.kubernetes.io/")))
			change_warn(c,
				"%.*s: non-functional in v1.27+; use the \"seccompProfile\" field "
				"instead",
				TEXT(c, &at));
	}
}

/* ---- all of it ---- */

void pod_warn_template(struct change *c, const struct path *p, const struct cJSON *tmpl)
{
	struct path spec_at = PATH(p, "spec"), meta = PATH(p, "metadata");
	struct path annotations = PATH(&meta, "annotations");
	struct path grace = PATH(&spec_at, "terminationGracePeriodSeconds");
	const struct cJSON *spec = json_get(tmpl, STR("spec"));

	warn_placement(c, &spec_at, spec);
	warn_affinity(c, &spec_at, spec);
	pod_warn_overlaps(c, spec);
	warn_aliases(c, &spec_at, spec);
	warn_volumes(c, &spec_at, spec);
	warn_annotations(c, &annotations, json_path(tmpl, "metadata.annotations"));
	warn_containers(c, &spec_at, spec, "initContainers");
	warn_containers(c, &spec_at, spec, "containers");
	warn_containers(c, &spec_at, spec, "ephemeralContainers");
	if (tree_int(spec, "terminationGracePeriodSeconds", 0) < 0)
		change_warn(c,
			"%.*s: must be >= 0; negative values are invalid and will be treated as 1",
			TEXT(c, &grace));
}

/* An object that changes no pod's behaviour has nothing new to hear. */
void pod_warn(struct change *c)
{
	if (c->old && json_equal(json_get(c->object, STR("spec")), json_get(c->old, STR("spec"))))
		return;
	pod_warn_template(c, NULL, c->object);
}
