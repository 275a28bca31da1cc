/*
 * Impersonate-User and its like: another user for this request, as far as that is allowed. First
 * by the constrained modes, where both who somebody becomes (impersonate:MODE) and what is done
 * as them (impersonate-on:MODE:VERB) must be granted; then by the old verb, which grants both.
 */
#include "authn_private.h"

#include <kube/mem.h>
#include <kube/names.h>

#include <stdlib.h>

#define OWN_GROUPS  3 /* that are added to those named */
#define HABITS_MAX  4096
#define MANY        4 /* so many at once are asked for together first */
#define AUTH_GROUP  "authentication.k8s.io"
#define NODE_PREFIX "system:node:"
#define SA_PREFIX   "system:serviceaccount:"
#define NODE_EXTRA  "authentication.kubernetes.io/node-name"

struct impersonation {
	struct api_request *r;
	struct str user, uid;
	struct str *groups; /* room for all headers, and OWN_GROUPS */
	size_t group_count;
	struct user_extra *extra; /* room for all headers */
	size_t extra_count;
};

/* ---- reading ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower case; %xx stands for what no header's name can hold. */
static struct str extra_key(struct arena *a, struct str name)
{
	char *key = arena_alloc(a, name.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (c == '%' && i + 2 < name.len && hex_digit(name.at[i + 1]) >= 0 &&
			hex_digit(name.at[i + 2]) >= 0) {
			c = (char)(hex_digit(name.at[i + 1]) * 16 + hex_digit(name.at[i + 2]));
			i += 2;
		} else if (c >= 'A' && c <= 'Z') {
			c |= 0x20;
		}
		key[len++] = c;
	}
	return str_make(key, len);
}

static void add_extra(struct impersonation *i, struct str key, struct str value)
{
	struct arena *a = i->r->arena;

	for (size_t k = 0; k < i->extra_count; k++) {
		struct user_extra *e = &i->extra[k];

		if (!str_eq(e->key, key))
			continue;
		struct str *grown = arena_alloc(a, (e->count + 1) * sizeof(*grown));
		memcpy(grown, e->values, e->count * sizeof(*grown));
		grown[e->count++] = value;
		e->values = grown;
		return;
	}
	i->extra[i->extra_count++] = (struct user_extra){
		.key = key, .values = arena_copy(a, &value, sizeof(value)), .count = 1};
}

static void read_headers(struct api_request *r, struct impersonation *i)
{
	static const struct str prefix = STR_INIT("impersonate-extra-");
	const struct http_headers *h = &r->x->request.headers;

	i->r = r;
	i->user = request_header(r, "Impersonate-User");
	i->uid = request_header(r, "Impersonate-Uid");
	i->groups = arena_new(r->arena, (h->count + OWN_GROUPS) * sizeof(*i->groups));
	i->extra = arena_new(r->arena, h->count * sizeof(*i->extra));
	for (size_t k = 0; k < h->count; k++) {
		struct str name = h->items[k].name, value = h->items[k].value;

		if (str_eq_nocase(name, STR("Impersonate-Group"))) {
			i->groups[i->group_count++] = value;
		} else if (str_starts_nocase(name, prefix)) {
			add_extra(i, extra_key(r->arena, str_skip(name, prefix.len)), value);
		}
	}
}

/* ---- what kind of user that is ---- */

static bool is_node(struct str user, struct str *name)
{
	struct name_faults faults = {0};

	if (!str_starts(user, STR(NODE_PREFIX)))
		return false;
	*name = str_skip(user, STR(NODE_PREFIX).len);
	name_check_dns_subdomain(*name, &faults);
	return !faults.count;
}

static bool is_account(struct str user, struct str *namespace, struct str *name)
{
	struct name_faults faults = {0};

	if (!str_starts(user, STR(SA_PREFIX)) ||
		!str_cut(str_skip(user, STR(SA_PREFIX).len), ':', namespace, name))
		return false;
	name_check_dns_label(*namespace, &faults);
	name_check_dns_subdomain(*name, &faults);
	return !faults.count;
}

static bool only_name(const struct impersonation *i)
{
	return !i->uid.len && !i->group_count && !i->extra_count;
}

/* ---- modes ---- */

struct mode {
	const char *name; /* NULL: the old verb alone */
	bool (*applies)(const struct impersonation *i);
};

static bool is_own_node(const struct impersonation *i)
{
	const struct api_user *u = i->r->real_user;
	struct str node, space, name;

	if (!only_name(i) || !is_node(i->user, &node) || !is_account(u->name, &space, &name))
		return false;
	for (size_t k = 0; k < u->extra_count; k++)
		if (str_eq_text(u->extra[k].key, NODE_EXTRA))
			return u->extra[k].count == 1 && str_eq(u->extra[k].values[0], node);
	return false;
}

static bool is_any_node(const struct impersonation *i)
{
	struct str node;

	return only_name(i) && is_node(i->user, &node);
}

static bool is_any_account(const struct impersonation *i)
{
	struct str space, name;

	return only_name(i) && is_account(i->user, &space, &name);
}

static bool is_other_user(const struct impersonation *i)
{
	struct str space, name;

	return !is_node(i->user, &name) && !is_account(i->user, &space, &name);
}

static bool is_anybody(const struct impersonation *i)
{
	(void)i;
	return true;
}

static const struct mode modes[] = {
	{"associated-node", is_own_node},
	{"arbitrary-node", is_any_node},
	{"serviceaccount", is_any_account},
	{"user-info", is_other_user},
	{NULL, is_anybody},
};

/* ---- asking ---- */

static struct status *ask(struct impersonation *i, const struct access_query *q)
{
	struct str reason;

	if (authz_ask(i->r->server->authz, i->r->arena, q, &reason) == ACCESS_ALLOW)
		return NULL;
	return access_forbidden(i->r->arena, q, reason);
}

static struct access_query query_of(struct impersonation *i, const struct mode *m,
	const char *group, const char *resource, struct str name)
{
	return (struct access_query){.user = i->r->real_user,
		.request = i->r,
		.verb = m->name ? arena_print(i->r->arena, "impersonate:%s", m->name)
				: STR("impersonate"),
		.is_resource = true,
		.group = str_from(group),
		.version = STR("v1"),
		.resource = str_from(resource),
		.name = name};
}

static struct status *ask_name(struct impersonation *i, const struct mode *m)
{
	struct access_query q = query_of(i, m, m->name ? AUTH_GROUP : "", "users", i->user);
	struct str space, name;

	if (m->name && is_node(i->user, &name)) {
		q.resource = STR("nodes");
		/* granted for one node alone it would be granted for no other of the account's */
		q.name = m->applies == is_own_node ? STR("*") : name;
	} else if (is_account(i->user, &space, &name)) {
		q.resource = STR("serviceaccounts");
		q.namespace = space;
		q.name = name;
	}
	return ask(i, &q);
}

static struct status *ask_groups(struct impersonation *i, const struct mode *m)
{
	struct access_query q = query_of(i, m, m->name ? AUTH_GROUP : "", "groups", STR(""));

	for (size_t k = 0; m->name && k < i->group_count; k++) {
		if (!i->groups[k].len)
			return access_forbidden(i->r->arena, &q,
				STR("impersonating the empty string group is not allowed"));
		if (str_eq_text(i->groups[k], "system:masters")) {
			q.name = i->groups[k];
			return access_forbidden(i->r->arena, &q,
				STR("impersonating the system:masters group is not allowed"));
		}
	}
	if (m->name && i->group_count >= MANY) {
		q.name = STR("*");
		if (!ask(i, &q))
			return NULL;
	}
	for (size_t k = 0; k < i->group_count; k++) {
		q.name = i->groups[k];
		struct status *s = ask(i, &q);

		if (s)
			return s;
	}
	return NULL;
}

static struct str bad_extra(struct impersonation *i)
{
	for (size_t k = 0; k < i->extra_count; k++) {
		const struct user_extra *e = &i->extra[k];
		struct name_faults faults = {0};

		if (!e->key.len)
			return STR("impersonating the empty string key in extra is not allowed");
		name_check_prefixed(e->key, &faults);
		if (faults.count)
			return arena_print(i->r->arena,
				"impersonating an invalid key in extra is not allowed: extra.key: "
				"Invalid value: %.*s: %s",
				STRF(field_quote(i->r->arena, e->key)), faults.items[0]);
		for (size_t v = 0; v < e->count; v++)
			if (!e->values[v].len)
				return STR("impersonating the empty string value in extra is not "
					   "allowed");
	}
	return (struct str){0};
}

static struct status *ask_extra(struct impersonation *i, const struct mode *m)
{
	struct access_query q = query_of(i, m, AUTH_GROUP, "userextras", STR(""));
	struct str fault = m->name ? bad_extra(i) : (struct str){0};
	size_t count = 0;

	if (fault.len)
		return access_forbidden(i->r->arena, &q, fault);
	for (size_t k = 0; k < i->extra_count; k++)
		count += i->extra[k].count;
	if (m->name && count >= MANY) {
		q.subresource = q.name = STR("*");
		if (!ask(i, &q))
			return NULL;
	}
	for (size_t k = 0; k < i->extra_count; k++)
		for (size_t v = 0; v < i->extra[k].count; v++) {
			q.subresource = i->extra[k].key;
			q.name = i->extra[k].values[v];
			struct status *s = ask(i, &q);

			if (s)
				return s;
		}
	return NULL;
}

static struct status *ask_all(struct impersonation *i, const struct mode *m)
{
	struct status *s = NULL;

	if (m->name) {
		struct access_query q = access_query_of(i->r);

		q.user = i->r->real_user;
		q.verb = arena_print(
			i->r->arena, "impersonate-on:%s:%.*s", m->name, STRF(i->r->verb));
		s = ask(i, &q);
	}
	if (!s)
		s = ask_name(i, m);
	if (!s && i->uid.len) {
		struct access_query q = query_of(i, m, AUTH_GROUP, "uids", i->uid);

		s = ask(i, &q);
	}
	if (!s)
		s = ask_groups(i, m);
	return s ? s : ask_extra(i, m);
}

/* ---- habits: the mode that last worked for somebody is tried first ---- */

static size_t habit_of(struct impersonation *i)
{
	uintptr_t known = (uintptr_t)map_get(&i->r->server->authn->habits, i->r->real_user->name);

	return known ? (size_t)known - 1 : ARRAY_LEN(modes);
}

static void remember(struct impersonation *i, size_t mode)
{
	struct map *habits = &i->r->server->authn->habits;

	if (habits->count >= HABITS_MAX) {
		map_done(habits);
		map_init(habits);
	}
	map_set(habits, i->r->real_user->name, (void *)(uintptr_t)(mode + 1));
}

/* The mode that lets them; NULL: *refusal, the first that was heard. */
static const struct mode *find_mode(struct impersonation *i, struct status **refusal)
{
	size_t habit = habit_of(i);

	*refusal = NULL;
	for (size_t k = 0; k <= ARRAY_LEN(modes); k++) {
		size_t at = k ? k - 1 : habit;

		if (at == ARRAY_LEN(modes) || (k && at == habit) || !modes[at].applies(i))
			continue;
		struct status *s = ask_all(i, &modes[at]);
		if (access_is_pending(i->r))
			return NULL;
		if (!s) {
			remember(i, at);
			return &modes[at];
		}
		if (!*refusal)
			*refusal = s;
	}
	return NULL;
}

/* ---- becoming ---- */

static bool has_group(const struct impersonation *i, const char *group)
{
	for (size_t k = 0; k < i->group_count; k++)
		if (str_eq_text(i->groups[k], group))
			return true;
	return false;
}

static void add_group(struct impersonation *i, struct str group)
{
	if (!has_group(i, arena_str(i->r->arena, group).at))
		i->groups[i->group_count++] = group;
}

static void become(struct impersonation *i, const struct mode *m)
{
	struct arena *a = i->r->arena;
	struct api_user *u = arena_new(a, sizeof(*u));
	struct str space, name;

	/* Service accounts bring their groups along, unless others were named. */
	if (!i->group_count && is_account(i->user, &space, &name)) {
		add_group(i, STR("system:serviceaccounts"));
		add_group(i, arena_print(a, "system:serviceaccounts:%.*s", STRF(space)));
	}
	if (m->name && is_node(i->user, &name))
		add_group(i, STR("system:nodes"));
	if (str_eq_text(i->user, "system:anonymous"))
		add_group(i, STR("system:unauthenticated"));
	else if (!has_group(i, "system:unauthenticated"))
		add_group(i, STR("system:authenticated"));
	u->name = i->user;
	u->uid = i->uid;
	u->groups = i->groups;
	u->group_count = i->group_count;
	u->extra = i->extra;
	u->extra_count = i->extra_count;
	i->r->user = u;
}

/* ---- the stage ---- */

static int compare_extra(const void *a, const void *b)
{
	return str_cmp(((const struct user_extra *)a)->key, ((const struct user_extra *)b)->key);
}

static void print_list(
	struct impersonation *i, struct buf *out, const struct str *items, size_t count)
{
	buf_add_text(out, "[]string{");
	for (size_t k = 0; k < count; k++)
		buf_print(out, "%s%.*s", k ? ", " : "", STRF(field_quote(i->r->arena, items[k])));
	buf_add_text(out, "}");
}

/* Somebody without a name, as Go prints such a user. */
static struct status *refuse_nameless(struct impersonation *i)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	buf_print(&out, "&user.DefaultInfo{Name:\"\", UID:%.*s, Groups:",
		STRF(field_quote(i->r->arena, i->uid)));
	if (i->group_count)
		print_list(i, &out, i->groups, i->group_count);
	else
		buf_add_text(&out, "[]string(nil)");
	buf_add_text(&out, i->extra_count ? ", Extra:map[string][]string{"
					  : ", Extra:map[string][]string(nil)");
	qsort(i->extra, i->extra_count, sizeof(*i->extra), compare_extra);
	for (size_t k = 0; k < i->extra_count; k++) {
		buf_print(&out, "%s%.*s:", k ? ", " : "",
			STRF(field_quote(i->r->arena, i->extra[k].key)));
		print_list(i, &out, i->extra[k].values, i->extra[k].count);
	}
	buf_add_text(&out, i->extra_count ? "}}" : "}");
	return status_new(i->r->arena, ERR_BAD_REQUEST,
		"requested %.*s without impersonating a user name", STRF(buf_str(&out)));
}

/* Most requests do not. */
static bool asks(const struct api_request *r)
{
	const struct http_headers *h = &r->x->request.headers;

	for (size_t k = 0; k < h->count; k++)
		if (str_starts_nocase(h->items[k].name, STR("impersonate-")))
			return true;
	return false;
}

void stage_impersonate(struct api_request *r)
{
	struct impersonation *i;
	struct status *refusal;

	if (!asks(r)) {
		request_next(r);
		return;
	}
	i = arena_new(r->arena, sizeof(*i));
	read_headers(r, i);
	if (!i->user.len) {
		if (i->uid.len || i->group_count || i->extra_count)
			request_fail(r, refuse_nameless(i));
		else
			request_next(r);
		return;
	}
	const struct mode *mode = find_mode(i, &refusal);
	if (access_is_pending(r)) {
		access_wait_again(r, stage_impersonate);
		return;
	}
	if (!mode) {
		request_fail(r, refusal);
		return;
	}
	become(i, mode);
	request_next(r);
}
