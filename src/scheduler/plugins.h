/* All plugins that there are. */
#ifndef KUBE_SCHEDULER_PLUGINS_H
#define KUBE_SCHEDULER_PLUGINS_H

#include "framework.h"

extern const struct plugin plugin_scheduling_gates, plugin_priority_sort, plugin_node_unschedulable,
	plugin_node_name, plugin_taint_toleration, plugin_node_affinity, plugin_node_ports,
	plugin_node_resources_fit, plugin_volume_restrictions, plugin_node_volume_limits,
	plugin_volume_binding, plugin_volume_zone, plugin_pod_topology_spread,
	plugin_inter_pod_affinity, plugin_dynamic_resources, plugin_default_preemption,
	plugin_balanced_allocation, plugin_image_locality, plugin_default_binder;

#endif
