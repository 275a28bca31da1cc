/* kube help [COMMAND] */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static void print_names(const struct command *c)
{
	for (size_t i = 0; i < ARRAY_LEN(c->aliases) && c->aliases[i]; i++)
		printf("  also:    kube %s\n", c->aliases[i]);
	for (size_t i = 0; i < ARRAY_LEN(c->programs) && c->programs[i]; i++)
		printf("  as:      %s (a link to kube of that name)\n", c->programs[i]);
}

static void print_list(const char *title, bool present)
{
	printf("\n%s\n", title);
	for (size_t i = 0; i < command_count; i++)
		if ((commands[i].run != NULL) == present)
			printf("  %-12s %s\n", commands[i].name, commands[i].help);
}

static bool all_present(void)
{
	for (size_t i = 0; i < command_count; i++)
		if (!commands[i].run)
			return false;
	return true;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int help_run(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "kube help: unexpected argument \"%s\"\n", argv[2]);
		return 1;
	}
	if (argc > 1 && !asks_for_help(argv[1])) {
		const struct command *c = command_find(argv[1]);
		if (!c) {
			const char *near = command_nearest(argv[1]);
			fprintf(stderr, "kube: unknown command \"%s\"%s%s%s\n", argv[1],
				near ? "; did you mean \"" : "", near ? near : "",
				near ? "\"?" : "");
			return 1;
		}
		printf("kube %s: %s\n", c->name, c->help);
		print_names(c);
		if (!c->run)
			printf("  This version does not contain it yet.\n");
		else if (c->run != help_run)
			printf("  Its flags: kube %s --help\n", c->name);
		return 0;
	}
	printf("kube is Kubernetes in one small executable.\n\nUsage:\n  kube COMMAND [flags]\n");
	print_list("Commands:", true);
	if (!all_present())
		print_list("Not in this version yet:", false);
	printf("\n'kube help COMMAND' says more about one.\n");
	return 0;
}
