/* kube: one executable, many commands, chosen by argv[0] or by the first word. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static int complain_unknown(const char *word)
{
	const char *near = command_nearest(word);

	fprintf(stderr, "kube: unknown command \"%s\"\n", word);
	if (near)
		fprintf(stderr, "\nDid you mean this?\n\t%s\n", near);
	fprintf(stderr, "\nRun 'kube help' for the list of commands.\n");
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 1)
		return 1;
	const struct command *command = command_find_program(argv[0]);
	if (command)
		return command_run(command, argc, argv);
	if (argc < 2)
		return help_run(argc, argv);

	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	else if (strcmp(word, "--version") == 0)
		word = "version";
	command = command_find(word);
	if (!command)
		return complain_unknown(word);
	return command_run(command, argc - 1, argv + 1);
}
