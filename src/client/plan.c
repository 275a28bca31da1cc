/* Putting a plan together: no I/O. */
#include <kube/plan.h>

#include <kube/api_codec.h>

#include <stdarg.h>

static struct plan_step *add_step(struct plan *p, enum plan_verb verb, const struct resource *r)
{
	ARENA_ROOM(p->arena, p->steps, p->count, p->cap, 8);
	struct plan_step *s = &p->steps[p->count++];
	*s = (struct plan_step){.verb = verb, .resource = r};
	return s;
}

static void add_object(
	struct plan *p, enum plan_verb verb, const struct resource *r, struct cJSON *object)
{
	struct plan_step *s = add_step(p, verb, r);

	s->body = object;
	s->namespace = tree_str(object, "metadata.namespace");
	s->name = tree_str(object, "metadata.name");
}

void plan_create(struct plan *p, const struct resource *r, struct cJSON *object)
{
	add_object(p, PLAN_CREATE, r, object);
}

void plan_update(struct plan *p, const struct resource *r, struct cJSON *object)
{
	add_object(p, PLAN_UPDATE, r, object);
}

void plan_update_status(struct plan *p, const struct resource *r, struct cJSON *object)
{
	add_object(p, PLAN_UPDATE_STATUS, r, object);
}

void plan_apply(struct plan *p, const struct resource *r, struct cJSON *object)
{
	add_object(p, PLAN_APPLY, r, object);
}

void plan_apply_status(struct plan *p, const struct resource *r, struct cJSON *object)
{
	add_object(p, PLAN_APPLY_STATUS, r, object);
}

static void add_patch(struct plan *p, enum plan_verb verb, const struct resource *r,
	struct str namespace, struct str name, struct cJSON *patch)
{
	struct plan_step *s = add_step(p, verb, r);

	s->namespace = arena_str(p->arena, namespace);
	s->name = arena_str(p->arena, name);
	s->body = patch;
}

void plan_patch(struct plan *p, const struct resource *r, struct str namespace, struct str name,
	struct cJSON *patch)
{
	add_patch(p, PLAN_PATCH, r, namespace, name, patch);
}

void plan_patch_strategic(struct plan *p, const struct resource *r, struct str namespace,
	struct str name, struct cJSON *patch)
{
	add_patch(p, PLAN_PATCH_STRATEGIC, r, namespace, name, patch);
}

void plan_patch_status(struct plan *p, const struct resource *r, struct str namespace,
	struct str name, struct cJSON *patch)
{
	add_patch(p, PLAN_PATCH_STATUS, r, namespace, name, patch);
}

void plan_delete(struct plan *p, const struct resource *r, struct str namespace, struct str name,
	struct str uid, struct cJSON *options)
{
	struct plan_step *s = add_step(p, PLAN_DELETE, r);

	s->namespace = arena_str(p->arena, namespace);
	s->name = arena_str(p->arena, name);
	s->precondition_uid = arena_str(p->arena, uid);
	s->body = options;
}

void plan_event(struct plan *p, const struct cJSON *about, const char *type, const char *reason,
	struct str message)
{
	struct plan_step *s = add_step(p, PLAN_EVENT, NULL);

	s->about = event_about_object(about);
	s->event_type = arena_str(p->arena, str_from(type));
	s->reason = arena_str(p->arena, str_from(reason));
	s->message = arena_str(p->arena, message);
}

void plan_event_naming(struct plan *p, const struct cJSON *about, const char *type,
	const char *reason, struct str message)
{
	plan_event(p, about, type, reason, message);
	p->steps[p->count - 1].names_last = true;
}

void plan_confirm(struct plan *p, const struct resource *r, const struct cJSON *object)
{
	struct plan_step *s = add_step(p, PLAN_CONFIRM, r);

	s->namespace = tree_str(object, "metadata.namespace");
	s->name = tree_str(object, "metadata.name");
	s->precondition_uid = tree_str(object, "metadata.uid");
}

void plan_absent(struct plan *p, const struct resource *r, struct str namespace, struct str name)
{
	struct plan_step *s = add_step(p, PLAN_ABSENT, r);

	s->namespace = arena_str(p->arena, namespace);
	s->name = arena_str(p->arena, name);
}

void plan_allowed(struct plan *p, struct cJSON *spec)
{
	static const struct str group = STR_INIT("authorization.k8s.io");
	struct plan_step *s = add_step(
		p, PLAN_ALLOWED, resource_find(group, STR("v1"), STR("subjectaccessreviews")));

	s->body = json_new(p->arena, JSON_OBJECT);
	tree_set_str(p->arena, s->body, "apiVersion", STR("authorization.k8s.io/v1"));
	tree_set_str(p->arena, s->body, "kind", STR("SubjectAccessReview"));
	tree_set(p->arena, s->body, "spec", spec);
}

void plan_approve(struct plan *p, const struct resource *r, struct cJSON *request)
{
	add_object(p, PLAN_APPROVE, r, request);
}

void plan_requeue_after(struct plan *p, int64_t ns)
{
	ns = MAX(ns, 1);
	p->requeue_after = p->requeue_after ? MIN(p->requeue_after, ns) : ns;
}

void plan_fail(struct plan *p, const char *format, ...)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(4 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&why, format, args);
	va_end(args);
	p->failed = true;
	p->why = arena_str(p->arena, buf_str(&why));
}
