/*
 * LIST: everything in one turn of the loop, as references; what is sent later cannot change.
 * Which state is shown depends on resourceVersion, resourceVersionMatch, limit and continue.
 */
#include "registry.h"

#include "custom_kind.h"
#include "metrics.h"

#include <kube/mem.h>
#include <kube/time.h>

struct listing {
	struct api_request *r;
	struct bucket *bucket;
	struct str prefix, from;
	struct str single; /* key of the only one that can be meant; empty: any can */
	int64_t revision;  /* to be shown; 0: the present */
	int64_t limit;
	struct list_answer answer;
	size_t cap;
	struct str last; /* key of the last one taken */
	bool more;
	int64_t left; /* behind the last one taken */
	int64_t read, judged;
	struct op op; /* the wait for a version to come */
	int64_t wanted;
};

/* ---- taking ---- */

static bool full(const struct listing *l)
{
	return l->limit > 0 && (int64_t)l->answer.count == l->limit;
}

static void take(struct listing *l, struct str key, struct object *o)
{
	struct list_answer *a = &l->answer;

	l->read++;
	if (full(l)) {
		l->more = true;
		l->left++;
		return;
	}
	if (l->r->resource->custom)
		o = custom_view(l->r->resource, o);
	else
		object_ref(o);
	l->judged++;
	if (!registry_selects(l->r, o)) {
		object_unref(o);
		return;
	}
	if (a->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		a->items = mem_resize(a->items, l->cap * sizeof(*a->items));
	}
	a->items[a->count++] = o;
	if (full(l))
		l->last = arena_str(l->r->arena, key);
}

/* With selectors nobody asks how many are left: the first one behind the page is enough. */
static bool enough(const struct listing *l)
{
	return l->more && (l->r->options.labels.count || l->r->options.fields.count);
}

/* A list of one name is a look at one object, however many there are. */
static void take_single(struct listing *l)
{
	struct object *o = store_get(l->bucket, l->single);

	if (o && str_cmp(l->single, l->from) >= 0)
		take(l, l->single, o);
}

static void take_present(struct listing *l)
{
	struct store_iter it = store_seek(l->bucket, l->prefix, l->from);

	l->answer.revision = store_revision(l->r->server->store);
	if (l->single.len) {
		take_single(l);
		return;
	}
	while (!enough(l) && store_next(&it))
		take(l, it.key, it.object);
}

static struct status *expired(struct listing *l)
{
	struct api_request *r = l->r;
	struct status *s;

	if (!r->options.continue_.len)
		return status_new(r->arena, ERR_EXPIRED,
			"The resourceVersion for the provided list is too old.");
	s = status_new(r->arena, ERR_EXPIRED,
		"The provided continue parameter is too old to display a consistent list result. "
		"You can start a new list without the continue parameter, or use the continue "
		"token in this response to retrieve the remainder of the results. Continuing with "
		"the provided token results in an inconsistent list - objects that were created, "
		"modified, or deleted between the time the first chunk was returned and now may "
		"show up in the list.");
	struct str key = l->from;
	if (key.len && key.at[key.len - 1] == '\0')
		key.len--;
	s->continue_token = continue_print(r->arena, -1, key, l->prefix);
	return s;
}

static struct status *take_past(struct listing *l)
{
	struct store_found found;

	if (store_list_at(l->bucket, l->revision, l->prefix, l->from, 0, &found, NULL))
		return expired(l);
	for (size_t i = 0; i < found.count && !enough(l); i++)
		if (!l->single.len || str_eq(found.keys[i], l->single))
			take(l, found.keys[i], found.items[i]);
	store_found_done(&found);
	l->answer.revision = l->revision;
	return NULL;
}

static void count_list(const struct listing *l)
{
	const struct {
		enum metric_series which;
		int64_t by;
	} counts[] = {{METRIC_STORE_LISTS, 1}, {METRIC_STORE_FETCHED, l->read},
		{METRIC_STORE_EVALUATED, l->judged},
		{METRIC_STORE_RETURNED, (int64_t)l->answer.count}};
	const struct resource *hub = l->r->resource->hub;
	struct str labels = arena_print(l->r->arena, "group=\"%.*s\",resource=\"%.*s\"",
		STRF(hub->group), STRF(hub->plural));

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		*metrics_number(l->r->server->metrics, counts[i].which, labels) += counts[i].by;
}

static void finish(struct listing *l)
{
	struct api_request *r = l->r;
	bool selected = r->options.labels.count || r->options.fields.count;
	struct status *failure = NULL;

	if (l->revision)
		failure = take_past(l);
	else
		take_present(l);
	if (failure) {
		request_fail(r, failure);
		return;
	}
	count_list(l);
	l->answer.remaining = -1;
	if (l->more) {
		l->answer.continue_ =
			continue_print(r->arena, l->answer.revision, l->last, l->prefix);
		if (!selected)
			l->answer.remaining = l->left;
	}
	answer_list(r, &l->answer);
}

/* ---- which state ---- */

static void came(struct op *op, struct err *err)
{
	struct listing *l = CONTAINER_OF(op, struct listing, op);
	struct api_request *r = l->r;
	int64_t current = store_revision(r->server->store);

	if (err->code && err->code != ERR_TIMEOUT) {
		request_fail_err(r, err);
	} else if (current >= l->wanted) {
		finish(l);
	} else {
		struct status *s = status_new(r->arena, ERR_TIMEOUT,
			"Timeout: Too large resource version: %lld, current: %lld",
			(long long)l->wanted, (long long)current);

		s->has_details = true;
		s->retry_after = 1;
		status_add_cause(r->arena, s, STR("ResourceVersionTooLarge"),
			STR("Too large resource version"), STR(""));
		request_fail(r, s);
	}
}

/* A version that has not been yet may come within three seconds. */
static void wait_for(struct listing *l, int64_t version)
{
	struct api_request *r = l->r;

	l->wanted = version;
	op_init(&l->op, &r->x->scope, came, OP_NO_DEADLINE);
	timer_wait(&l->op, loop_now(r->server->env->loop) + 3 * SEC);
}

static struct status *choose(struct listing *l)
{
	const struct request_options *o = &l->r->options;

	if (o->continue_.len) {
		int64_t revision;
		struct status *s = continue_parse(l->r, l->prefix, &revision, &l->from);

		if (s)
			return s;
		if (o->version > 0)
			return status_new(l->r->arena, ERR_BAD_REQUEST,
				"specifying resource version is not allowed when using continue");
		l->revision = revision > 0 ? revision : 0; /* -1: whatever stands there now */
		return NULL;
	}
	if (o->match == MATCH_EXACT)
		l->revision = o->version;
	else if (o->match == MATCH_UNSET && o->limit > 0 && o->version > 0)
		l->revision = o->version;
	if (o->version == 0 && o->resource_version.len)
		l->limit = 0; /* "any" is served whole, from the cache */
	return NULL;
}

static struct str single_key(struct api_request *r, struct str prefix)
{
	struct str name;

	if ((r->resource->namespaced && !prefix.len) ||
		!field_selector_requires(&r->options.fields, STR("metadata.name"), &name))
		return (struct str){0};
	return arena_print(r->arena, "%.*s%.*s", STRF(prefix), STRF(name));
}

void verb_list(struct api_request *r)
{
	struct listing *l = arena_new(r->arena, sizeof(*l));
	struct status *s;

	l->r = r;
	l->bucket = server_bucket(r->server, r->resource->hub);
	l->prefix = registry_prefix(r);
	l->single = single_key(r, l->prefix);
	l->from = STR("");
	l->limit = r->options.limit;
	s = choose(l);
	if (s) {
		request_fail(r, s);
		return;
	}
	if (r->options.version > store_revision(r->server->store))
		wait_for(l, r->options.version);
	else
		finish(l);
}
