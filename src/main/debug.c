#include "debug.h"

#include "commands.h"

#include <kube/str.h>

#include <stdio.h>

static const struct {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} tools[] = {
	{"fake-node", "nodes that only talk: their pods run at once", debug_fake_node},
};

int debug_run(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(tools); i++)
		if (strcmp(argv[1], tools[i].name) == 0)
			return tools[i].run(argc - 1, argv + 1);
	bool asked = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	FILE *out = asked ? stdout : stderr;

	if (argc > 1 && !asked)
		fprintf(out, "kube debug: there is no tool \"%s\"\n\n", argv[1]);
	fprintf(out, "Usage:\n  kube debug TOOL [flags]\n\nTools:\n");
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		fprintf(out, "  %-12s %s\n", tools[i].name, tools[i].help);
	return asked ? 0 : 1;
}
