/*
 * Who asks, and whether they may: certificates by TLS, tokens by TokenReview, rights by
 * SubjectAccessReview on the subresources of this Node. What the API has said is remembered for a
 * while, as long as others remember it.
 */
#include "node_request.h"

#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <kube/x509.h>

#define TOKEN_KEPT   (2 * MINUTE)
#define ALLOWED_KEPT (5 * MINUTE)
#define DENIED_KEPT  (30 * SEC)
#define ANSWERS_MAX  1024 /* of each sort; then all are forgotten */
#define API_PATIENCE (10 * SEC)

struct node_user {
	struct str name, uid;
	const struct str *groups;
	size_t group_count;
};

struct known_user { /* by the hash of a token */
	struct node_user user;
	int64_t until;
	struct arena arena;
};

struct known_right {
	bool allowed;
	int64_t until;
};

struct caller_access {
	struct kubelet_server *server;
	struct map users, rights;
};

/* One request that waits for the API. */
struct asking {
	struct node_request *r;
	struct node_user user;
	struct str all, subresources, subresource; /* still to be asked about; asked about now */
	node_handler_fn *allowed;
	struct client_request request;
	struct str key;
};

/* ---- what was heard ---- */

static void forget_users(struct caller_access *a)
{
	map_each (it, &a->users) {
		struct known_user *u = it.value;

		arena_done(&u->arena);
		mem_free(u);
	}
	map_done(&a->users);
	map_init(&a->users);
}

static void forget_rights(struct caller_access *a)
{
	map_each (it, &a->rights)
		mem_free(it.value);
	map_done(&a->rights);
	map_init(&a->rights);
}

struct caller_access *caller_access_new(struct kubelet_server *s)
{
	struct caller_access *a = mem_new(sizeof(*a));

	a->server = s;
	map_init(&a->users);
	map_init(&a->rights);
	return a;
}

void caller_access_free(struct caller_access *a)
{
	forget_users(a);
	forget_rights(a);
	map_done(&a->users);
	map_done(&a->rights);
	mem_free(a);
}

static struct node_user copy_user(struct arena *a, const struct node_user *u)
{
	struct str *groups = arena_alloc(a, (u->group_count + 1) * sizeof(*groups));

	for (size_t i = 0; i < u->group_count; i++)
		groups[i] = arena_str(a, u->groups[i]);
	return (struct node_user){.name = arena_str(a, u->name),
		.uid = arena_str(a, u->uid),
		.groups = groups,
		.group_count = u->group_count};
}

static int64_t kept(int64_t said, int64_t otherwise)
{
	return said ? said : otherwise;
}

static void remember_user(struct caller_access *a, struct str key, const struct node_user *user)
{
	struct known_user *u = map_get(&a->users, key);

	if (u) {
		arena_done(&u->arena);
	} else {
		if (a->users.count >= ANSWERS_MAX)
			forget_users(a);
		u = mem_new(sizeof(*u));
		map_set(&a->users, key, u);
	}
	arena_init(&u->arena);
	u->user = copy_user(&u->arena, user);
	u->until = loop_in(
		a->server->env->loop, kept(a->server->options.callers.token_kept, TOKEN_KEPT));
}

static void remember_right(struct caller_access *a, struct str key, bool allowed)
{
	const struct caller_rules *rules = &a->server->options.callers;
	struct known_right *right = map_get(&a->rights, key);

	if (!right) {
		if (a->rights.count >= ANSWERS_MAX)
			forget_rights(a);
		right = mem_new(sizeof(*right));
		map_set(&a->rights, key, right);
	}
	right->allowed = allowed;
	right->until =
		loop_in(a->server->env->loop, allowed ? kept(rules->allowed_kept, ALLOWED_KEPT)
						      : kept(rules->denied_kept, DENIED_KEPT));
}

/* ---- may they? ---- */

static void ask_right(struct asking *q);

static const char *verb_of(struct str method)
{
	static const struct {
		const char *method, *verb;
	} verbs[] = {{"POST", "create"}, {"GET", "get"}, {"PUT", "update"}, {"PATCH", "patch"},
		{"DELETE", "delete"}};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_text(method, verbs[i].method))
			return verbs[i].verb;
	return "";
}

static void forbid(struct asking *q)
{
	node_answer_text(q->r, 403,
		"Forbidden (user=%.*s, verb=%s, resource=nodes, subresource(s)=[%.*s])\n",
		STRF(q->user.name), verb_of(q->r->x->request.method), STRF(q->all));
}

static void right_told(struct asking *q, bool allowed)
{
	struct node_request *r = q->r;

	if (allowed) {
		r->user = q->user.name;
		q->allowed(r);
	} else {
		ask_right(q);
	}
}

static void right_answered(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct asking *q = r->x->handler;
	bool allowed = !err->code && json_bool(json_path(q->request.object, "status.allowed"));
	bool failed = err->code;

	client_request_done(&q->request);
	if (failed) {
		node_answer_text(r, 500,
			"Authorization error (user=%.*s, verb=%s, resource=nodes, "
			"subresource=%.*s)",
			STRF(q->user.name), verb_of(r->x->request.method), STRF(q->subresource));
		return;
	}
	remember_right(r->server->access, q->key, allowed);
	right_told(q, allowed);
}

static struct cJSON *text(struct arena *a, struct str s)
{
	return json_new_str(a, s);
}

static struct cJSON *review_new(struct arena *a, const char *group, const char *kind)
{
	struct cJSON *review = json_new(a, JSON_OBJECT);

	json_add(a, review, STR("kind"), text(a, str_from(kind)));
	json_add(a, review, STR("apiVersion"), text(a, arena_print(a, "%s/v1", group)));
	return review;
}

static struct cJSON *access_review(struct asking *q)
{
	struct arena *a = q->r->arena;
	struct cJSON *review = review_new(a, "authorization.k8s.io", "SubjectAccessReview"),
		     *spec = json_new(a, JSON_OBJECT), *what = json_new(a, JSON_OBJECT),
		     *groups = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < q->user.group_count; i++)
		json_append(groups, text(a, q->user.groups[i]));
	json_add(a, what, STR("verb"), text(a, str_from(verb_of(q->r->x->request.method))));
	json_add(a, what, STR("version"), text(a, STR("v1")));
	json_add(a, what, STR("resource"), text(a, STR("nodes")));
	json_add(a, what, STR("subresource"), text(a, q->subresource));
	json_add(a, what, STR("name"), text(a, q->r->server->options.node_name));
	json_add(a, spec, STR("resourceAttributes"), what);
	json_add(a, spec, STR("user"), text(a, q->user.name));
	json_add(a, spec, STR("groups"), groups);
	if (q->user.uid.len)
		json_add(a, spec, STR("uid"), text(a, q->user.uid));
	json_add(a, review, STR("spec"), spec);
	return review;
}

static struct str right_key(struct asking *q)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(64 * KIB);

	buf_print(&key, "%s\n%.*s\n%.*s\n%.*s", verb_of(q->r->x->request.method),
		STRF(q->subresource), STRF(q->user.name), STRF(q->user.uid));
	for (size_t i = 0; i < q->user.group_count; i++)
		buf_print(&key, "\n%.*s", STRF(q->user.groups[i]));
	return arena_str(q->r->arena, buf_str(&key));
}

static void ask_right(struct asking *q)
{
	struct node_request *r = q->r;
	struct caller_access *a = r->server->access;

	if (!q->subresources.at || !q->subresources.len) {
		forbid(q);
		return;
	}
	str_cut(q->subresources, ' ', &q->subresource, &q->subresources);
	q->key = right_key(q);
	struct known_right *known = map_get(&a->rights, q->key);
	if (known && known->until > loop_now(r->server->env->loop)) {
		right_told(q, known->allowed);
		return;
	}
	client_request_init(&q->request, CLIENT_CREATE,
		resource_find(STR("authorization.k8s.io"), STR("v1"), STR("subjectaccessreviews")),
		STR(""), STR(""));
	q->request.body = access_review(q);
	op_init(&r->op, &r->x->scope, right_answered, loop_in(r->server->env->loop, API_PATIENCE));
	client_send(r->server->options.client, &r->op, &q->request);
}

/* ---- who are they? ---- */

static void unauthorized(struct node_request *r)
{
	node_answer_text(r, 401, "Unauthorized");
}

static void user_known(struct asking *q)
{
	if (!q->r->server->options.client || q->r->server->options.callers.may_all)
		right_told(q, true);
	else
		ask_right(q);
}

static void read_groups(struct arena *a, const struct cJSON *list, struct node_user *u)
{
	struct str *groups = arena_alloc(a, (json_count(list) + 2) * sizeof(*groups));

	u->groups = groups;
	u->group_count = 0;
	json_each (group, list)
		groups[u->group_count++] = json_str(group);
}

static void token_answered(struct op *op, struct err *err)
{
	struct node_request *r = CONTAINER_OF(op, struct node_request, op);
	struct asking *q = r->x->handler;
	const struct cJSON *status = json_get(q->request.object, STR("status"));
	bool good = !err->code && json_bool(json_get(status, STR("authenticated")));

	if (good) {
		struct node_user u = {.name = json_str(json_path(status, "user.username")),
			.uid = json_str(json_path(status, "user.uid"))};

		read_groups(r->arena, json_path(status, "user.groups"), &u);
		q->user = copy_user(r->arena, &u);
		remember_user(r->server->access, q->key, &q->user);
	}
	client_request_done(&q->request);
	if (good)
		user_known(q);
	else
		unauthorized(r);
}

static void ask_token(struct asking *q, struct str token)
{
	struct node_request *r = q->r;
	struct arena *a = r->arena;
	struct cJSON *review = review_new(a, "authentication.k8s.io", "TokenReview"),
		     *spec = json_new(a, JSON_OBJECT);
	unsigned char digest[32];

	sha256_of(token, digest);
	q->key = str_make(arena_copy(a, digest, sizeof(digest)), sizeof(digest));
	struct known_user *known = map_get(&r->server->access->users, q->key);
	if (known && known->until > loop_now(r->server->env->loop)) {
		q->user = copy_user(a, &known->user);
		user_known(q);
		return;
	}
	json_add(a, spec, STR("token"), text(a, token));
	json_add(a, review, STR("spec"), spec);
	client_request_init(&q->request, CLIENT_CREATE,
		resource_find(STR("authentication.k8s.io"), STR("v1"), STR("tokenreviews")),
		STR(""), STR(""));
	q->request.body = review;
	op_init(&r->op, &r->x->scope, token_answered, loop_in(r->server->env->loop, API_PATIENCE));
	client_send(r->server->options.client, &r->op, &q->request);
}

/* true: a certificate was shown, and it is good. */
static bool by_certificate(struct asking *q)
{
	const struct http_peer *peer = q->r->x->peer;

	if (!peer || !peer->tls || peer->tls_info.peer_error || !peer->tls_info.peer ||
		!peer->tls_info.peer->count)
		return false;
	const struct cert_info *info = cert_info(peer->tls_info.peer->items[0]);
	int64_t now = env_wall(q->r->server->env);
	if (now < info->not_before || now > info->not_after || !info->subject.common_name.len)
		return false;
	struct str *groups =
		arena_alloc(q->r->arena, (info->subject.organization_count + 1) * sizeof(*groups));
	for (size_t i = 0; i < info->subject.organization_count; i++)
		groups[i] = info->subject.organizations[i];
	groups[info->subject.organization_count] = STR("system:authenticated");
	q->user = (struct node_user){.name = info->subject.common_name,
		.groups = groups,
		.group_count = info->subject.organization_count + 1};
	return true;
}

static void be_nobody(struct asking *q)
{
	static const struct str groups[] = {STR_INIT("system:unauthenticated")};

	q->user = (struct node_user){
		.name = STR("system:anonymous"), .groups = groups, .group_count = 1};
}

void node_authorize(struct node_request *r, const char *subresources, node_handler_fn *allowed)
{
	struct asking *q = arena_new(r->arena, sizeof(*q));
	struct str header = http_headers_get(&r->x->request.headers, STR("Authorization"));

	const struct caller_rules *rules = &r->server->options.callers;

	if (r->server->options.unasked) {
		allowed(r);
		return;
	}
	r->x->handler = q;
	q->r = r;
	q->all = q->subresources = str_from(subresources);
	q->allowed = allowed;
	if (by_certificate(q)) {
		user_known(q);
	} else if (!rules->no_tokens && r->server->options.client &&
		   str_starts_nocase(header, STR("Bearer "))) {
		ask_token(q, str_trim(str_skip(header, 7)));
	} else if (rules->anonymous && r->server->options.client) {
		be_nobody(q);
		user_known(q);
	} else {
		unauthorized(r);
	}
}
