/* CertificateSigningRequest */
#include "certificate_rules.h"

#include <kube/time.h>
#include <kube/x509.h>

#define EXPIRATION_MIN 600
#define LEGACY_SIGNER  "kubernetes.io/legacy-unknown"

/* ---- what is asked for ---- */

static struct str request_fault(struct arena *a, struct str request)
{
	_cleanup_(err_done) struct err err = {0};
	struct str label, der, fault = STR("");
	struct cert *csr = NULL;

	if (!pem_first(a, request, &label, &der) || !str_eq_text(label, "CERTIFICATE REQUEST"))
		return STR("PEM block type must be CERTIFICATE REQUEST");
	if (csr_parse_der(der, &csr, &err) || csr_check_signature(csr, &err))
		fault = arena_str(a, str_from(err_text(&err)));
	cert_unref(csr);
	return fault;
}

/* What the old one got away with, the new one may keep. */
struct leniency {
	bool legacy_signer, unknown_usages, repeated_usages, repeated_types, empty_type, both;
	bool any_certificate;
};

static const char *const usages[] = {"any", "cert sign", "client auth", "code signing",
	"content commitment", "crl sign", "data encipherment", "decipher only", "digital signature",
	"email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user",
	"key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing",
	"s/mime", "server auth", "signing", "timestamping", NULL};

static void check_usages(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct leniency *l)
{
	struct path list_at = PATH(p, "usages");
	const struct cJSON *list = json_get(spec, STR("usages"));
	size_t i = 0;

	rule_some(e, p, spec, "usages");
	json_each (usage, list) {
		struct path at = PATH_INDEX(&list_at, i++);

		if (!l->unknown_usages && !rule_is_one_of(json_str(usage), usages))
			field_not_supported_str(e, &at, json_str(usage), usages);
	}
	i = 0;
	json_each (usage, list) {
		struct path at = PATH_INDEX(&list_at, i);

		if (!l->repeated_usages && rule_came_before(list, i, NULL, json_str(usage)))
			field_duplicate_str(e, &at, json_str(usage));
		i++;
	}
}

static void check_spec(struct field_errors *e, const struct cJSON *spec, const struct leniency *l)
{
	struct path p = PATH(NULL, "spec"), request_at = PATH(&p, "request");
	struct path signer_at = PATH(&p, "signerName"), expires_at = PATH(&p, "expirationSeconds");
	const struct cJSON *request = json_get(spec, STR("request"));
	struct str fault = request_fault(e->arena, json_str(request));
	struct str signer = tree_str(spec, "signerName");
	int64_t seconds;

	if (fault.len)
		field_invalid(e, &request_at, request, "%.*s", STRF(fault));
	check_usages(e, &p, spec, l);
	if (!l->legacy_signer && str_eq_text(signer, LEGACY_SIGNER))
		field_invalid_str(e, &signer_at, signer,
			"the legacy signerName is not allowed via this API version");
	else
		check_signer_name(e, &signer_at, signer);
	if (json_int(json_get(spec, STR("expirationSeconds")), &seconds) &&
		seconds < EXPIRATION_MIN)
		field_invalid_int(e, &expires_at, seconds,
			"may not specify a duration less than 600 seconds (10 minutes)");
}

/* ---- what was decided ---- */

static bool is_decision(struct str type)
{
	return str_eq_text(type, "Approved") || str_eq_text(type, "Denied");
}

static void check_condition(struct field_errors *e, const struct path *at,
	const struct cJSON *condition, const struct leniency *l)
{
	static const char *const only_true[] = {"True", NULL};
	static const char *const any[] = {"False", "True", "Unknown", NULL};
	struct str type = tree_str(condition, "type");
	bool final = is_decision(type) || str_eq_text(type, "Failed");

	if (!l->empty_type)
		rule_text(e, at, condition, "type");
	rule_choice_required(e, at, condition, "status", final ? only_true : any);
}

static void check_conditions(
	struct field_errors *e, const struct cJSON *csr, const struct leniency *l)
{
	struct path status = PATH(NULL, "status"), p = PATH(&status, "conditions");
	const struct cJSON *list = json_path(csr, "status.conditions");
	struct str first = STR("");
	size_t i = 0;

	json_each (condition, list) {
		struct path at = PATH_INDEX(&p, i), type_at = PATH(&at, "type");
		struct str type = tree_str(condition, "type");

		check_condition(e, &at, condition, l);
		if (is_decision(type)) {
			if (!l->both && first.len && !str_eq(first, type))
				field_invalid_str(e, &p, type,
					"Approved and Denied conditions are mutually exclusive");
			first = type;
		}
		if (!l->repeated_types && rule_came_before(list, i, "type", type))
			field_duplicate_str(e, &type_at, type);
		i++;
	}
}

static void check_all(struct field_errors *e, const struct cJSON *csr, const struct leniency *l)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "certificate");
	const char *fault = l->any_certificate ? NULL
					       : certificate_fault(e->arena,
							 tree_str(csr, "status.certificate"));

	check_spec(e, json_get(csr, STR("spec")), l);
	check_conditions(e, csr, l);
	if (fault)
		field_invalid_str(e, &at, STR("<certificate data>"), "%s", fault);
}

/* The beta asked for less. */
static struct leniency leniency_of_version(const struct change *c)
{
	bool beta = c->requested && str_eq_text(c->requested->version, "v1beta1");

	return (struct leniency){.legacy_signer = beta,
		.unknown_usages = beta,
		.repeated_usages = beta,
		.repeated_types = beta,
		.empty_type = beta,
		.any_certificate = beta};
}

static void validate(struct change *c, struct field_errors *e)
{
	struct leniency l = leniency_of_version(c);

	check_all(e, c->object, &l);
}

/* ---- updates ---- */

static bool has_condition(const struct cJSON *csr, const char *type)
{
	json_each (condition, json_path(csr, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return true;
	return false;
}

static struct leniency leniency_of(const struct change *c)
{
	struct leniency l = leniency_of_version(c);
	const struct cJSON *conditions = json_path(c->old, "status.conditions");
	const struct cJSON *list = json_path(c->old, "spec.usages");
	size_t i = 0;

	l.both = has_condition(c->old, "Approved") && has_condition(c->old, "Denied");
	l.legacy_signer |= str_eq_text(tree_str(c->old, "spec.signerName"), LEGACY_SIGNER);
	l.any_certificate |= str_eq(
		tree_str(c->old, "status.certificate"), tree_str(c->object, "status.certificate"));
	json_each (condition, conditions) {
		struct str type = tree_str(condition, "type");

		l.repeated_types |= rule_came_before(conditions, i++, "type", type);
		l.empty_type |= !type.len;
	}
	i = 0;
	json_each (usage, list) {
		l.unknown_usages |= !rule_is_one_of(json_str(usage), usages);
		l.repeated_usages |= rule_came_before(list, i++, NULL, json_str(usage));
	}
	return l;
}

/* The conditions of one type, in order. */
static struct cJSON *conditions_of(struct arena *a, const struct cJSON *csr, const char *type)
{
	struct cJSON *found = json_new(a, JSON_ARRAY);

	json_each (condition, json_path(csr, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			json_append(found, json_copy(a, condition));
	return found;
}

static void check_kept(struct change *c, struct field_errors *e, const struct path *at,
	const char *type, bool removals)
{
	struct cJSON *now = conditions_of(c->arena, c->object, type);
	struct cJSON *old = conditions_of(c->arena, c->old, type);
	const char *what = NULL;

	if (removals && json_count(now) < json_count(old))
		what = "remove";
	else if (!removals && json_count(now) > json_count(old))
		what = "add";
	else if (!removals && json_count(now) == json_count(old) && !json_equal(now, old))
		what = "modify";
	if (what)
		field_forbidden(e, at, "updates may not %s a condition of type \"%s\"", what, type);
}

enum csr_part { PART_OBJECT, PART_STATUS, PART_APPROVAL };

static void check_update(struct change *c, struct field_errors *e, enum csr_part part)
{
	static const char *const final[] = {"Approved", "Denied", "Failed"};
	struct path status = PATH(NULL, "status"), conditions = PATH(&status, "conditions");
	struct path certificate = PATH(&status, "certificate");
	struct leniency l = leniency_of(c);
	struct str old = tree_str(c->old, "status.certificate");

	check_all(e, c->object, &l);
	for (size_t i = 0; i < ARRAY_LEN(final); i++)
		check_kept(c, e, &conditions, final[i], true);
	for (size_t i = 0; i < 2 && part != PART_APPROVAL; i++)
		check_kept(c, e, &conditions, final[i], false);
	if (str_eq(old, tree_str(c->object, "status.certificate")))
		return;
	if (part != PART_STATUS)
		field_forbidden(e, &certificate, "updates may not set certificate content");
	else if (old.len)
		field_forbidden(
			e, &certificate, "updates may not modify existing certificate content");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	check_update(c, e, PART_OBJECT);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	check_update(c, e, PART_STATUS);
}

static void validate_approval(struct change *c, struct field_errors *e)
{
	check_update(c, e, PART_APPROVAL);
}

/* ---- preparation ---- */

/* Who asks for it is what the server knows, not what the client says. */
static void prepare_create(struct change *c)
{
	static const char *const members[] = {"username", "uid", "groups", "extra", NULL};
	struct cJSON *spec = json_get(c->object, STR("spec"));

	for (size_t i = 0; spec && members[i]; i++) {
		const struct cJSON *value = json_get(c->user_info, str_from(members[i]));

		tree_set(c->arena, spec, members[i], value ? json_copy(c->arena, value) : NULL);
	}
}

static void keep(struct change *c, const char *path)
{
	const struct cJSON *old = json_path(c->old, path);

	tree_set(c->arena, c->object, path, old ? json_copy(c->arena, old) : NULL);
}

static void prepare_update(struct change *c)
{
	keep(c, "spec");
}

/* The time a condition of the same type and status changed; else now. */
static struct str transition(const struct change *c, const struct cJSON *condition, struct str now)
{
	json_each (old, json_path(c->old, "status.conditions")) {
		struct str time = tree_str(old, "lastTransitionTime");

		if (time.len && str_eq(tree_str(old, "type"), tree_str(condition, "type")) &&
			str_eq(tree_str(old, "status"), tree_str(condition, "status")))
			return time;
	}
	return now;
}

static void set_times(struct change *c)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	time_print(&now, c->now / SEC * SEC);
	json_each (condition, json_path(c->object, "status.conditions")) {
		if (!tree_has(condition, "lastUpdateTime"))
			tree_set_str(c->arena, condition, "lastUpdateTime", buf_str(&now));
		if (!tree_has(condition, "lastTransitionTime"))
			tree_set_str(c->arena, condition, "lastTransitionTime",
				transition(c, condition, buf_str(&now)));
	}
}

/* Conditions are all that may change here. */
static void prepare_approval(struct change *c)
{
	struct cJSON *conditions = json_path(c->object, "status.conditions");
	struct cJSON *given = conditions ? json_copy(c->arena, conditions) : NULL;

	keep(c, "spec");
	keep(c, "status");
	if (!tree_has(c->object, "status"))
		tree_set(c->arena, c->object, "status", json_new(c->arena, JSON_OBJECT));
	tree_set(c->arena, c->object, "status.conditions", given);
	set_times(c);
}

static const struct part_strategy parts[] = {
	{.name = "approval", .prepare = prepare_approval, .validate = validate_approval},
	{.name = NULL},
};

static const char *const labels[] = {"spec.signerName", NULL};

const struct strategy strategy_certificatesigningrequests = {
	.name_rule = name_check_path_segment,
	.unconditional = true,
	.drops_status = true,
	.untracked = true,
	.records_user = true,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
	.prepare_status = set_times,
	.validate_status = validate_status,
	.parts = parts,
	.field_labels = labels,
};
