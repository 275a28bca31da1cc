/* Filters of system calls: annotations in old versions, fields since 1.19. */
#include "pod_standards_private.h"

struct seccomp {
	struct names bad, values, silent;
	bool pod, pod_says;
};

static const struct cJSON *seccomp_of(const struct cJSON *holder)
{
	return json_path(holder, "securityContext.seccompProfile");
}

static bool is_bad_seccomp(struct seccomp *s, const struct cJSON *profile)
{
	static const char *const good[] = {"RuntimeDefault", "Localhost", NULL};
	struct str type = tree_str(profile, "type");

	if (!profile || standards_one_of(type, good))
		return false;
	standards_add_once(&s->values, type);
	return true;
}

static void find_seccomp(const struct standard_check *c, struct seccomp *s)
{
	s->pod = is_bad_seccomp(s, seccomp_of(c->spec));
	s->pod_says = seccomp_of(c->spec) && !s->pod;
	each_container(container, c)
	{
		if (is_bad_seccomp(s, seccomp_of(container)))
			standards_add(&s->bad, standards_name(container));
		else if (!seccomp_of(container) && !s->pod_says)
			standards_add(&s->silent, standards_name(container));
	}
	standards_sort(&s->values);
}

static bool tell_seccomp(struct standard_check *c, const struct seccomp *s)
{
	if (!s->pod && !s->bad.count)
		return false;
	c->detail = arena_print(c->arena,
		"%.*s must not set securityContext.seccompProfile.type to %.*s",
		STRF(standards_setters(c->arena, s->pod, &s->bad)),
		STRF(standards_join(c->arena, &s->values, "\"")));
	return true;
}

static void standard_seccomp_notes(struct standard_check *c)
{
	static const struct str pod = STR_INIT("seccomp.security.alpha.kubernetes.io/pod");
	static const struct str prefix =
		STR_INIT("container.seccomp.security.alpha.kubernetes.io/");
	struct names bad = {0};

	json_each (note, json_get(c->metadata, STR("annotations"))) {
		struct str key = json_key(note), value = json_str(note);

		if ((!str_eq(key, pod) && !str_starts(key, prefix)) ||
			str_eq_text(value, "runtime/default") ||
			str_eq_text(value, "docker/default") ||
			str_starts(value, STR("localhost/")))
			continue;
		standards_add(&bad, arena_print(c->arena, "%.*s=\"%.*s\"", STRF(key), STRF(value)));
	}
	standards_sort(&bad);
	if (bad.count)
		c->detail = arena_print(c->arena, "forbidden %s %.*s",
			standards_plural(bad.count, "annotation", "annotations"),
			STRF(standards_join(c->arena, &bad, "")));
}

void standard_seccomp(struct standard_check *c)
{
	struct seccomp s = {0};

	if (c->version < 19) {
		standard_seccomp_notes(c);
		return;
	}
	find_seccomp(c, &s);
	tell_seccomp(c, &s);
}

/* ---- restricted: one must be set ---- */

void standard_seccomp_set(struct standard_check *c)
{
	struct seccomp s = {0};

	if (standards_windows(c))
		return;
	find_seccomp(c, &s);
	if (!tell_seccomp(c, &s) && s.silent.count)
		c->detail = arena_print(c->arena,
			"pod or %.*s must set securityContext.seccompProfile.type to "
			"\"RuntimeDefault\" or \"Localhost\"",
			STRF(standards_containers(c->arena, &s.silent)));
}
