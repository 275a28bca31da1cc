/* What pods of the restricted level must say. */
#include "pod_standards_private.h"

void standard_escalation(struct standard_check *c)
{
	static const char path[] = "securityContext.allowPrivilegeEscalation";
	struct names bad = {0};

	if (standards_windows(c))
		return;
	each_container(container, c) if (!tree_has(container, path) || tree_true(container, path))
		standards_add(&bad, standards_name(container));
	if (bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must set securityContext.allowPrivilegeEscalation=false",
			STRF(standards_containers(c->arena, &bad)));
}

void standard_dropped(struct standard_check *c)
{
	static const char *const good[] = {"NET_BIND_SERVICE", NULL};
	struct names keeping = {0}, who = {0}, what = {0};

	if (standards_windows(c))
		return;
	each_container(container, c)
	{
		bool all = false;

		json_each (capability, json_path(container, "securityContext.capabilities.drop"))
			all |= str_eq_text(json_str(capability), "ALL");
		if (!all)
			standards_add(&keeping, standards_name(container));
	}
	standards_find_capabilities(c, good, &who, &what);
	if (keeping.count)
		c->detail = arena_print(c->arena,
			"%.*s must set securityContext.capabilities.drop=[\"ALL\"]",
			STRF(standards_containers(c->arena, &keeping)));
	if (who.count)
		c->detail = arena_print(c->arena, "%.*s%s%.*s", STRF(c->detail),
			c->detail.len ? "; " : "",
			STRF(standards_must_not_include(c->arena, &who, &what)));
}

void standard_volumes(struct standard_check *c)
{
	static const char *const good[] = {"configMap", "csi", "downwardAPI", "emptyDir",
		"ephemeral", "persistentVolumeClaim", "projected", "secret", NULL};
	struct names bad = {0}, types = {0};

	json_each (volume, json_get(c->spec, STR("volumes")))
		json_each (member, volume) {
			struct str type = json_key(member);

			if (str_eq_text(type, "name") || standards_one_of(type, good))
				continue;
			standards_add(&bad, standards_name(volume));
			standards_add_once(&types, type);
		}
	standards_sort(&types);
	if (bad.count)
		c->detail = arena_print(c->arena, "%s %.*s %s restricted volume %s %.*s",
			standards_plural(bad.count, "volume", "volumes"),
			STRF(standards_join(c->arena, &bad, "\"")),
			standards_plural(bad.count, "uses", "use"),
			standards_plural(types.count, "type", "types"),
			STRF(standards_join(c->arena, &types, "\"")));
}

void standard_non_root(struct standard_check *c)
{
	static const char path[] = "securityContext.runAsNonRoot";
	struct names bad = {0}, silent = {0};
	bool says = tree_has(c->spec, path), good = tree_true(c->spec, path);

	if (standards_own_users(c))
		return;
	each_container(container, c)
	{
		if (tree_has(container, path) && !tree_true(container, path))
			standards_add(&bad, standards_name(container));
		else if (!tree_has(container, path) && !good)
			standards_add(&silent, standards_name(container));
	}
	if ((says && !good) || bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must not set securityContext.runAsNonRoot=false",
			STRF(standards_setters(c->arena, says && !good, &bad)));
	else if (silent.count)
		c->detail = arena_print(c->arena,
			"pod or %.*s must set securityContext.runAsNonRoot=true",
			STRF(standards_containers(c->arena, &silent)));
}

static bool is_root(const struct cJSON *holder)
{
	static const char path[] = "securityContext.runAsUser";

	return tree_has(holder, path) && tree_int(holder, path, 1) == 0;
}

void standard_user(struct standard_check *c)
{
	struct names bad = {0};
	bool pod = is_root(c->spec);

	if (standards_own_users(c))
		return;
	each_container(container, c) if (is_root(container))
		standards_add(&bad, standards_name(container));
	if (pod || bad.count)
		c->detail = arena_print(c->arena, "%.*s must not set runAsUser=0",
			STRF(standards_setters(c->arena, pod, &bad)));
}
