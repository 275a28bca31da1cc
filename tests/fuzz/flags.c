/*
 * The first line is a command line, its words apart by NULs; the rest is a config file. Over a
 * table with a flag of every kind.
 */
#include <kube/flags.h>

#include <stdlib.h>

static const struct flag_gate gates[] = {
	{.name = "NewThing", .stage = "ALPHA"},
	{.name = "NearlyDone", .stage = "BETA", .on = true},
	{.name = "Done", .stage = "", .on = true, .locked = true},
	{.name = NULL},
};

static int split_words(struct arena *a, struct str line, char **argv, int most)
{
	struct str word;
	int argc = 0;

	while (argc < most && str_next(&line, '\0', &word))
		argv[argc++] = (char *)(uintptr_t)arena_str(a, word).at;
	return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text;
	bool on, watch;
	int64_t port, verbosity, timeout, memory;
	double ratio;
	struct flag_list list, files, rest;
	struct flag_map labels, features;
	struct flag flags[] = {
		FLAG_STRING("text", &text, "x", "TEXT", "Any text."),
		FLAG_BOOL("on", &on, "true", "A switch."),
		FLAG_INT("port", &port, "6443", "PORT", "A number."),
		FLAG_DOUBLE("ratio", &ratio, "0.5", "NUMBER", "A share."),
		FLAG_DURATION("timeout", &timeout, "1m", "How long."),
		FLAG_QUANTITY("memory", &memory, "64Mi", "BYTES", "How much."),
		FLAG_LIST("list", &list, "a,b", "NAMES", "Names."),
		FLAG_STRINGS("file", &files, NULL, "FILE", "A file."),
		FLAG_MAP("labels", &labels, NULL, "Labels."),
		FLAG_GATES("gates", &features, gates, "Gates."),
		{.name = "v", .letter = 'v', .kind = FLAG_KIND_INT, .target = &verbosity},
		{.name = "watch", .letter = 'w', .kind = FLAG_KIND_BOOL, .target = &watch},
		FLAG_END,
	};
	struct str line, yaml, all = str_make((const char *)data, size);
	char *argv[64];
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	str_cut(all, '\n', &line, &yaml);
	flags_init(flags, &a);
	int argc = split_words(&a, line, argv, (int)ARRAY_LEN(argv));
	if (flags_parse(flags, &a, argc, argv, &rest, &err) && err.code != ERR_USAGE)
		abort();
	err_done(&err);
	if (flags_parse_config(flags, &a, yaml, &err) && err.code != ERR_USAGE)
		abort();
	err_done(&err);
	for (const struct flag_gate *g = gates; g->name; g++)
		flags_gate(&features, gates, g->name);
	if (!flags_gate(&features, gates, "Done"))
		abort();
	struct buf help = BUF_INIT(MIB);
	flags_print_help(flags, &help);
	buf_done(&help);
	arena_done(&a);
	return 0;
}
