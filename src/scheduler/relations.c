/* How a pod wants to stand to other pods: affinity, anti-affinity, spreading. */
#include "facts_read.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

static struct selector selector_from(struct arena *a, const struct cJSON *tree)
{
	struct selector s = {0};

	/* What the API has accepted can be read; otherwise nothing is meant. */
	if (label_selector_from(a, tree, &s, NULL))
		s.nothing = true;
	return s;
}

static struct pod_term term_from(struct arena *a, const struct pod *p, const struct cJSON *tree)
{
	const struct cJSON *names = json_get(tree, STR("namespaces"));
	const struct cJSON *chosen = json_get(tree, STR("namespaceSelector"));
	struct pod_term t = {.topology = arena_str(a, tree_str(tree, "topologyKey"))};

	t.selector = selector_from(a, json_get(tree, STR("labelSelector")));
	t.by_namespace_selector = chosen;
	if (chosen)
		t.namespace_selector = selector_from(a, chosen);
	t.namespaces = arena_new(a, (json_count(names) + 1) * sizeof(*t.namespaces));
	json_each (name, names)
		t.namespaces[t.namespace_count++] = arena_str(a, json_str(name));
	/* Who names no namespace means the own one. */
	if (!t.namespace_count && !chosen)
		t.namespaces[t.namespace_count++] = p->namespace;
	return t;
}

static void read_terms(
	struct pod *p, const struct cJSON *list, struct pod_terms *terms, bool weighted)
{
	size_t count = json_count(list);

	if (!count)
		return;
	terms->items = arena_new(&p->arena, count * sizeof(*terms->items));
	json_each (item, list) {
		const struct cJSON *term = weighted ? json_get(item, STR("podAffinityTerm")) : item;

		terms->items[terms->count] = term_from(&p->arena, p, term);
		terms->items[terms->count++].weight = tree_int(item, "weight", 0);
	}
}

static void read_affinity(struct pod *p, const struct cJSON *affinity)
{
	static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
	static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
	const struct cJSON *with = json_get(affinity, STR("podAffinity"));
	const struct cJSON *against = json_get(affinity, STR("podAntiAffinity"));

	read_terms(p, json_get(with, str_from(required)), &p->affinity, false);
	read_terms(p, json_get(against, str_from(required)), &p->anti_affinity, false);
	read_terms(p, json_get(with, str_from(preferred)), &p->affinity_wishes, true);
	read_terms(p, json_get(against, str_from(preferred)), &p->anti_affinity_wishes, true);
}

/* Pods of the same revision only: the labels named in matchLabelKeys are asked for as they are. */
static void add_label_keys(struct pod *p, struct selector *s, const struct cJSON *keys)
{
	struct selector_term *terms;

	if (!json_count(keys) || s->nothing)
		return;
	terms = arena_new(&p->arena, (s->count + json_count(keys)) * sizeof(*terms));
	if (s->count)
		memcpy(terms, s->terms, s->count * sizeof(*terms));
	json_each (key, keys) {
		const struct str *value = labels_get(&p->labels, json_str(key));

		if (!value)
			continue;
		struct str *values = arena_copy(&p->arena, value, sizeof(*value));
		terms[s->count++] =
			(struct selector_term){.key = arena_str(&p->arena, json_str(key)),
				.op = SEL_IN,
				.values = values,
				.count = 1};
	}
	s->terms = terms;
}

static void read_spreads(struct pod *p, const struct cJSON *list)
{
	if (!json_count(list))
		return;
	p->spreads = arena_new(&p->arena, json_count(list) * sizeof(*p->spreads));
	json_each (item, list) {
		struct spread *s = &p->spreads[p->spread_count++];

		s->max_skew = tree_int(item, "maxSkew", 1);
		s->min_domains = tree_int(item, "minDomains", 1);
		s->topology = arena_str(&p->arena, tree_str(item, "topologyKey"));
		s->selector = selector_from(&p->arena, json_get(item, STR("labelSelector")));
		add_label_keys(p, &s->selector, json_get(item, STR("matchLabelKeys")));
		s->soft = str_eq_text(tree_str(item, "whenUnsatisfiable"), "ScheduleAnyway");
		s->ignore_affinity = str_eq_text(tree_str(item, "nodeAffinityPolicy"), "Ignore");
		s->honor_taints = str_eq_text(tree_str(item, "nodeTaintsPolicy"), "Honor");
	}
}

void pod_relations_read(struct pod *p, const struct cJSON *spec)
{
	read_affinity(p, json_get(spec, STR("affinity")));
	read_spreads(p, json_get(spec, STR("topologySpreadConstraints")));
}
