/* What an authorization webhook is asked: as text, and as the tree that its conditions look at. */
#include "webhook.h"

#include <kube/json.h>

#include <stdlib.h>

/* ---- the spec of a review ---- */

static void add_member(struct buf *out, const char *name, struct str value, bool *some)
{
	if (!value.len)
		return;
	buf_print(out, "%s\"%s\":", *some ? "," : "", name);
	json_print_str(out, value);
	*some = true;
}

static void add_strings(struct buf *out, const struct str *items, size_t count)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, items[i]);
	}
	buf_add_char(out, ']');
}

static const char *operator_word(enum selector_op op)
{
	switch (op) {
	case SEL_EQ:
	case SEL_IN:
		return "In";
	case SEL_NOT_EQ:
	case SEL_NOT_IN:
		return "NotIn";
	case SEL_EXISTS:
		return "Exists";
	case SEL_NOT_EXISTS:
		return "DoesNotExist";
	default:
		return NULL;
	}
}

/* What cannot be said in a requirement is left out: it only makes the question narrower. */
static void add_selector(struct buf *out, const char *name, const struct selector *s, bool *some)
{
	bool first = true;

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];

		if (!operator_word(t->op))
			continue;
		if (first)
			buf_print(out, "%s\"%s\":{\"requirements\":[", *some ? "," : "", name);
		buf_add_text(out, first ? "{\"key\":" : ",{\"key\":");
		json_print_str(out, t->key);
		buf_print(out, ",\"operator\":\"%s\"", operator_word(t->op));
		if (t->op != SEL_EXISTS && t->op != SEL_NOT_EXISTS) {
			buf_add_text(out, ",\"values\":");
			add_strings(out, t->values, t->count);
		}
		buf_add_char(out, '}');
		first = false;
	}
	if (first)
		return;
	buf_add_text(out, "]}");
	*some = true;
}

static void add_resource(struct buf *out, struct arena *scratch, const struct access_query *q)
{
	struct selector fields = {0}, labels = {0};
	bool some = false;

	buf_add_text(out, "\"resourceAttributes\":{");
	add_member(out, "namespace", q->namespace, &some);
	add_member(out, "verb", q->verb, &some);
	add_member(out, "group", q->group, &some);
	add_member(out, "version", q->version, &some);
	add_member(out, "resource", q->resource, &some);
	add_member(out, "subresource", q->subresource, &some);
	add_member(out, "name", q->name, &some);
	if (q->field_selector.len &&
		!field_selector_parse(scratch, q->field_selector, &fields, NULL))
		add_selector(out, "fieldSelector", &fields, &some);
	if (q->label_selector.len &&
		!label_selector_parse(scratch, q->label_selector, &labels, NULL))
		add_selector(out, "labelSelector", &labels, &some);
	buf_add_char(out, '}');
}

static int compare_extra(const void *a, const void *b)
{
	return str_cmp(((const struct user_extra *)a)->key, ((const struct user_extra *)b)->key);
}

static void add_extra(struct buf *out, struct arena *scratch, const struct api_user *u)
{
	size_t size = u->extra_count * sizeof(*u->extra);
	struct user_extra *sorted;

	if (!u->extra_count)
		return;
	sorted = arena_copy(scratch, u->extra, size);
	qsort(sorted, u->extra_count, sizeof(*sorted), compare_extra);
	buf_add_text(out, ",\"extra\":{");
	for (size_t i = 0; i < u->extra_count; i++) {
		if (i)
			buf_add_char(out, ',');
		json_print_str(out, sorted[i].key);
		buf_add_char(out, ':');
		add_strings(out, sorted[i].values, sorted[i].count);
	}
	buf_add_char(out, '}');
}

void webhook_print_spec(
	struct buf *out, struct arena *scratch, const struct access_query *q, bool v1)
{
	bool some = false;

	buf_add_char(out, '{');
	if (q->is_resource) {
		add_resource(out, scratch, q);
	} else {
		buf_add_text(out, "\"nonResourceAttributes\":{");
		add_member(out, "path", q->path, &some);
		add_member(out, "verb", q->verb, &some);
		buf_add_char(out, '}');
	}
	some = true;
	add_member(out, "user", q->user->name, &some);
	if (q->user->group_count) {
		buf_print(out, ",\"%s\":", v1 ? "groups" : "group");
		add_strings(out, q->user->groups, q->user->group_count);
	}
	add_extra(out, scratch, q->user);
	add_member(out, "uid", q->user->uid, &some);
	buf_add_char(out, '}');
}

/* ---- the same for conditions: with every member, empty or not ---- */

static void add_text(struct arena *a, struct cJSON *tree, const char *name, struct str text)
{
	json_add_borrowed(tree, str_from(name), json_new_str(a, text));
}

static struct cJSON *text_list(struct arena *a, const struct str *items, size_t count)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < count; i++)
		json_append(list, json_new_str(a, items[i]));
	return list;
}

static void add_requirements(
	struct arena *a, struct cJSON *tree, const char *name, const struct selector *s)
{
	struct cJSON *selector = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < s->count; i++) {
		const struct selector_term *t = &s->terms[i];
		struct cJSON *one = json_new(a, JSON_OBJECT);

		if (!operator_word(t->op))
			continue;
		add_text(a, one, "key", t->key);
		add_text(a, one, "operator", str_from(operator_word(t->op)));
		json_add_borrowed(one, STR("values"), text_list(a, t->values, t->count));
		json_append(list, one);
	}
	if (!json_count(list))
		return;
	json_add_borrowed(selector, STR("requirements"), list);
	json_add_borrowed(tree, str_from(name), selector);
}

static struct cJSON *resource_tree(struct arena *a, const struct access_query *q)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	struct selector fields = {0}, labels = {0};

	add_text(a, tree, "namespace", q->namespace);
	add_text(a, tree, "verb", q->verb);
	add_text(a, tree, "group", q->group);
	add_text(a, tree, "version", q->version);
	add_text(a, tree, "resource", q->resource);
	add_text(a, tree, "subresource", q->subresource);
	add_text(a, tree, "name", q->name);
	if (q->field_selector.len && !field_selector_parse(a, q->field_selector, &fields, NULL))
		add_requirements(a, tree, "fieldSelector", &fields);
	if (q->label_selector.len && !label_selector_parse(a, q->label_selector, &labels, NULL))
		add_requirements(a, tree, "labelSelector", &labels);
	return tree;
}

struct cJSON *webhook_condition_tree(struct arena *a, const struct access_query *q)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *extra = json_new(a, JSON_OBJECT);
	const struct api_user *u = q->user;

	if (q->is_resource) {
		json_add_borrowed(tree, STR("resourceAttributes"), resource_tree(a, q));
	} else {
		struct cJSON *path = json_new(a, JSON_OBJECT);

		add_text(a, path, "path", q->path);
		add_text(a, path, "verb", q->verb);
		json_add_borrowed(tree, STR("nonResourceAttributes"), path);
	}
	add_text(a, tree, "user", u->name);
	json_add_borrowed(tree, STR("groups"), text_list(a, u->groups, u->group_count));
	for (size_t i = 0; i < u->extra_count; i++)
		json_add(a, extra, u->extra[i].key,
			text_list(a, u->extra[i].values, u->extra[i].count));
	json_add_borrowed(tree, STR("extra"), extra);
	add_text(a, tree, "uid", u->uid);
	return tree;
}
