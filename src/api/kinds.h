/* The strategies, one file a kind in kinds/. */
#ifndef KUBE_API_KINDS_H
#define KUBE_API_KINDS_H

#include "types.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>
#include <kube/selector.h>
#include <kube/strategy.h>

extern const struct strategy strategy_apiservices;
extern const struct strategy strategy_certificatesigningrequests;
extern const struct strategy strategy_clusterrolebindings;
extern const struct strategy strategy_clusterroles;
extern const struct strategy strategy_clustertrustbundles;
extern const struct strategy strategy_configmaps;
extern const struct strategy strategy_controllerrevisions;
extern const struct strategy strategy_cronjobs;
extern const struct strategy strategy_csidrivers;
extern const struct strategy strategy_csinodes;
extern const struct strategy strategy_csistoragecapacities;
extern const struct strategy strategy_customresourcedefinitions;
extern const struct strategy strategy_daemonsets;
extern const struct strategy strategy_deployments;
extern const struct strategy strategy_deviceclasses;
extern const struct strategy strategy_devicetaintrules;
extern const struct strategy strategy_endpoints;
extern const struct strategy strategy_endpointslices;
extern const struct strategy strategy_events;
extern const struct strategy strategy_flowschemas;
extern const struct strategy strategy_horizontalpodautoscalers;
extern const struct strategy strategy_ingressclasses;
extern const struct strategy strategy_ingresses;
extern const struct strategy strategy_ipaddresses;
extern const struct strategy strategy_jobs;
extern const struct strategy strategy_leasecandidates;
extern const struct strategy strategy_leases;
extern const struct strategy strategy_limitranges;
extern const struct strategy strategy_mutatingadmissionpolicies;
extern const struct strategy strategy_mutatingadmissionpolicybindings;
extern const struct strategy strategy_mutatingwebhookconfigurations;
extern const struct strategy strategy_namespaces;
extern const struct strategy strategy_networkpolicies;
extern const struct strategy strategy_nodes;
extern const struct strategy strategy_persistentvolumeclaims;
extern const struct strategy strategy_persistentvolumes;
extern const struct strategy strategy_podcertificaterequests;
extern const struct strategy strategy_poddisruptionbudgets;
extern const struct strategy strategy_podgroups;
extern const struct strategy strategy_podpresets;
extern const struct strategy strategy_pods;
extern const struct strategy strategy_podtemplates;
extern const struct strategy strategy_priorityclasses;
extern const struct strategy strategy_prioritylevelconfigurations;
extern const struct strategy strategy_replicasets;
extern const struct strategy strategy_replicationcontrollers;
extern const struct strategy strategy_resourceclaims;
extern const struct strategy strategy_resourceclaimtemplates;
extern const struct strategy strategy_resourcepoolstatusrequests;
extern const struct strategy strategy_resourcequotas;
extern const struct strategy strategy_resourceslices;
extern const struct strategy strategy_rolebindings;
extern const struct strategy strategy_roles;
extern const struct strategy strategy_runtimeclasses;
extern const struct strategy strategy_secrets;
extern const struct strategy strategy_serviceaccounts;
extern const struct strategy strategy_servicecidrs;
extern const struct strategy strategy_services;
extern const struct strategy strategy_statefulsets;
extern const struct strategy strategy_storageclasses;
extern const struct strategy strategy_storageversionmigrations;
extern const struct strategy strategy_storageversions;
extern const struct strategy strategy_validatingadmissionpolicies;
extern const struct strategy strategy_validatingadmissionpolicybindings;
extern const struct strategy strategy_validatingwebhookconfigurations;
extern const struct strategy strategy_volumeattachments;
extern const struct strategy strategy_volumeattributesclasses;
extern const struct strategy strategy_workloads;

#endif
