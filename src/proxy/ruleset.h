/*
 * What is in the kernel, service by service, and the batches that change it. Of rules a digest is
 * kept, not the rules: they are compiled anew when they are wanted.
 */
#ifndef KUBE_PROXY_RULESET_H
#define KUBE_PROXY_RULESET_H

#include "classes.h"
#include "memories.h"

#include <kube/map.h>

struct installed;

struct ruleset {
	struct map services; /* "namespace/name" → struct installed */
	struct map owners;   /* of addresses, by their key → the installed that has it */
	struct map hairpins; /* endpoint → how many services lead there */
	struct classes classes;
	struct memories memories;
	struct proxy_node node;
	/* Of what the batch at hand changes: address and port → struct datagram_path in its arena.
	 */
	struct map paths;
	/* services of a Local policy whose endpoints are all elsewhere */
	size_t no_local_inside, no_local_outside;
	bool contested; /* somebody wants an element that another has */
	bool let_go;    /* and perhaps it was given back: everybody is to be looked at again */
};

void ruleset_init(struct ruleset *r);
void ruleset_done(struct ruleset *r);
/*
 * Adds to the batch what makes of the service what `fresh` says (NULL: it is gone), and takes it
 * as done. What the batch points to is in its arena or in that of `fresh`.
 */
void ruleset_change(
	struct ruleset *r, struct nft_batch *batch, struct str key, struct compiled *fresh);
/* When all that is to change has been said: adds what several services share. */
void ruleset_settle(struct ruleset *r, struct nft_batch *batch);
/* Begins a batch that replaces the table: forgets all, adds the base. */
void ruleset_restart(struct ruleset *r, struct nft_batch *batch, const struct base_options *o);
/*
 * The same, over a table that has these chains: where it is of the same form, whoever is remembered
 * stays remembered.
 */
void ruleset_restart_over(struct ruleset *r, struct nft_batch *batch, const struct base_options *o,
	const struct str *chains, size_t count);
/*
 * Does the kernel remember for datagrams to that address somebody whom the services of the batch
 * at hand do not lead to? What it is asked about belongs to the batch's arena.
 */
bool ruleset_leads_elsewhere(const struct ruleset *r, const struct ip *destination, uint16_t port,
	const struct ip *chosen);
void ruleset_forget_paths(struct ruleset *r);
#endif
