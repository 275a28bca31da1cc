/* Impersonate-User and its like: another user for this request, as far as that is allowed. */
#include "authn.h"

#define GROUPS_MAX 100
#define EXTRAS_MAX 100

struct impersonation {
	struct str user, uid;
	struct str groups[GROUPS_MAX];
	size_t group_count;
	struct user_extra extra[EXTRAS_MAX];
	size_t extra_count;
};

static bool may(struct api_request *r, const char *group, const char *resource,
	struct str subresource, struct str namespace, struct str name)
{
	struct access_query q = {.user = r->real_user,
		.verb = STR("impersonate"),
		.is_resource = true,
		.group = str_from(group),
		.version = STR("v1"),
		.resource = str_from(resource),
		.subresource = subresource,
		.namespace = namespace,
		.name = name};
	struct str reason;

	if (authz_ask(r->server->authz, r->arena, &q, &reason) == ACCESS_ALLOW)
		return true;
	request_fail(r, access_forbidden(r->arena, &q, reason));
	return false;
}

/* ---- reading ---- */

static void read_headers(struct api_request *r, struct impersonation *i)
{
	static const struct str prefix = STR_INIT("impersonate-extra-");
	const struct http_headers *h = &r->x->request.headers;

	i->user = request_header(r, "Impersonate-User");
	i->uid = request_header(r, "Impersonate-Uid");
	for (size_t k = 0; k < h->count; k++) {
		struct str name = h->items[k].name, value = h->items[k].value;

		if (str_eq_nocase(name, STR("Impersonate-Group"))) {
			if (i->group_count < GROUPS_MAX)
				i->groups[i->group_count++] = value;
		} else if (str_starts_nocase(name, prefix) && i->extra_count < EXTRAS_MAX) {
			struct str *values = arena_new(r->arena, sizeof(*values));
			char *key = arena_alloc(r->arena, name.len);
			size_t len = name.len - prefix.len;

			for (size_t c = 0; c < len; c++) {
				char at = name.at[prefix.len + c];
				key[c] = at >= 'A' && at <= 'Z' ? (char)(at | 0x20) : at;
			}
			*values = value;
			i->extra[i->extra_count++] = (struct user_extra){
				.key = str_make(key, len), .values = values, .count = 1};
		}
	}
}

/* ---- may they ---- */

static bool allowed_user(struct api_request *r, struct str user)
{
	struct str rest, space, name;

	if (!str_starts(user, STR("system:serviceaccount:")))
		return may(r, "", "users", STR(""), STR(""), user);
	rest = str_skip(user, STR("system:serviceaccount:").len);
	str_cut(rest, ':', &space, &name);
	return may(r, "", "serviceaccounts", STR(""), space, name);
}

static bool allowed(struct api_request *r, const struct impersonation *i)
{
	if (!allowed_user(r, i->user))
		return false;
	for (size_t k = 0; k < i->group_count; k++)
		if (!may(r, "", "groups", STR(""), STR(""), i->groups[k]))
			return false;
	for (size_t k = 0; k < i->extra_count; k++)
		if (!may(r, "authentication.k8s.io", "userextras", i->extra[k].key, STR(""),
			    i->extra[k].values[0]))
			return false;
	return !i->uid.len || may(r, "authentication.k8s.io", "uids", STR(""), STR(""), i->uid);
}

/* ---- becoming ---- */

/* Service accounts bring their groups along, unless others were named. */
static void add_account_groups(struct api_request *r, struct impersonation *i)
{
	struct str rest = str_skip(i->user, STR("system:serviceaccount:").len), space, name;

	if (i->group_count || !str_starts(i->user, STR("system:serviceaccount:")))
		return;
	str_cut(rest, ':', &space, &name);
	i->groups[i->group_count++] = STR("system:serviceaccounts");
	i->groups[i->group_count++] =
		arena_print(r->arena, "system:serviceaccounts:%.*s", STRF(space));
}

static void become(struct api_request *r, struct impersonation *i)
{
	struct api_user *u;

	add_account_groups(r, i);
	u = user_new(r->arena, i->user, i->uid, i->groups, i->group_count);
	if (str_eq_text(i->user, "system:anonymous") && !i->group_count) {
		u->groups[0] = STR("system:unauthenticated");
		u->group_count = 1;
	}
	u->extra = arena_copy(r->arena, i->extra, (i->extra_count + 1) * sizeof(*i->extra));
	u->extra_count = i->extra_count;
	r->user = u;
}

void stage_impersonate(struct api_request *r)
{
	struct impersonation *i = arena_new(r->arena, sizeof(*i));

	read_headers(r, i);
	if (!i->user.len) {
		if (i->uid.len || i->group_count || i->extra_count) {
			request_fail(r,
				status_new(r->arena, ERR_BAD_REQUEST,
					"requested impersonation of groups, uid or extra without "
					"impersonating a user"));
			return;
		}
		request_next(r);
		return;
	}
	if (!allowed(r, i))
		return;
	become(r, i);
	request_next(r);
}
