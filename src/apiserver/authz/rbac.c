#include "rbac.h"

#include <kube/map.h>
#include <kube/mem.h>

#define GROUP "rbac.authorization.k8s.io"

enum { ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS, KINDS };
static const char *const plurals[KINDS] = {
	"roles", "clusterroles", "rolebindings", "clusterrolebindings"};

struct kind_watch {
	struct watch watch;
	struct rbac *rbac;
};

/* Which bindings name somebody, by their places, in order. */
struct places {
	uint32_t *items;
	size_t count, cap;
};

struct binders { /* name → struct places * */
	struct map users, groups;
};

struct rbac {
	struct api_server *server;
	struct kind_watch watches[KINDS];
	bool dirty;
	/* compiled */
	struct arena arena;
	struct map roles;        /* "namespace/name", cluster roles "name" → rules */
	struct cJSON **bindings; /* of the cluster */
	size_t binding_count;
	struct binders binders;
	struct map spaces; /* namespace → struct space * */
};

struct space {
	struct cJSON **bindings;
	size_t count, cap;
	struct binders binders;
};

/* ---- compiling ---- */

static void woken(struct watch *w);

static void read_roles(struct rbac *r, struct bucket *b)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));

	while (store_next(&it)) {
		_cleanup_(arena_done) struct arena scratch = {0};
		const struct cJSON *rules =
			json_get(object_lean_tree(&scratch, it.object), STR("rules"));

		map_set(&r->roles, it.key,
			rules ? json_copy(&r->arena, rules) : json_new(&r->arena, JSON_ARRAY));
	}
}

static void add_place(struct rbac *r, struct map *map, struct str name, size_t place)
{
	struct places *p = map_get(map, name);

	if (!p) {
		p = arena_new(&r->arena, sizeof(*p));
		map_set(map, name, p);
	}
	if (p->count && p->items[p->count - 1] == place)
		return; /* named twice */
	ARENA_ROOM(&r->arena, p->items, p->count, p->cap, 4);
	p->items[p->count++] = (uint32_t)place;
}

static void add_subjects(struct rbac *r, struct binders *b, const struct cJSON *binding,
	struct str namespace, size_t place)
{
	json_each (subject, json_get(binding, STR("subjects"))) {
		struct str kind = json_str(json_get(subject, STR("kind")));
		struct str name = json_str(json_get(subject, STR("name")));
		struct str space = json_str(json_get(subject, STR("namespace")));

		if (str_eq_text(kind, "User"))
			add_place(r, &b->users, name, place);
		else if (str_eq_text(kind, "Group"))
			add_place(r, &b->groups, name, place);
		else if (str_eq_text(kind, "ServiceAccount"))
			add_place(r, &b->users,
				arena_print(&r->arena, "system:serviceaccount:%.*s:%.*s",
					STRF(space.len ? space : namespace), STRF(name)),
				place);
	}
}

static void binders_init(struct binders *b)
{
	map_init(&b->users);
	map_init(&b->groups);
}

static void binders_done(struct binders *b)
{
	map_done(&b->users);
	map_done(&b->groups);
}

static struct space *space_of(struct rbac *r, struct str namespace)
{
	struct space *s = map_get(&r->spaces, namespace);

	if (!s) {
		s = arena_new(&r->arena, sizeof(*s));
		binders_init(&s->binders);
		map_set(&r->spaces, namespace, s);
	}
	return s;
}

static void space_add(struct rbac *r, struct space *s, struct cJSON *binding, struct str namespace)
{
	add_subjects(r, &s->binders, binding, namespace, s->count);
	ARENA_ROOM(&r->arena, s->bindings, s->count, s->cap, 4);
	s->bindings[s->count++] = binding;
}

static void read_bindings(struct rbac *r, struct bucket *b, bool cluster)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	struct str namespace, name;

	if (cluster)
		r->bindings = arena_alloc(&r->arena, (store_count(b) + 1) * sizeof(struct cJSON *));
	while (store_next(&it)) {
		struct cJSON *tree = object_lean_tree(&r->arena, it.object);

		if (cluster) {
			add_subjects(r, &r->binders, tree, STR(""), r->binding_count);
			r->bindings[r->binding_count++] = tree;
			continue;
		}
		str_cut(it.key, '/', &namespace, &name);
		space_add(r, space_of(r, namespace), tree, namespace);
	}
}

static struct bucket *bucket_of(struct rbac *r, int kind)
{
	return server_bucket(
		r->server, resource_find(STR(GROUP), STR("v1"), str_from(plurals[kind])));
}

static void forget(struct rbac *r)
{
	map_each (it, &r->spaces)
		binders_done(&((struct space *)it.value)->binders);
	binders_done(&r->binders);
	binders_init(&r->binders);
	map_done(&r->roles);
	map_done(&r->spaces);
	arena_done(&r->arena);
	map_init(&r->roles);
	map_init(&r->spaces);
	arena_init(&r->arena);
	r->binding_count = 0;
}

/* From now on a change of any of these makes it dirty again. */
static void arm(struct rbac *r)
{
	for (int i = 0; i < KINDS; i++) {
		struct watch *w = &r->watches[i].watch;

		watch_done(w);
		r->watches[i].rbac = r;
		if (!watch_init(w, bucket_of(r, i), store_revision(r->server->store), woken, NULL))
			w->armed = true;
	}
}

static void compile(struct rbac *r)
{
	forget(r);
	read_roles(r, bucket_of(r, ROLES));
	read_roles(r, bucket_of(r, CLUSTER_ROLES));
	read_bindings(r, bucket_of(r, BINDINGS), false);
	read_bindings(r, bucket_of(r, CLUSTER_BINDINGS), true);
	arm(r);
	r->dirty = false;
}

static void woken(struct watch *w)
{
	CONTAINER_OF(w, struct kind_watch, watch)->rbac->dirty = true;
}

struct rbac *rbac_new(struct api_server *s)
{
	struct rbac *r = mem_new(sizeof(*r));

	r->server = s;
	r->dirty = true;
	map_init(&r->roles);
	map_init(&r->spaces);
	binders_init(&r->binders);
	arena_init(&r->arena);
	return r;
}

void rbac_free(struct rbac *r)
{
	if (!r)
		return;
	for (int i = 0; i < KINDS; i++)
		watch_done(&r->watches[i].watch);
	forget(r);
	map_done(&r->roles);
	map_done(&r->spaces);
	mem_free(r);
}

/* ---- asking ---- */

struct asking {
	struct rbac *rbac;
	struct arena *arena;
	const struct api_user *user;
	rbac_rule_fn *each;
	void *ctx;
	struct rbac_grant *grant; /* what was enough; NULL: nobody wants to know */
	struct buf missing;       /* what was not found, separated by ", " */
	size_t missing_count;
};

static void note_missing(struct asking *a, bool cluster, struct str name)
{
	struct str text = arena_print(a->arena, "%s." GROUP " \"%.*s\" not found",
		cluster ? "clusterrole" : "role", STRF(name));

	if (str_find(buf_str(&a->missing), text) >= 0)
		return;
	if (a->missing_count++)
		buf_add_text(&a->missing, ", ");
	buf_add_str(&a->missing, text);
}

static const struct cJSON *role_rules(
	struct rbac *r, struct arena *arena, bool cluster, struct str namespace, struct str name)
{
	return map_get(&r->roles,
		cluster ? name : arena_print(arena, "%.*s/%.*s", STRF(namespace), STRF(name)));
}

static bool ask_binding(struct asking *a, const struct cJSON *binding, struct str namespace)
{
	const struct cJSON *ref = json_get(binding, STR("roleRef"));
	struct str name = json_str(json_get(ref, STR("name")));
	bool cluster = str_eq_text(json_str(json_get(ref, STR("kind"))), "ClusterRole");
	const struct cJSON *subject = rbac_binds(binding, a->user, namespace);

	if (!subject)
		return false;
	const struct cJSON *rules = role_rules(a->rbac, a->arena, cluster, namespace, name);
	if (!rules) {
		note_missing(a, cluster, name);
		return false;
	}
	json_each (rule, rules)
		if (a->each(a->ctx, rule)) {
			if (a->grant)
				*a->grant = (struct rbac_grant){binding, subject};
			return true;
		}
	return false;
}

/* A list of places, and how far it has been read. */
struct cursor {
	const struct places *places;
	size_t at;
};

/* The smallest place that some list still has; each is told once. */
static bool next_place(struct cursor *cursors, size_t count, size_t *place)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		const struct cursor *c = &cursors[i];

		if (c->at == c->places->count || (found && c->places->items[c->at] >= *place))
			continue;
		*place = c->places->items[c->at];
		found = true;
	}
	for (size_t i = 0; found && i < count; i++)
		if (cursors[i].at < cursors[i].places->count &&
			cursors[i].places->items[cursors[i].at] == *place)
			cursors[i].at++;
	return found;
}

static void add_cursor(
	struct cursor *cursors, size_t *count, const struct map *map, struct str name)
{
	const struct places *p = map_get(map, name);

	if (p)
		cursors[(*count)++] = (struct cursor){.places = p};
}

/* Of the bindings in their order those that name the user or a group of his. */
static bool ask_bindings(struct asking *a, struct cJSON *const *bindings, const struct binders *b,
	struct str namespace)
{
	const struct api_user *u = a->user;
	struct cursor few[16], *cursors = few;
	size_t count = 0, place = 0;

	if (u->group_count >= ARRAY_LEN(few))
		cursors = arena_alloc(a->arena, (u->group_count + 1) * sizeof(*cursors));
	add_cursor(cursors, &count, &b->users, u->name);
	for (size_t i = 0; i < u->group_count; i++)
		add_cursor(cursors, &count, &b->groups, u->groups[i]);
	while (next_place(cursors, count, &place))
		if (ask_binding(a, bindings[place], namespace))
			return true;
	return false;
}

static struct str faults_of(struct asking *a)
{
	struct str text = buf_str(&a->missing);

	if (!a->missing_count)
		return (struct str){0};
	if (a->missing_count == 1)
		return arena_str(a->arena, text);
	return arena_print(a->arena, "[%.*s]", STRF(text));
}

struct str rbac_each_rule(struct rbac *r, struct arena *arena, const struct api_user *user,
	struct str namespace, rbac_rule_fn *each, void *ctx, struct rbac_grant *grant)
{
	struct asking a = {.rbac = r,
		.arena = arena,
		.user = user,
		.each = each,
		.ctx = ctx,
		.grant = grant,
		.missing = BUF_INIT(64 * KIB)};
	bool enough;

	if (r->dirty)
		compile(r);
	enough = ask_bindings(&a, r->bindings, &r->binders, STR(""));
	const struct space *s = namespace.len ? map_get(&r->spaces, namespace) : NULL;
	if (s && !enough)
		enough = ask_bindings(&a, s->bindings, &s->binders, namespace);
	struct str faults = faults_of(&a);
	buf_done(&a.missing);
	return faults;
}

const struct cJSON *rbac_role_rules(
	struct rbac *r, struct arena *arena, bool cluster, struct str namespace, struct str name)
{
	if (r->dirty)
		compile(r);
	return role_rules(r, arena, cluster, namespace, name);
}

struct question {
	const struct access_query *query;
	bool allowed;
};

static bool covers(void *ctx, const struct cJSON *rule)
{
	struct question *q = ctx;

	q->allowed = rbac_rule_covers(rule, q->query);
	return q->allowed;
}

bool rbac_allows(
	struct rbac *r, struct arena *arena, const struct access_query *q, struct str *reason)
{
	struct question question = {.query = q};
	struct rbac_grant grant = {0};
	struct str faults = rbac_each_rule(
		r, arena, q->user, q->namespace, covers, &question, q->explain ? &grant : NULL);

	if (question.allowed)
		*reason = q->explain ? rbac_describe(arena, &grant) : (struct str){0};
	else if (faults.len)
		*reason = arena_print(arena, "RBAC: %.*s", STRF(faults));
	return question.allowed;
}
