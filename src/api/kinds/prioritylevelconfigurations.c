/* PriorityLevelConfiguration */
#include "flow_rules.h"

#include <math.h>

#define QUEUES_MAX  (10 * 1000 * 1000)
#define ENTROPY_MAX 60

/* ---- queues ---- */

/* Bits of a hash that dealing a hand from the deck of queues uses up. */
static int entropy(int64_t deck, int64_t hand)
{
	return (int)ceil(log2((double)deck) * (double)hand);
}

static void check_hand(struct field_errors *e, const struct path *p, int64_t queues, int64_t hand)
{
	struct path at = PATH(p, "handSize");

	if (hand <= 0)
		field_invalid_int(e, &at, hand, "must be positive");
	else if (hand > queues)
		field_invalid_int(e, &at, hand, "should not be greater than queues (%lld)",
			(long long)queues);
	else if (entropy(queues, hand) > ENTROPY_MAX)
		field_invalid_int(e, &at, hand,
			"required entropy bits of deckSize %lld and handSize %lld should not be "
			"greater than %d",
			(long long)queues, (long long)hand, ENTROPY_MAX);
}

static void check_queuing(struct field_errors *e, const struct path *p, const struct cJSON *queuing)
{
	struct path length_at = PATH(p, "queueLengthLimit"), queues_at = PATH(p, "queues");
	int64_t queues = tree_int(queuing, "queues", 0);
	int64_t length = tree_int(queuing, "queueLengthLimit", 0);

	if (length <= 0)
		field_invalid_int(e, &length_at, length, "must be positive");
	if (queues <= 0)
		field_invalid_int(e, &queues_at, queues, "must be positive");
	else if (queues > QUEUES_MAX)
		field_invalid_int(e, &queues_at, queues, "must not be greater than %d", QUEUES_MAX);
	check_hand(e, p, queues, tree_int(queuing, "handSize", 0));
}

static void check_response(
	struct field_errors *e, const struct path *p, const struct cJSON *response)
{
	static const char *const types[] = {"Queue", "Reject", NULL};
	struct path at = PATH(p, "queuing"), type_at = PATH(p, "type");
	const struct cJSON *queuing = json_get(response, STR("queuing"));
	struct str type = tree_str(response, "type");

	if (str_eq_text(type, "Reject")) {
		if (queuing)
			field_forbidden(
				e, &at, "must be nil if limited.limitResponse.type is not Limited");
	} else if (!str_eq_text(type, "Queue")) {
		field_not_supported_str(e, &type_at, type, types);
	} else if (!queuing) {
		field_required(
			e, &at, "must not be empty if limited.limitResponse.type is Limited");
	} else {
		check_queuing(e, &at, queuing);
	}
}

/* ---- the level ---- */

static void check_shares(struct field_errors *e, const struct path *p, const struct cJSON *level)
{
	struct path at = PATH(p, "nominalConcurrencyShares");
	int64_t shares = tree_int(level, "nominalConcurrencyShares", 0);

	if (shares < 0)
		field_invalid_int(e, &at, shares, "must be a non-negative integer");
}

static void check_lendable(struct field_errors *e, const struct path *p, const struct cJSON *level)
{
	rule_between(e, p, level, "lendablePercent", 0, 100);
}

static void check_limited(struct field_errors *e, const struct path *p, const struct cJSON *limited)
{
	struct path response = PATH(p, "limitResponse"),
		    borrow_at = PATH(p, "borrowingLimitPercent");
	int64_t borrow = tree_int(limited, "borrowingLimitPercent", 0);

	check_shares(e, p, limited);
	check_response(e, &response, json_get(limited, STR("limitResponse")));
	check_lendable(e, p, limited);
	if (borrow < 0)
		field_invalid_int(
			e, &borrow_at, borrow, "if specified, must be a non-negative integer");
}

static void check_type(struct change *c, struct field_errors *e, const struct path *p)
{
	static const char *const types[] = {"Exempt", "Limited", NULL};
	struct path at = PATH(p, "type"), limited_at = PATH(p, "limited");
	struct path exempt_at = PATH(p, "exempt");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *limited = json_get(spec, STR("limited"));
	const struct cJSON *exempt = json_get(spec, STR("exempt"));
	struct str type = tree_str(spec, "type");

	if (str_eq_text(c->name, "exempt") != str_eq_text(type, "Exempt"))
		field_invalid_str(
			e, &at, type, "must be 'Exempt' if and only if `name` is 'exempt'");
	if (str_eq_text(type, "Exempt")) {
		if (limited)
			field_forbidden(e, &limited_at, "must be nil if the type is not Limited");
		check_shares(e, &exempt_at, exempt);
		check_lendable(e, &exempt_at, exempt);
	} else if (str_eq_text(type, "Limited")) {
		if (exempt)
			field_forbidden(e, &exempt_at, "must be nil if the type is Limited");
		if (limited)
			check_limited(e, &limited_at, limited);
		else
			field_required(e, &limited_at, "must not be empty when type is Limited");
	} else {
		field_not_supported_str(e, &at, type, types);
	}
}

static const struct flow_mandatory fixed[] = {
	{"catch-all", "{\"type\":\"Limited\",\"limited\":{\"nominalConcurrencyShares\":5,"
		      "\"limitResponse\":{\"type\":\"Reject\"},\"lendablePercent\":0}}"},
	{NULL, NULL},
};
/* Its member `exempt` is the administrator's. */
static const struct flow_mandatory half_fixed[] = {
	{"exempt", "{\"type\":\"Exempt\"}"},
	{NULL, NULL},
};

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec");
	const struct schema *type = SCHEMA(flowcontrol_v1, PriorityLevelConfigurationSpec);
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	struct cJSON *rest = json_copy(c->arena, spec);

	check_type(c, e, &root);
	check_flow_mandatory(c, e, fixed, spec, type, "");
	tree_drop(rest, "exempt");
	check_flow_mandatory(c, e, half_fixed, rest, type, " except the 'spec.exempt' field");
	check_flow_status(e, c->object);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	check_flow_status(e, c->object);
}

/* ---- defaults ---- */

static void defaults(struct change *c)
{
	struct cJSON *spec = json_get(c->object, STR("spec"));

	if (!str_eq_text(tree_str(spec, "type"), "Exempt"))
		return;
	if (!tree_has(spec, "exempt.nominalConcurrencyShares"))
		tree_set_int(c->arena, spec, "exempt.nominalConcurrencyShares", 0);
	if (!tree_has(spec, "exempt.lendablePercent"))
		tree_set_int(c->arena, spec, "exempt.lendablePercent", 0);
}

const struct strategy strategy_prioritylevelconfigurations = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.update_checks_metadata_once = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
