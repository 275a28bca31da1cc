/* kube: one executable, many commands, chosen by argv[0] or by the first word. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int complain_unknown(const char *word)
{
	const char *near = command_nearest(word);

	fprintf(stderr, "kube: unknown command \"%s\"\n", word);
	if (near)
		fprintf(stderr, "\nDid you mean this?\n\t%s\n", near);
	fprintf(stderr, "\nRun 'kube help' for the list of commands.\n");
	return 1;
}

/*
 * Whatever is opened first would take the place of a standard descriptor that is closed, and
 * what is said there would end in a file. Writing to a closed output goes on to fail.
 */
static void open_missing_descriptors(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_RDWR};

	for (int fd = 0; fd < (int)ARRAY_LEN(modes); fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
			_exit(1);
}

/* What was printed may still fail to arrive: the exit status says so. */
static int finish(int status)
{
	bool failed = ferror(stdout);

	if (fflush(stdout) == 0 && !failed)
		return status;
	_cleanup_(err_done) struct err err = {0};
	err_set_errno(&err, errno, "cannot write the output");
	fprintf(stderr, "kube: %s\n", err_text(&err));
	return status ? status : 1;
}

static int run_by_word(int argc, char **argv)
{
	const char *word = argv[1];

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	else if (strcmp(word, "--version") == 0)
		word = "version";
	const struct command *command = command_find(word);
	return command ? command_run(command, argc - 1, argv + 1) : complain_unknown(word);
}

int main(int argc, char **argv)
{
	open_missing_descriptors();
	if (argc < 1)
		return 1;
	const struct command *command = command_find_program(argv[0]);
	if (command)
		return finish(command_run(command, argc, argv));
	return finish(argc < 2 ? help_run(argc, argv) : run_by_word(argc, argv));
}
