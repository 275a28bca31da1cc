/* Which plugins there are, in upstream's order of asking. */
#include "plugins.h"

const struct plugin *const default_plugins[] = {
	&plugin_scheduling_gates,
	&plugin_priority_sort,
	&plugin_node_unschedulable,
	&plugin_node_name,
	&plugin_taint_toleration,
	&plugin_node_affinity,
	&plugin_node_ports,
	&plugin_node_resources_fit,
	&plugin_volume_restrictions,
	&plugin_node_volume_limits,
	&plugin_volume_binding,
	&plugin_volume_zone,
	&plugin_pod_topology_spread,
	&plugin_inter_pod_affinity,
	&plugin_dynamic_resources,
	&plugin_default_preemption,
	&plugin_balanced_allocation,
	&plugin_image_locality,
	&plugin_default_binder,
};
const size_t default_plugin_count = ARRAY_LEN(default_plugins);
_Static_assert(ARRAY_LEN(default_plugins) <= PLUGINS_MAX, "a bit for each");

const struct plugin *plugin_find(struct str name)
{
	for (size_t i = 0; i < default_plugin_count; i++)
		if (str_eq_text(name, default_plugins[i]->name))
			return default_plugins[i];
	return NULL;
}

void profile_init(struct profile *p, struct str name)
{
	*p = (struct profile){.name = name};
	for (size_t i = 0; i < default_plugin_count; i++)
		p->plugins[p->count++] = (struct profile_plugin){.plugin = default_plugins[i],
			.weight = default_plugins[i]->weight,
			.queue = true,
			.filters = true,
			.scores = true,
			.post_filters = true,
			.binds = true};
}
