/* Reading a pod. */
#include "facts_read.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/pods.h>
#include <kube/time.h>

static void read_ports(struct pod *p, const struct cJSON *containers, bool only_sidecars)
{
	json_each (container, containers) {
		if (only_sidecars && !str_eq_text(tree_str(container, "restartPolicy"), "Always"))
			continue;
		json_each (port, json_get(container, STR("ports"))) {
			int64_t number = tree_int(port, "hostPort", 0);
			struct str ip = tree_str(port, "hostIP");
			struct str protocol = tree_str(port, "protocol");

			if (number <= 0)
				continue;
			struct host_port *grown =
				arena_new(&p->arena, (p->port_count + 1) * sizeof(*p->ports));
			if (p->port_count)
				memcpy(grown, p->ports, p->port_count * sizeof(*grown));
			p->ports = grown;
			bool any = !ip.len || str_eq_text(ip, "0.0.0.0");
			p->ports[p->port_count++] = (struct host_port){
				.protocol =
					protocol.len ? arena_str(&p->arena, protocol) : STR("TCP"),
				.ip = any ? STR("") : arena_str(&p->arena, ip),
				.port = (int)number};
		}
	}
}

static void read_tolerations(struct pod *p, const struct cJSON *list)
{
	p->tolerations = arena_new(&p->arena, (json_count(list) + 1) * sizeof(*p->tolerations));
	json_each (item, list) {
		struct str op = tree_str(item, "operator");

		p->tolerations[p->toleration_count++] =
			(struct toleration){.key = arena_str(&p->arena, tree_str(item, "key")),
				.value = arena_str(&p->arena, tree_str(item, "value")),
				.effect = taint_effect_from(tree_str(item, "effect")),
				.exists = str_eq_text(op, "Exists"),
				.less_greater = str_eq_text(op, "Lt") ? -1 : str_eq_text(op, "Gt")};
	}
}

static void read_node_affinity(struct pod *p, const struct cJSON *affinity)
{
	const struct cJSON *required =
		json_get(affinity, STR("requiredDuringSchedulingIgnoredDuringExecution"));
	const struct cJSON *wishes =
		json_get(affinity, STR("preferredDuringSchedulingIgnoredDuringExecution"));

	if (required) {
		p->node_required = true;
		p->node_terms = node_selector_from(&p->arena, required);
	}
	p->node_wishes = arena_new(&p->arena, (json_count(wishes) + 1) * sizeof(*p->node_wishes));
	json_each (item, wishes) {
		struct node_term *t = &p->node_wishes[p->node_wish_count++];

		*t = node_term_from(&p->arena, json_get(item, STR("preference")));
		t->weight = tree_int(item, "weight", 0);
	}
}

static void read_claims(struct pod *p, const struct cJSON *volumes)
{
	p->claims = arena_new(&p->arena, (json_count(volumes) + 1) * sizeof(*p->claims));
	json_each (volume, volumes) {
		struct str name = tree_str(volume, "persistentVolumeClaim.claimName");

		if (name.len)
			p->claims[p->claim_count++] =
				(struct claim_use){.name = arena_str(&p->arena, name)};
		else if (json_get(volume, STR("ephemeral")))
			p->claims[p->claim_count++] = (struct claim_use){.ephemeral = true,
				.name = arena_print(&p->arena, "%.*s-%.*s", STRF(p->name),
					STRF(tree_str(volume, "name")))};
	}
}

struct str image_name_normal(struct arena *a, struct str name)
{
	if (str_find_last_char(name, ':') <= str_find_last_char(name, '/'))
		return arena_print(a, "%.*s:latest", STRF(name));
	return arena_str(a, name);
}

static void read_images(struct pod *p, const struct cJSON *spec)
{
	const struct cJSON *lists[] = {
		json_get(spec, STR("initContainers")), json_get(spec, STR("containers"))};
	size_t count = json_count(lists[0]) + json_count(lists[1]);

	p->images = arena_new(&p->arena, (count + 1) * sizeof(*p->images));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, lists[i])
			p->images[p->image_count++] =
				image_name_normal(&p->arena, tree_str(container, "image"));
}

static void read_owner(struct pod *p, const struct cJSON *owners)
{
	json_each (owner, owners) {
		if (!tree_true(owner, "controller"))
			continue;
		p->owner_kind = arena_str(&p->arena, tree_str(owner, "kind"));
		p->owner_name = arena_str(&p->arena, tree_str(owner, "name"));
		p->owner_uid = arena_str(&p->arena, tree_str(owner, "uid"));
	}
}

static void read_meta(struct pod *p, const struct cJSON *tree)
{
	struct arena *a = &p->arena;

	p->namespace = arena_str(a, tree_str(tree, "metadata.namespace"));
	p->name = arena_str(a, tree_str(tree, "metadata.name"));
	p->key = arena_print(a, "%.*s/%.*s", STRF(p->namespace), STRF(p->name));
	p->uid = arena_str(a, tree_str(tree, "metadata.uid"));
	p->labels = labels_from(a, json_path(tree, "metadata.labels"));
	p->terminating = tree_has(tree, "metadata.deletionTimestamp");
	if (time_parse(tree_str(tree, "metadata.creationTimestamp"), &p->created, NULL))
		p->created = 0;
	read_owner(p, json_path(tree, "metadata.ownerReferences"));
}

static void read_status(struct pod *p, const struct cJSON *tree)
{
	struct str phase = tree_str(tree, "status.phase");

	p->nominated = arena_str(&p->arena, tree_str(tree, "status.nominatedNodeName"));
	p->finished = str_eq_text(phase, "Succeeded") || str_eq_text(phase, "Failed");
	if (time_parse(tree_str(tree, "status.startTime"), &p->started, NULL))
		p->started = 0;
	json_each (condition, json_path(tree, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "DisruptionTarget") &&
			str_eq_text(tree_str(condition, "status"), "True") &&
			str_eq_text(tree_str(condition, "reason"), "PreemptionByScheduler"))
			p->preempted = true;
}

static void read_needs(struct pod *p, const struct cJSON *tree)
{
	struct amounts sum = {0}, little = {0};

	pod_requests_read(&sum, tree, false);
	p->requests = sched_amounts_keep(&p->arena, &sum);
	p->best_effort = !sum.cpu && !sum.memory && !sum.storage && !sum.scalar_count;
	pod_requests_read(&little, tree, true);
	p->nonzero_cpu = little.cpu;
	p->nonzero_memory = little.memory;
	sched_amounts_done(&sum);
	sched_amounts_done(&little);
}

static void read_spec(struct pod *p, const struct cJSON *spec)
{
	struct arena *a = &p->arena;

	p->node_name = arena_str(a, tree_str(spec, "nodeName"));
	p->scheduler_name = arena_str(a, tree_str(spec, "schedulerName"));
	p->priority = (int32_t)tree_int(spec, "priority", 0);
	p->never_preempts = str_eq_text(tree_str(spec, "preemptionPolicy"), "Never");
	p->node_labels = labels_from(a, json_get(spec, STR("nodeSelector")));
	p->gate_count = json_count(json_get(spec, STR("schedulingGates")));
	p->device_claims = json_count(json_get(spec, STR("resourceClaims")));
	p->container_count = json_count(json_get(spec, STR("containers"))) +
			     json_count(json_get(spec, STR("initContainers")));
	read_ports(p, json_get(spec, STR("containers")), false);
	read_ports(p, json_get(spec, STR("initContainers")), true);
	read_tolerations(p, json_get(spec, STR("tolerations")));
	read_node_affinity(p, json_path(spec, "affinity.nodeAffinity"));
	read_claims(p, json_get(spec, STR("volumes")));
	read_images(p, spec);
	pod_relations_read(p, spec);
}

struct pod *pod_facts_from_tree(const struct cJSON *tree)
{
	struct pod *p = mem_new(sizeof(*p));

	p->refs = 1;
	arena_init_lasting(&p->arena);
	read_meta(p, tree);
	read_status(p, tree);
	read_needs(p, tree);
	read_spec(p, json_get(tree, STR("spec")));
	return p;
}

struct pod *pod_facts_from(struct object *o)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct pod *p = pod_facts_from_tree(object_lean_tree(&a, o));
	p->object = object_ref(o);
	return p;
}

struct pod *pod_facts_ref(struct pod *p)
{
	p->refs++;
	return p;
}

void pod_facts_unref(struct pod *p)
{
	if (!p || --p->refs)
		return;
	object_unref(p->object);
	arena_done(&p->arena);
	mem_free(p);
}

bool pod_tolerates(const struct pod *p, const struct taint *taint)
{
	return tolerations_cover(p->tolerations, p->toleration_count, taint);
}

bool pod_accepts_node(const struct pod *p, const struct labels *labels, struct str name)
{
	for (size_t i = 0; i < p->node_labels.count; i++) {
		const struct label *wanted = &p->node_labels.items[i];
		const struct str *is = labels_get(labels, wanted->key);

		if (!is || !str_eq(*is, wanted->value))
			return false;
	}
	return !p->node_required || node_selector_matches(&p->node_terms, labels, name);
}
