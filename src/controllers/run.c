/* Which controllers run, their beginning and their end. */
#include "catalog.h"

#include <kube/task.h>

static const struct controller_kind *const kinds[] = {
#define CONTROLLER(kind, account) &kind,
#include "controllers.def"
#undef CONTROLLER
};
static const char *const accounts[] = {
#define CONTROLLER(kind, account) account,
#include "controllers.def"
#undef CONTROLLER
};

struct controllers {
	struct part part;
	struct controllers_world world; /* of the component itself */
	struct controllers_world worlds[ARRAY_LEN(kinds)];
	struct controllers_options options; /* texts in the arena */
	struct arena arena;
	struct part *parts[ARRAY_LEN(kinds)];
	size_t count;
	struct task stopping;
};

/* ---- the choice ---- */

static bool has_word(struct str words, struct str word)
{
	struct str piece;

	while (str_next(&words, ' ', &piece))
		if (str_eq(piece, word))
			return true;
	return false;
}

static bool is_named(const struct controller_kind *k, struct str word)
{
	return str_eq_text(word, k->name) || (k->aliases && has_word(str_from(k->aliases), word));
}

/* Named, it is on or off whatever a star says; of two words the first one counts, as upstream. */
static bool is_wanted(const struct controller_kind *k, struct str choice)
{
	struct str rest = choice.len ? choice : STR("*"), word;
	bool all = false;

	while (str_next(&rest, ',', &word)) {
		if (is_named(k, word))
			return true;
		if (str_starts(word, STR("-")) && is_named(k, str_skip(word, 1)))
			return false;
		all |= str_eq(word, STR("*"));
	}
	return all && !k->off;
}

int controllers_check(const struct controllers_options *o, struct err *err)
{
	struct str rest = o->controllers, word;

	while (str_next(&rest, ',', &word)) {
		struct str name = str_starts(word, STR("-")) ? str_skip(word, 1) : word;
		bool known = !word.len || str_eq(word, STR("*"));

		for (size_t i = 0; i < ARRAY_LEN(kinds) && !known; i++)
			known = is_named(kinds[i], name);
		if (!known)
			return err_set(err, ERR_USAGE,
				"\"%.*s\" is not in the list of known controllers", STRF(word));
	}
	return 0;
}

const char *controllers_name(size_t index, bool *off)
{
	if (index >= ARRAY_LEN(kinds))
		return NULL;
	*off = kinds[index]->off;
	return kinds[index]->name;
}

/* ---- life ---- */

static void keep_options(struct controllers *c, const struct controllers_options *o)
{
	struct controllers_options *k = &c->options;
	struct str *texts[] = {&k->controllers, &k->root_ca, &k->cluster_cidr, &k->service_cidr,
		&k->signing_cert, &k->signing_key, &k->account_key};

	*k = *o;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(&c->arena, *texts[i]);
}

enum stop_step { STOP_NEXT, STOP_DONE, STOP_CATALOG };
static const char *const stop_steps[] = {"next", "done", "catalog"};

static void stop_run(struct task *t, struct err *err)
{
	struct controllers *c = CONTAINER_OF(t, struct controllers, stopping);

	(void)err;
	if (t->step == STOP_CATALOG) {
		task_finish(t, 0);
		return;
	}
	if (t->step == STOP_DONE)
		part_free(c->parts[--c->count]);
	if (c->count == 0)
		catalog_stop(c->world.catalog, task_await(t, STOP_CATALOG, OP_NO_DEADLINE));
	else
		part_stop(c->parts[c->count - 1], task_await(t, STOP_DONE, OP_NO_DEADLINE));
}

static void stop_all(struct part *p, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("controllers stop", stop_steps, stop_run);
	struct controllers *c = CONTAINER_OF(p, struct controllers, part);
	struct err none = {0};

	c->stopping = (struct task){.op = op, .kind = &kind};
	op_begin_always(op, &kind.op, &c->stopping);
	stop_run(&c->stopping, &none);
}

static void free_all(struct part *p)
{
	struct controllers *c = CONTAINER_OF(p, struct controllers, part);

	catalog_free(c->world.catalog);
	arena_done(&c->arena);
	mem_free(c);
}

struct part *controllers_new(
	const struct component_base *base, const struct controllers_options *options)
{
	static const struct part_ops ops = {
		.name = "controllers", .stop = stop_all, .free = free_all};
	struct controllers *c = mem_new(sizeof(*c));

	c->part.ops = &ops;
	arena_init(&c->arena);
	keep_options(c, options);
	c->world = (struct controllers_world){.base = *base, .options = &c->options};
	c->world.catalog = catalog_new(&c->world);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!is_wanted(kinds[i], c->options.controllers))
			continue;
		/* NULL: what it needs was not given (a CA, a key, a range). */
		c->worlds[i] = c->world;
		if (*accounts[i])
			c->worlds[i].base = component_as(base, accounts[i]);
		struct part *part = kinds[i]->start(&c->worlds[i], kinds[i]);
		if (part)
			c->parts[c->count++] = part;
	}
	return &c->part;
}
