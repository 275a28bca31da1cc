/*
 * Connections (exec, attach, portforward, proxy): what is asked for stands in the query, and passes
 * admission as an object of its own kind before anybody is connected.
 */
#include "registry.h"

struct connecting {
	struct body_admission admission;
	struct api_request *r;
	stage_fn *go;
};

static void add_switch(struct api_request *r, struct cJSON *options, const char *name)
{
	if (request_is_on(r, name))
		json_add(r->arena, options, str_from(name), json_new_bool(r->arena, true));
}

/* Of numbers several may stand in one, with commas. */
static void add_numbers(struct api_request *r, struct cJSON *list, struct str text)
{
	struct str word;
	int64_t number;

	while (str_next(&text, ',', &word))
		if (str_to_i64(word, &number))
			json_append(list, json_new_int(r->arena, number));
}

static void add_list(struct api_request *r, struct cJSON *options, const char *name, bool numbers)
{
	struct cJSON *list = json_new(r->arena, JSON_ARRAY);

	for (size_t i = 0; i < r->parameters.count; i++) {
		struct str value = r->parameters.pairs[i].value;

		if (!str_eq_text(r->parameters.pairs[i].key, name))
			continue;
		if (!numbers)
			json_append(list, json_new_str(r->arena, value));
		else
			add_numbers(r, list, value);
	}
	if (json_first(list))
		json_add(r->arena, options, str_from(name), list);
}

/* What stands behind "proxy" in the path. */
static void add_path(struct api_request *r, struct cJSON *options)
{
	bool slash = str_ends(r->path, STR("/"));
	struct str path = r->rest.len ? arena_print(r->arena, "/%.*s", STRF(r->rest)) : STR("");

	if (slash && !str_ends(path, STR("/")))
		path = arena_print(r->arena, "%.*s/", STRF(path));
	if (path.len)
		json_add(r->arena, options, STR("path"), json_new_str(r->arena, path));
}

static struct cJSON *options_of(struct api_request *r)
{
	static const char *const switches[] = {"stdin", "stdout", "stderr", "tty"};
	struct cJSON *options = json_new(r->arena, JSON_OBJECT);
	struct str container;

	tree_set_str(r->arena, options, "kind", r->sub->kind);
	tree_set_str(r->arena, options, "apiVersion", r->sub->api_version);
	if (str_eq_text(r->subresource, "proxy")) {
		add_path(r, options);
	} else if (str_eq_text(r->subresource, "portforward")) {
		add_list(r, options, "ports", true);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(switches); i++)
			add_switch(r, options, switches[i]);
		if (request_query(r, "container", &container) && container.len)
			json_add(r->arena, options, STR("container"),
				json_new_str(r->arena, container));
		if (str_eq_text(r->subresource, "exec"))
			add_list(r, options, "command", false);
	}
	return options;
}

static void admitted(struct body_admission *b, struct status *no)
{
	struct connecting *c = b->ctx;

	if (no)
		request_fail(c->r, no);
	else
		c->go(c->r);
}

void registry_admit_connect(struct api_request *r, stage_fn *go)
{
	struct connecting *c = arena_new(r->arena, sizeof(*c));

	c->r = r;
	c->go = go;
	c->admission =
		(struct body_admission){.next = admitted, .ctx = c, .operation = ADMIT_CONNECT};
	registry_admit_body(&c->admission, r, r->resource->hub, r->name, options_of(r));
}
