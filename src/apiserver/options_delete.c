/* How something is to be deleted: query parameters, and bodies that say the same. */
#include "body.h"
#include "options_private.h"
#include "respond.h"

static bool read_propagation(struct str text, enum propagation *p)
{
	if (str_eq(text, STR("Background")))
		*p = PROPAGATE_BACKGROUND;
	else if (str_eq(text, STR("Foreground")))
		*p = PROPAGATE_FOREGROUND;
	else if (str_eq(text, STR("Orphan")))
		*p = PROPAGATE_ORPHAN;
	else
		return false;
	return true;
}

struct delete_words { /* as given, before they are checked */
	struct str propagation;
	struct str dry_run[16];
	size_t dry_run_count;
};

static struct status *check_delete(struct api_request *r, const struct delete_words *w)
{
	struct field_errors e = {.arena = r->arena};
	struct path path = PATH(NULL, "propagationPolicy");
	struct request_options *o = &r->options;

	if (o->has_propagation) {
		if (o->has_orphan)
			field_invalid_str(&e, &path, w->propagation,
				"orphanDependents and deletionPropagation cannot be both set");
		if (!read_propagation(w->propagation, &o->propagation))
			field_add(&e, FIELD_NOT_SUPPORTED, &path,
				arena_print(r->arena,
					"%.*s: supported values: \"Foreground\", "
					"\"Background\", \"Orphan\", \"nil\"",
					STRF(options_quote(r->arena, w->propagation))));
	}
	options_check_dry_run(r, &e, w->dry_run, w->dry_run_count);
	return options_invalid(r, "DeleteOptions", &e);
}

static struct status *read_delete_query(struct api_request *r, struct delete_words *w)
{
	struct request_options *o = &r->options;
	struct status *no = options_int(r, "gracePeriodSeconds", &o->has_grace, &o->grace);

	if (no)
		return no;
	o->has_orphan = options_bool(r, "orphanDependents", &o->orphan);
	o->has_propagation = request_query(r, "propagationPolicy", &w->propagation);
	w->dry_run_count = request_query_all(r, "dryRun", w->dry_run, ARRAY_LEN(w->dry_run));
	options_bool(
		r, "ignoreStoreReadErrorWithClusterBreakingPotential", &o->ignore_store_read_error);
	return NULL;
}

static void take_delete_body(
	struct api_request *r, const struct cJSON *tree, struct delete_words *w)
{
	struct request_options *o = &r->options;
	const struct cJSON *grace = json_get(tree, STR("gracePeriodSeconds"));

	o->has_grace = json_int(grace, &o->grace);
	o->has_orphan = tree_has(tree, "orphanDependents");
	o->orphan = tree_true(tree, "orphanDependents");
	o->has_propagation = tree_has(tree, "propagationPolicy");
	w->propagation = tree_str(tree, "propagationPolicy");
	o->has_precondition_uid = tree_has(tree, "preconditions.uid");
	o->precondition_uid = tree_str(tree, "preconditions.uid");
	o->has_precondition_version = tree_has(tree, "preconditions.resourceVersion");
	o->precondition_version = tree_str(tree, "preconditions.resourceVersion");
	o->ignore_store_read_error =
		tree_true(tree, "ignoreStoreReadErrorWithClusterBreakingPotential");
	json_each (item, json_get(tree, STR("dryRun")))
		if (w->dry_run_count < ARRAY_LEN(w->dry_run))
			w->dry_run[w->dry_run_count++] = json_str(item);
}

struct status *request_take_delete_options(struct api_request *r, const struct cJSON *tree)
{
	struct delete_words words = {0};

	take_delete_body(r, tree, &words);
	return check_delete(r, &words);
}

struct status *options_read_delete(struct api_request *r)
{
	struct delete_words words = {0};
	struct status *no;

	if (r->body.len) {
		struct cJSON *tree;

		no = body_delete_options(r, &tree);
		if (no)
			return no;
		take_delete_body(r, tree, &words);
	} else {
		no = read_delete_query(r, &words);
		if (no)
			return no;
	}
	request_query(r, "fieldManager", &r->options.field_manager);
	if (!r->options.field_manager.len)
		r->options.field_manager = options_manager_of_agent(r);
	return check_delete(r, &words);
}
