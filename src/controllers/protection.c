/*
 * pvc-, pv- and vac-protection: a claim that is being deleted stays while a pod uses it, a volume
 * while a claim is bound to it, a class of volumes' attributes while a claim or a volume names it.
 * Each bears a finalizer; here it goes, and comes where it is missing.
 */
#include "workload.h"

static const char claim_finalizer[] = "kubernetes.io/pvc-protection";
static const char volume_finalizer[] = "kubernetes.io/pv-protection";
static const char class_finalizer[] = "kubernetes.io/vac-protection";

/* The whole object is written: to patch it is not within the role. */
static void plan_finalizer(struct plan *p, const struct resource *r, const struct cJSON *o,
	const char *name, bool in_use)
{
	struct arena *a = p->arena;
	struct cJSON *fresh, *list = json_new(a, JSON_ARRAY);
	bool has = false, wanted = !is_being_deleted(o) || in_use;

	json_each (f, json_path(o, "metadata.finalizers")) {
		bool ours = str_eq_text(json_str(f), name);

		has |= ours;
		if (!ours || wanted)
			json_append(list, json_copy(a, f));
	}
	/* What is on its way out gets no new ones. */
	if (has == wanted || (!has && is_being_deleted(o)))
		return;
	if (!has)
		json_append(list, json_new_str(a, str_from(name)));
	fresh = json_copy(a, o);
	tree_set(a, fresh, "metadata.finalizers", list);
	plan_update(p, r, fresh);
}

/* ---- claims ---- */

/* Volumes made for the pod alone have claims named after it. */
static bool uses(const struct cJSON *pod, struct str claim)
{
	struct str name = tree_str(pod, "metadata.name"), rest;

	json_each (volume, json_path(pod, "spec.volumes")) {
		if (str_eq(tree_str(volume, "persistentVolumeClaim.claimName"), claim))
			return true;
		if (!tree_has(volume, "ephemeral") || !str_starts(claim, name))
			continue;
		rest = str_skip(claim, name.len);
		if (str_starts(rest, STR("-")) &&
			str_eq(str_skip(rest, 1), tree_str(volume, "name")))
			return true;
	}
	return false;
}

static bool is_claim_used(struct usual *u, struct arena *a, struct object *claim)
{
	informer_each(it,
		informer_by(usual_informer(u, "pods"), "namespace", client_object_namespace(claim)))
	{
		const struct cJSON *pod;

		if (!object_scan(it.object, "spec.volumes").len ||
			!object_scan(it.object, "spec.nodeName").len)
			continue;
		pod = object_lean_tree(a, it.object);
		if (!pod_is_finished(pod) && uses(pod, client_object_name(claim)))
			return true;
	}
	return false;
}

static void reconcile_claim(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "persistentvolumeclaims"), key);

	(void)now;
	if (!o)
		return;
	const struct cJSON *claim = object_lean_tree(p->arena, o);
	plan_finalizer(p, usual_resource(u, "persistentvolumeclaims"), claim, claim_finalizer,
		is_being_deleted(claim) && is_claim_used(u, p->arena, o));
}

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

/* A pod that came to its end, or went, may have been the last user of its claims. */
static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct str phase = fresh ? object_scan(fresh, "status.phase") : STR("");
	bool ended = str_eq_text(phase, "Succeeded") || str_eq_text(phase, "Failed");
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if ((fresh && !ended) || !old || !object_scan(old, "spec.volumes").len)
		return;
	const struct cJSON *pod = object_lean_tree(&a, old);
	json_each (volume, json_path(pod, "spec.volumes")) {
		struct str claim = tree_str(volume, "persistentVolumeClaim.claimName");

		if (tree_has(volume, "ephemeral"))
			claim = arena_print(&a, "%.*s-%.*s", STRF(tree_str(pod, "metadata.name")),
				STRF(tree_str(volume, "name")));
		if (claim.len)
			usual_enqueue(u, arena_print(&a, "%.*s/%.*s",
						 STRF(client_object_namespace(old)), STRF(claim)));
	}
}

static struct part *start_claims(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "persistentvolumeclaims", own_changed},
		{"", "v1", "pods", pod_changed},
		{0},
	};

	return usual_new(
		w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile_claim});
}

const struct controller_kind pvc_protection_kind = {
	.name = "persistentvolumeclaim-protection-controller",
	.aliases = "pvc-protection",
	.start = start_claims,
};

/* ---- volumes ---- */

static void reconcile_volume(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "persistentvolumes"), key);

	(void)now;
	if (!o)
		return;
	const struct cJSON *volume = object_lean_tree(p->arena, o);
	plan_finalizer(p, usual_resource(u, "persistentvolumes"), volume, volume_finalizer,
		pod_phase_is(volume, "Bound"));
}

static struct part *start_volumes(
	const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "persistentvolumes", own_changed}, {0}};

	return usual_new(
		w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile_volume});
}

const struct controller_kind pv_protection_kind = {
	.name = "persistentvolume-protection-controller",
	.aliases = "pv-protection",
	.start = start_volumes,
};

/* ---- classes of attributes ---- */

/* What a volume or a claim may name them by. */
static const char *const class_fields[] = {"spec.volumeAttributesClassName",
	"status.currentVolumeAttributesClassName",
	"status.modifyVolumeStatus.targetVolumeAttributesClassName"};

static bool names_class(struct object *o, struct str class)
{
	for (size_t i = 0; i < ARRAY_LEN(class_fields); i++)
		if (str_eq(object_scan(o, class_fields[i]), class))
			return true;
	return false;
}

static bool is_class_used(struct usual *u, struct str class)
{
	static const char *const users[] = {"persistentvolumeclaims", "persistentvolumes"};

	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		informer_each(it,
			informer_all(usual_informer(u, users[i]))) if (names_class(it.object,
									       class)) return true;
	return false;
}

static void reconcile_class(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "volumeattributesclasses"), key);

	(void)now;
	if (!o)
		return;
	const struct cJSON *class = object_lean_tree(p->arena, o);
	plan_finalizer(p, usual_resource(u, "volumeattributesclasses"), class, class_finalizer,
		is_being_deleted(class) && is_class_used(u, key));
}

/* Whoever names another one now, or is no more, may have been the last. */
static void user_changed(struct usual *u, struct object *old, struct object *fresh)
{
	for (size_t i = 0; old && i < ARRAY_LEN(class_fields); i++) {
		struct str class = object_scan(old, class_fields[i]);

		if (class.len && (!fresh || !names_class(fresh, class)))
			usual_enqueue(u, class);
	}
}

static struct part *start_classes(
	const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"storage.k8s.io", "v1", "volumeattributesclasses", own_changed},
		{"", "v1", "persistentvolumeclaims", user_changed},
		{"", "v1", "persistentvolumes", user_changed},
		{0},
	};

	return usual_new(
		w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile_class});
}

const struct controller_kind vac_protection_kind = {
	.name = "volumeattributesclass-protection-controller",
	.start = start_classes,
};
