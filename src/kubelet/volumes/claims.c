#include "claims.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

static void drop(struct volume_claim *claim)
{
	arena_done(&claim->arena);
	arena_done(&claim->answers);
	mem_free(claim);
}

void claims_done(struct volume_claims *c)
{
	for (size_t i = 0; i < c->count; i++)
		drop(c->items[i]);
	mem_free(c->items);
	*c = (struct volume_claims){0};
}

struct volume_claim *claims_find(const struct volume_claims *c, struct str volume)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_eq(c->items[i]->volume, volume))
			return c->items[i];
	return NULL;
}

static void add(struct volume_claims *c, const struct cJSON *pod, const struct cJSON *volume)
{
	const struct cJSON *said = json_get(volume, STR("persistentVolumeClaim"));
	struct str name = tree_str(volume, "name");
	struct volume_claim *claim = mem_new(sizeof(*claim));

	arena_init(&claim->arena);
	arena_init(&claim->answers);
	claim->volume = arena_str(&claim->arena, name);
	claim->namespace = arena_str(&claim->arena, tree_str(pod, "metadata.namespace"));
	claim->ephemeral = !said;
	claim->read_only = tree_true(said, "readOnly");
	claim->group = -1;
	claim->name = said ? arena_str(&claim->arena, tree_str(said, "claimName"))
			   : arena_print(&claim->arena, "%.*s-%.*s",
				     STRF(tree_str(pod, "metadata.name")), STRF(name));
	c->items = mem_resize(c->items, (c->count + 1) * sizeof(struct volume_claim *));
	c->items[c->count++] = claim;
}

void claims_want(struct volume_claims *c, const struct cJSON *pod)
{
	json_each (volume, json_path(pod, "spec.volumes")) {
		struct volume_claim *claim = claims_find(c, tree_str(volume, "name"));

		if (claim && claim->state == CLAIM_FAILED) {
			claim->state = CLAIM_ASK;
			arena_reset(&claim->answers);
			claim->persistent = claim->uid = claim->problem = STR("");
		} else if (!claim && (tree_has(volume, "persistentVolumeClaim") ||
					     tree_has(volume, "ephemeral"))) {
			add(c, pod, volume);
		}
	}
}

struct volume_claim *claims_next(const struct volume_claims *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i]->state == CLAIM_ASK || c->items[i]->state == CLAIM_ASK_VOLUME)
			return c->items[i];
	return NULL;
}

void claim_wanted(const struct volume_claim *claim, const struct resource **resource,
	struct str *namespace, struct str *name)
{
	bool volume = claim->state == CLAIM_ASK_VOLUME;

	*resource = resource_find(STR(""), STR("v1"),
		volume ? STR("persistentvolumes") : STR("persistentvolumeclaims"));
	*namespace = volume ? STR("") : claim->namespace;
	*name = volume ? claim->persistent : claim->name;
}

/* ---- answers ---- */

static int is_for_pod(const struct volume_claim *claim, const struct cJSON *pod,
	const struct cJSON *answer, struct err *err)
{
	struct str uid = tree_str(pod, "metadata.uid");

	json_each (owner, json_path(answer, "metadata.ownerReferences"))
		if (tree_true(owner, "controller") && str_eq(tree_str(owner, "uid"), uid))
			return 0;
	return err_set(err, ERR_INVALID,
		"PVC %.*s/%.*s was not created for pod %.*s/%.*s (pod is not owner)",
		STRF(claim->namespace), STRF(claim->name), STRF(claim->namespace),
		STRF(tree_str(pod, "metadata.name")));
}

static int take_claim(struct volume_claim *claim, const struct cJSON *pod,
	const struct cJSON *answer, struct err *err)
{
	if (tree_str(answer, "metadata.deletionTimestamp").len)
		return err_set(err, ERR_CONFLICT, "PVC is being deleted");
	if (!str_eq(tree_str(answer, "status.phase"), STR("Bound")))
		return err_set(err, ERR_UNAVAILABLE, "PVC is not bound");
	claim->persistent = arena_str(&claim->answers, tree_str(answer, "spec.volumeName"));
	if (!claim->persistent.len)
		return err_set(err, ERR_UNAVAILABLE, "PVC has empty pvc.Spec.VolumeName");
	claim->uid = arena_str(&claim->answers, tree_str(answer, "metadata.uid"));
	claim->state = CLAIM_ASK_VOLUME;
	return claim->ephemeral ? is_for_pod(claim, pod, answer, err) : 0;
}

/* What a persistent volume says besides its source. */
static bool is_source(const struct cJSON *member)
{
	static const char *const others[] = {"capacity", "claimRef", "nodeAffinity"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_eq_text(json_key(member), others[i]))
			return false;
	return json_is(member, JSON_OBJECT);
}

static int take_volume(struct volume_claim *claim, const struct cJSON *answer, struct err *err)
{
	const struct cJSON *spec = json_get(answer, STR("spec"));
	struct cJSON *source = json_new(&claim->answers, JSON_OBJECT);
	struct str uid = tree_str(spec, "claimRef.uid"), mode = tree_str(spec, "volumeMode");

	if (!tree_has(spec, "claimRef"))
		return err_set(err, ERR_CONFLICT,
			"found PV object %.*s but it has a nil pv.Spec.ClaimRef indicating it is "
			"not "
			"yet bound to the claim",
			STRF(claim->persistent));
	if (!str_eq(uid, claim->uid))
		return err_set(err, ERR_CONFLICT,
			"found PV object %.*s but its pv.Spec.ClaimRef.UID %.*s does not point to "
			"claim.UID %.*s",
			STRF(claim->persistent), STRF(uid), STRF(claim->uid));
	if (mode.len && !str_eq(mode, STR("Filesystem")))
		return err_set(err, ERR_UNSUPPORTED,
			"volumes of mode \"%.*s\" are not supported by this node", STRF(mode));
	tree_set_str(&claim->answers, source, "name", claim->persistent);
	json_each (member, spec)
		if (is_source(member))
			json_set(&claim->answers, source, json_key(member),
				json_copy(&claim->answers, member));
	struct str group = json_str(json_get(
		json_path(answer, "metadata.annotations"), STR("pv.beta.kubernetes.io/gid")));
	if (!str_to_i64(group, &claim->group) || claim->group < 0)
		claim->group = -1;
	claim->source = source;
	claim->state = CLAIM_KNOWN;
	return 0;
}

void claim_take(struct volume_claim *claim, const struct cJSON *pod, const struct cJSON *answer,
	const struct err *why)
{
	_cleanup_(err_done) struct err err = {0};
	bool volume = claim->state == CLAIM_ASK_VOLUME;
	int code;

	if (why->code && volume)
		code = err_set(&err, why->code, "failed to fetch PV %.*s from API server: %s",
			STRF(claim->persistent), err_text(why));
	else if (why->code)
		code = err_set(
			&err, why->code, "failed to fetch PVC from API server: %s", err_text(why));
	else
		code = volume ? take_volume(claim, answer, &err)
			      : take_claim(claim, pod, answer, &err);
	if (!code)
		return;
	claim->state = CLAIM_FAILED;
	claim->problem = arena_print(&claim->answers, "error processing PVC %.*s/%.*s: %s",
		STRF(claim->namespace), STRF(claim->name), err_text(&err));
}
