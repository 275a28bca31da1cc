/* From steps of rules to expressions of the kernel. */
#ifndef KUBE_LINUX_NFT_EXPR_H
#define KUBE_LINUX_NFT_EXPR_H

#include <kube/nft.h>

/* glibc's own must come before the kernel's. */
#include <netinet/in.h>

#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

struct expr_maker {
	struct nftnl_rule *rule;
	struct arena *arena;
	bool v6;      /* of steps that do not say it themselves */
	bool checked; /* the rule has asked for the family */
};
void expr_add(struct expr_maker *m, const struct nft_step *step);

#endif
