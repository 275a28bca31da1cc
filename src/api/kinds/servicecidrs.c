/* ServiceCIDR */
#include "ip_rules.h"
#include "kinds.h"

#define CIDRS_MAX 2 /* one an address family */

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), cidrs = PATH(&spec, "cidrs");
	const struct cJSON *list = json_path(c->object, "spec.cidrs");
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct cidr found[CIDRS_MAX];
	size_t i = 0, good = 0;

	if (!json_count(list)) {
		field_required(e, &cidrs, "at least one CIDR required");
		return;
	}
	if (json_count(list) > CIDRS_MAX) {
		api_print_go(&text, SCHEMA(networking_v1, ServiceCIDRSpec),
			json_get(c->object, STR("spec")));
		field_invalid_raw(e, &cidrs, buf_str(&text), "may only hold up to 2 values");
		return;
	}
	json_each (item, list) {
		struct path at = PATH_INDEX(&cidrs, i++);

		good += check_cidr_canonical(e, &at, json_str(item), &found[good]);
	}
	if (good == CIDRS_MAX && found[0].ip.len == found[1].ip.len)
		field_invalid(e, &cidrs, list,
			"may specify no more than one IP for each IP family, i.e 192.168.0.0/24 "
			"and 2001:db8::/64");
}

/* A second family may be added or taken away; what stays must be what it was. */
static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), cidrs = PATH(&spec, "cidrs");
	const struct cJSON *old = json_path(c->old, "spec.cidrs");
	size_t i = 0;

	json_each (item, json_path(c->object, "spec.cidrs")) {
		struct path at = PATH_INDEX(&cidrs, i);
		const struct cJSON *was = json_at(old, i++);

		if (was && !json_equal(item, was))
			field_invalid_str(e, &at, json_str(item), "field is immutable");
	}
	if (json_count(old) != json_count(json_path(c->object, "spec.cidrs")))
		validate(c, e);
}

const struct strategy strategy_servicecidrs = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.status_keeps_metadata = true,
	.validate = validate,
	.validate_update = validate_update,
};
