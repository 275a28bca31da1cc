/*
 * Events of the new kind (events.k8s.io): with an action and a related object, without source
 * and count. What is the same again becomes a series of the first.
 */
#include "shell.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#define PENDING_MAX 1000 /* beyond it events are dropped */
#define RECENT_MAX  8192
#define SAME_FOR    (6 * MINUTE)
#define NOTE_MAX    1024

struct told_before {
	char *name;
	int64_t at, count;
};

void announcer_init(struct announcer *a, const struct component_base *base, struct scope *scope)
{
	*a = (struct announcer){.env = base->env};
	a->chores = (struct chores){.client = base->client, .scope = scope, .most = 8};
	list_init(&a->chores.waiting);
	map_init(&a->recent);
}

static void forget_all(struct announcer *a)
{
	map_each (it, &a->recent) {
		mem_free(((struct told_before *)it.value)->name);
		mem_free(it.value);
	}
	map_done(&a->recent);
	map_init(&a->recent);
}

void announcer_done(struct announcer *a)
{
	forget_all(a);
	map_done(&a->recent);
}

static struct str revision_of(struct arena *a, const struct pod *p)
{
	return p->object ? arena_print(a, "%lld", (long long)p->object->revision) : STR("");
}

static struct cJSON *reference(struct arena *a, const struct pod *p)
{
	struct cJSON *r = json_new(a, JSON_OBJECT);

	tree_set_str(a, r, "kind", STR("Pod"));
	tree_set_str(a, r, "namespace", p->namespace);
	tree_set_str(a, r, "name", p->name);
	tree_set_str(a, r, "uid", p->uid);
	tree_set_str(a, r, "apiVersion", STR("v1"));
	tree_set_str(a, r, "resourceVersion", revision_of(a, p));
	return r;
}

static struct str time_text(struct arena *a, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print_micro(&text, wall);
	return arena_str(a, buf_str(&text));
}

/* true: it has been told, and need not be written each time: 2, 4, 8, … times are. */
static bool repeat(struct announcer *a, struct told_before *before, const struct pod *about)
{
	const struct resource *events =
		resource_find(STR("events.k8s.io"), STR("v1"), STR("events"));
	int64_t now = env_wall(a->env);

	if (now - before->at > SAME_FOR)
		return false;
	before->at = now;
	before->count++;
	if (before->count & (before->count - 1))
		return true;
	struct chore *c = chore_new(
		&a->chores, CLIENT_PATCH_MERGE, events, about->namespace, str_from(before->name));
	struct cJSON *body = json_new(&c->arena, JSON_OBJECT);
	tree_set_int(&c->arena, body, "series.count", before->count);
	tree_set_str(&c->arena, body, "series.lastObservedTime", time_text(&c->arena, before->at));
	c->request.body = body;
	chore_start(c);
	return true;
}

static void remember(struct announcer *a, struct str same, struct str name, int64_t now)
{
	struct told_before *t;

	if (a->recent.count >= RECENT_MAX)
		forget_all(a);
	t = map_get(&a->recent, same);
	if (t) {
		mem_free(t->name);
	} else {
		t = mem_new(sizeof(*t));
		map_set(&a->recent, same, t);
	}
	*t = (struct told_before){.name = str_dup(name), .at = now, .count = 1};
}

/* Each profile speaks under its own name. */
static void set_reporter(
	struct announcer *a, struct arena *arena, struct cJSON *event, struct str profile)
{
	const char *host = a->env->host && *a->env->host ? a->env->host : "localhost";

	tree_set_str(arena, event, "reportingController", profile);
	tree_set_str(arena, event, "reportingInstance",
		arena_print(arena, "%.*s-%s", STRF(profile), host));
}

void announce(struct announcer *a, const struct pod *about, const struct pod *related,
	const char *type, const char *reason, const char *action, struct str note)
{
	const struct resource *events =
		resource_find(STR("events.k8s.io"), STR("v1"), STR("events"));
	_cleanup_(arena_done) struct arena own;

	arena_init(&own);
	struct str same = arena_print(&own, "%.*s/%.*s/%s/%s/%s", STRF(about->uid),
		STRF(revision_of(&own, about)), type, reason, action);
	struct told_before *before = map_get(&a->recent, same);
	if (a->chores.count >= PENDING_MAX || (before && repeat(a, before, about)))
		return;
	int64_t now = MAX(env_wall(a->env), a->last_name + 1);
	a->last_name = now;
	struct chore *c = chore_new(&a->chores, CLIENT_CREATE, events, about->namespace, STR(""));
	struct cJSON *tree = json_new(&c->arena, JSON_OBJECT);
	struct str name =
		arena_print(&own, "%.*s.%llx", STRF(about->name), (unsigned long long)now);
	tree_set_str(&c->arena, tree, "kind", STR("Event"));
	tree_set_str(&c->arena, tree, "apiVersion", STR("events.k8s.io/v1"));
	tree_set_str(&c->arena, tree, "metadata.name", name);
	tree_set_str(&c->arena, tree, "metadata.namespace", about->namespace);
	tree_set_str(&c->arena, tree, "eventTime", time_text(&c->arena, now));
	set_reporter(a, &c->arena, tree, (related ? related : about)->scheduler_name);
	tree_set_str(&c->arena, tree, "action", str_from(action));
	tree_set_str(&c->arena, tree, "reason", str_from(reason));
	tree_set_str(&c->arena, tree, "type", str_from(type));
	tree_set_str(&c->arena, tree, "note",
		note.len < NOTE_MAX ? note
				    : arena_print(&c->arena, "%.*s ...", NOTE_MAX - 4, note.at));
	tree_set(&c->arena, tree, "regarding", reference(&c->arena, about));
	if (related)
		tree_set(&c->arena, tree, "related", reference(&c->arena, related));
	c->request.body = tree;
	chore_start(c);
	remember(a, same, name, now);
}
