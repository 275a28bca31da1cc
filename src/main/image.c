/*
 * kube image: images on this node's disk, with or without a running node. Several processes may
 * use one store: who runs containers sees soon what is changed here.
 */
#include "commands.h"
#include "registry_flags.h"

#include <errno.h>
#include <fcntl.h>
#include <kube/env.h>
#include <kube/flags.h>
#include <kube/image_store.h>
#include <kube/runtime_native.h>
#include <kube/time.h>
#include <stdio.h>
#include <unistd.h>

struct image_command {
	/* flags */
	struct str root, name, user, password;
	struct registry_flags registries;
	bool help;
	/* running */
	struct arena arena;
	struct loop *loop;
	struct env *env;
	struct image_store *store;
	struct op op;
	struct err err;
	bool done;
};

enum { OWN_FLAGS = 5 };

static const char usage[] =
	"Usage:\n"
	"  kube image import [--name NAME] FILE|DIRECTORY|-   images of an archive\n"
	"  kube image pull [--user U --password P] IMAGE      from a registry\n"
	"  kube image ls                                      what there is\n"
	"  kube image rm IMAGE...                             by name or id\n\n"
	"Flags:\n";

static void noted(struct op *op, struct err *err)
{
	struct image_command *c = CONTAINER_OF(op, struct image_command, op);

	err_move(&c->err, err);
	c->done = true;
}

static struct op *begin(struct image_command *c)
{
	err_done(&c->err);
	c->done = false;
	op_init(&c->op, loop_root(c->loop), noted, OP_NO_DEADLINE);
	return &c->op;
}

/* 0, or 1 when it failed, which has been said. */
static int finish(struct image_command *c)
{
	loop_run_until(c->loop, &c->done, NULL);
	if (c->err.code)
		fprintf(stderr, "kube image: %s\n", err_text(&c->err));
	return c->err.code != 0;
}

static int run_import(struct image_command *c, const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	struct image_import import = {.path = from_stdin ? NULL : path,
		.fd = STDIN_FILENO,
		.name = c->name,
		.arena = &c->arena};

	image_store_import(c->store, begin(c), &import);
	if (finish(c))
		return 1;
	for (size_t i = 0; i < import.name_count; i++)
		printf("%.*s\n", STRF(import.names[i]));
	return 0;
}

static int run_pull(struct image_command *c, const char *reference)
{
	struct image_auth auth = {.user = c->user, .password = c->password};
	struct runtime_pull pull = {
		.reference = str_from(reference), .auth = c->user.len ? &auth : NULL};

	image_store_pull(c->store, begin(c), &pull);
	if (finish(c))
		return 1;
	printf("%.*s\n", STRF(pull.id));
	return 0;
}

static void print_size(char *text, size_t room, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1000;
		unit++;
	}
	snprintf(text, room, unit ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

static int run_list(struct image_command *c)
{
	struct runtime_images *images = image_store_images(c->store);
	const struct image *const *list;
	size_t count = images->list(images, &list);
	char size[32];

	printf("%-60s %-14s %10s %s\n", "IMAGE", "ID", "SIZE", "PINNED");
	for (size_t i = 0; i < count; i++) {
		struct str none = STR("<none>");
		size_t names = MAX(list[i]->tag_count, (size_t)1);
		print_size(size, sizeof(size), list[i]->size);
		for (size_t k = 0; k < names; k++)
			printf("%-60.*s %-14.12s %10s %s\n",
				STRF(list[i]->tag_count         ? list[i]->tags[k]
					: list[i]->digest_count ? list[i]->digests[0]
								: none),
				list[i]->id.at + 7, size, list[i]->pinned ? "yes" : "no");
	}
	return 0;
}

static int run_remove(struct image_command *c, struct str reference)
{
	image_store_remove(c->store, begin(c), reference);
	return finish(c);
}

static int run_word(struct image_command *c, const struct flag_list *words)
{
	struct str verb = words->items[0];

	if (str_eq_text(verb, "ls") && words->count == 1)
		return run_list(c);
	if (str_eq_text(verb, "import") && words->count == 2)
		return run_import(c, words->items[1].at);
	if (str_eq_text(verb, "pull") && words->count == 2)
		return run_pull(c, words->items[1].at);
	if (str_eq_text(verb, "rm") && words->count > 1) {
		int status = 0;
		for (size_t i = 1; i < words->count; i++)
			status |= run_remove(c, words->items[i]);
		return status;
	}
	fprintf(stderr, "kube image: import, pull, ls or rm; see kube image --help\n");
	return 1;
}

static int with_store(struct image_command *c, const struct flag_list *words)
{
	struct registry_setup setup;

	if (registry_flags_read(&c->arena, &c->registries, &setup, &c->err)) {
		fprintf(stderr, "kube image: %s\n", err_text(&c->err));
		err_done(&c->err);
		return 1;
	}
	struct image_store_options options = {.root = arena_str(&c->arena, c->root).at,
		.drop = "",
		.registries = setup.registries,
		.registry_count = setup.count,
		.authorities = setup.authorities};

	c->loop = loop_new();
	c->env = env_new(c->loop);
	image_store_open(c->env, begin(c), loop_root(c->loop), &options, &c->store);
	int status = finish(c);
	if (c->store) {
		status = run_word(c, words);
		image_store_stop(c->store, begin(c));
		status |= finish(c);
		image_store_free(c->store);
	}
	loop_shutdown(c->loop);
	loop_run(c->loop, NULL);
	env_free(c->env);
	loop_free(c->loop);
	err_done(&c->err);
	return status;
}

int image_run(int argc, char **argv)
{
	struct image_command c = {0};
	struct flag flags[] = {
		FLAG_STRING("root", &c.root, "/var/lib/kube/runtime", "DIRECTORY",
			"Where the runtime keeps what it has."),
		FLAG_STRING("name", &c.name, "", "NAME",
			"Of an imported image that its archive gives no name."),
		FLAG_STRING("user", &c.user, "", "NAME", "Who pulls."),
		FLAG_STRING("password", &c.password, "", "TEXT", "The user's password."),
		FLAG_BOOL("help", &c.help, "false", "Print this."),
		[OWN_FLAGS + REGISTRY_FLAGS] = FLAG_END,
	};
	struct flag_list words;
	_cleanup_(err_done) struct err err = {0};
	_cleanup_(buf_done) struct buf help = BUF_INIT(MIB);

	registry_flags_add(&c.registries, flags + OWN_FLAGS);
	arena_init(&c.arena);
	flags_init(flags, &c.arena);
	int status = 1;
	if (flags_parse(flags, &c.arena, argc - 1, argv + 1, &words, &err)) {
		fprintf(stderr, "kube image: %s\n", err_text(&err));
	} else if (c.help || words.count == 0) {
		flags_print_help(flags, &help);
		fprintf(c.help ? stdout : stderr, "%s%s", usage, buf_text(&help));
		status = !c.help;
	} else {
		status = with_store(&c, &words);
	}
	arena_done(&c.arena);
	return status;
}
