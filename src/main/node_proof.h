/* The certificate by which the API knows the node, when the kubelet has it renewed. */
#ifndef MAIN_NODE_PROOF_H
#define MAIN_NODE_PROOF_H

#include <kube/kubeconfig.h>
#include <kube/kubelet.h>

/*
 * The pair that the last kubelet was given goes before the kubeconfig's, as long as it is valid.
 * Says in the options what is shown, and where its successors are kept: where the kubeconfig has
 * its certificate from, when that is such a file, else beside it. Blocks.
 */
int node_proof_choose(struct arena *a, struct str kubeconfig, struct client_config *config,
	struct kubelet_options *o, struct err *err);

#endif
