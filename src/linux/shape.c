/* How much a link may send: one token bucket, which is all that a pod's cable needs. */
#include "route.h"

#include <linux/pkt_sched.h>

/* What is late is kept this long, and then dropped. */
#define PATIENCE_MS 50u
/* Bursts: what a rate allows in this time, yet a whole packet of the kernel's largest. */
#define BURST_MS    100u
#define BURST_LEAST (64u * 1024)
#define BURST_MOST  (256u * 1024 * 1024)

static uint32_t bytes_within(uint64_t rate, uint64_t ms, uint64_t least)
{
	uint64_t bytes = rate / 1000 * ms;

	return (uint32_t)MIN(MAX(bytes, least), (uint64_t)BURST_MOST);
}

int route_limit_rate(struct route *r, uint32_t index, uint64_t bytes_per_second, struct err *err)
{
	struct netlink_message m;
	struct tcmsg *tc;
	struct nlmsghdr *h = netlink_begin(
		&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*tc), (void **)&tc);
	const uint32_t burst = bytes_within(bytes_per_second, BURST_MS, BURST_LEAST);
	/* A rate that needs more bits stands in an attribute of its own. */
	const struct tc_tbf_qopt parameters = {
		.rate = {.rate = (uint32_t)MIN(bytes_per_second, (uint64_t)UINT32_MAX),
			.linklayer = TC_LINKLAYER_ETHERNET},
		.limit = burst + bytes_within(bytes_per_second, PATIENCE_MS, 0)};

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)index;
	tc->tcm_handle = 1u << 16;
	tc->tcm_parent = TC_H_ROOT;
	mnl_attr_put_strz(h, TCA_KIND, "tbf");
	struct nlattr *options = mnl_attr_nest_start(h, TCA_OPTIONS);
	mnl_attr_put(h, TCA_TBF_PARMS, sizeof(parameters), &parameters);
	mnl_attr_put_u32(h, TCA_TBF_BURST, burst);
	if (bytes_per_second > UINT32_MAX)
		mnl_attr_put_u64(h, TCA_TBF_RATE64, bytes_per_second);
	mnl_attr_nest_end(h, options);
	return netlink_call(&r->netlink, h, NULL, NULL, err, "limiting the rate of link %u", index);
}
