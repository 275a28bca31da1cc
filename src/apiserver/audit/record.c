/* What is known of one request, and the event that is made of it. */
#include "record.h"
#include "body.h"
#include "represent_private.h"

#include <kube/codec.h>
#include <kube/time.h>

#define ADDRESSES_MAX 32

static void put(struct cJSON *to, struct arena *a, const char *key, struct str value)
{
	json_add_borrowed(to, str_from(key), json_new_str(a, value));
}

static void put_some(struct cJSON *to, struct arena *a, const char *key, struct str value)
{
	if (value.len)
		put(to, a, key, value);
}

static void put_time(struct cJSON *to, struct arena *a, const char *key, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print_micro(&text, wall);
	put(to, a, key, arena_str(a, buf_str(&text)));
}

/* ---- where from ---- */

static void add_address(struct arena *a, struct cJSON *list, struct str text)
{
	struct ip ip;
	_cleanup_(buf_done) struct buf shown = BUF_INIT(64);

	if (!ip_parse(str_trim(text), &ip) || json_count(list) == ADDRESSES_MAX)
		return;
	ip_print(&shown, &ip);
	json_append(list, json_new_str(a, arena_str(a, buf_str(&shown))));
}

static bool ends_with(const struct cJSON *list, struct str text)
{
	struct str last = STR("");

	json_each (item, list)
		last = json_str(item);
	return str_eq(last, text);
}

/* What proxies say, then who is really there. */
static struct cJSON *source_addresses(struct api_request *r)
{
	_cleanup_(buf_done) struct buf peer = BUF_INIT(64);
	struct cJSON *list = json_new(r->arena, JSON_ARRAY);
	struct str forwarded = request_header(r, "X-Forwarded-For"), piece;
	struct str real = request_header(r, "X-Real-Ip");

	while (forwarded.len && str_next(&forwarded, ',', &piece))
		add_address(r->arena, list, piece);
	if (real.len && !ends_with(list, real))
		add_address(r->arena, list, real);
	if (r->x->peer && !r->local) {
		ip_print(&peer, &r->x->peer->remote.ip);
		if (!ends_with(list, buf_str(&peer)))
			add_address(r->arena, list, buf_str(&peer));
	} else if (r->local) {
		add_address(r->arena, list, STR("127.0.0.1"));
	}
	return list;
}

/* ---- what it is about ---- */

static struct cJSON *reference(struct api_request *r, const struct audit_record *record)
{
	struct cJSON *ref = json_new(r->arena, JSON_OBJECT);
	const struct cJSON *sent = record->meta;
	struct str namespace = r->namespace, name = r->name;

	if (!namespace.len)
	namespace = tree_str(sent, "namespace");
	if (!name.len)
		name = tree_str(sent, "name");
	put_some(ref, r->arena, "resource", r->plural);
	put_some(ref, r->arena, "namespace", namespace);
	put_some(ref, r->arena, "name", name);
	put_some(ref, r->arena, "uid", tree_str(sent, "uid"));
	put_some(ref, r->arena, "apiGroup", r->group);
	put_some(ref, r->arena, "apiVersion", r->version);
	put_some(ref, r->arena, "resourceVersion", tree_str(sent, "resourceVersion"));
	put_some(ref, r->arena, "subresource", r->subresource);
	return ref;
}

/* ---- how it ended ---- */

static struct cJSON *response_status(struct api_request *r, const struct audit_record *record)
{
	struct cJSON *s = json_new(r->arena, JSON_OBJECT);
	int code = r->answer_code ? r->answer_code : r->x->status;

	json_add_borrowed(s, STR("metadata"), json_new(r->arena, JSON_OBJECT));
	if (record->status) {
		put(s, r->arena, "status", tree_str(record->status, "status"));
		put_some(s, r->arena, "message", tree_str(record->status, "message"));
		put_some(s, r->arena, "reason", tree_str(record->status, "reason"));
		if (json_get(record->status, STR("details")))
			json_add_borrowed(s, STR("details"),
				json_copy(r->arena, json_get(record->status, STR("details"))));
	}
	json_add_borrowed(s, STR("code"), json_new_int(r->arena, code));
	return s;
}

/* ---- the event ---- */

static struct cJSON *user_tree(struct api_request *r, const struct api_user *user)
{
	struct cJSON *t = json_new(r->arena, JSON_OBJECT);
	static const char *const members[] = {"username", "uid", "groups", "extra"};
	struct cJSON *all = user ? access_user_tree(r->arena, user) : NULL;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct cJSON *value = json_get(all, str_from(members[i]));

		if (value)
			json_add_borrowed(t, str_from(members[i]), json_copy(r->arena, value));
	}
	return t;
}

static void add_object(struct cJSON *event, const char *key, struct cJSON *object)
{
	if (object)
		json_add_borrowed(event, str_from(key), object);
}

static struct cJSON *annotations(struct arena *a, const struct audit_record *record, bool brief)
{
	struct cJSON *all = json_copy(a, record->annotations);

	if (brief)
		json_set(a, all, STR("audit.k8s.io/truncated"), json_new_str(a, STR("true")));
	return json_count(all) ? all : NULL;
}

struct cJSON *audit_event(struct api_request *r, const struct audit_record *record,
	enum audit_stage stage, bool brief)
{
	struct arena *a = r->arena;
	struct cJSON *e = json_new(a, JSON_OBJECT);
	bool all = record->decision.level == AUDIT_REQUEST_RESPONSE,
	     ended = stage != AUDIT_RECEIVED;

	put(e, a, "kind", STR("Event"));
	put(e, a, "apiVersion", STR("audit.k8s.io/v1"));
	put(e, a, "level", str_from(audit_level_name(record->decision.level)));
	put(e, a, "auditID", r->audit_id);
	put(e, a, "stage", str_from(audit_stage_name(stage)));
	put(e, a, "requestURI", r->x->request.target);
	put(e, a, "verb", r->verb);
	json_add_borrowed(e, STR("user"), user_tree(r, r->real_user));
	if (ended && r->user != r->real_user && r->user)
		json_add_borrowed(e, STR("impersonatedUser"), user_tree(r, r->user));
	json_add_borrowed(e, STR("sourceIPs"), source_addresses(r));
	put_some(e, a, "userAgent", r->user_agent);
	if (r->is_resource)
		json_add_borrowed(e, STR("objectRef"), reference(r, record));
	if (ended)
		json_add_borrowed(e, STR("responseStatus"), response_status(r, record));
	if (ended && record->decision.level >= AUDIT_REQUEST && !brief)
		add_object(e, "requestObject", record->sent);
	if (ended && all && !brief)
		add_object(e, "responseObject", record->answered);
	put_time(e, a, "requestReceivedTimestamp", r->now);
	put_time(e, a, "stageTimestamp", record->stage_time);
	add_object(e, "annotations", annotations(a, record, brief));
	return e;
}
