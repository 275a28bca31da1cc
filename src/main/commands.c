#include "commands.h"

#include <kube/flags.h>
#include <stdio.h>

const struct command commands[] = {
	{.name = "server",
		.run = server_run,
		.help = "run a complete single-node cluster in this process"},
	{.name = "stop", .run = stop_run, .help = "end the server here, and its pods if asked"},
	{.name = "uninstall",
		.run = uninstall_run,
		.help = "take away everything that a cluster has left on this machine"},
	{.name = "backup", .run = backup_run, .help = "a cluster as one file, while it runs"},
	{.name = "restore", .run = restore_run, .help = "a cluster from a backup"},
	{.name = "check", .run = check_run, .help = "is this machine fit for a cluster?"},
	{.name = "apiserver",
		.programs = {"kube-apiserver"},
		.run = apiserver_run,
		.help = "run the API server"},
	{.name = "scheduler",
		.programs = {"kube-scheduler"},
		.run = scheduler_run,
		.help = "run the scheduler"},
	{.name = "controllers",
		.aliases = {"controller-manager"},
		.programs = {"kube-controller-manager"},
		.run = controllers_run,
		.help = "run the controllers"},
	{.name = "kubelet",
		.programs = {"kubelet"},
		.run = kubelet_run,
		.help = "run the node's agent"},
	{.name = "proxy",
		.programs = {"kube-proxy"},
		.run = proxy_run,
		.help = "run the service proxy"},
	{.name = "kubectl", .programs = {"kubectl"}, .help = "the client"},
	{.name = "image", .run = image_run, .help = "images on this node's disk"},
	{.name = "seed",
		.run = seed_run,
		.help = "hold pods, one each copy; started by kube itself"},
	{.name = "debug", .run = debug_run, .help = "tools for those who work on kube"},
	{.name = "version", .run = version_run, .help = "print the version"},
	{.name = "help", .run = help_run, .help = "list the commands, or explain one"},
};
const size_t command_count = ARRAY_LEN(commands);

const struct command *command_find(const char *word)
{
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, word) == 0)
			return &commands[i];
		for (size_t k = 0; k < ARRAY_LEN(commands[i].aliases) && commands[i].aliases[k];
			k++)
			if (strcmp(commands[i].aliases[k], word) == 0)
				return &commands[i];
	}
	return NULL;
}

const struct command *command_find_program(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *base = slash ? slash + 1 : program;

	for (size_t i = 0; i < command_count; i++)
		for (size_t k = 0; k < ARRAY_LEN(commands[i].programs) && commands[i].programs[k];
			k++)
			if (strcmp(commands[i].programs[k], base) == 0)
				return &commands[i];
	return NULL;
}

const char *command_nearest(const char *word)
{
	const char *names[ARRAY_LEN(commands) * (1 + ARRAY_LEN(commands[0].aliases))];
	size_t count = 0;

	for (size_t i = 0; i < command_count; i++) {
		names[count++] = commands[i].name;
		for (size_t k = 0; k < ARRAY_LEN(commands[i].aliases) && commands[i].aliases[k];
			k++)
			names[count++] = commands[i].aliases[k];
	}
	return flags_nearest(str_from(word), names, count);
}

int command_run(const struct command *command, int argc, char **argv)
{
	/* Every upstream component answers --version, whatever else stands beside it. */
	if (command->programs[0])
		for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
			if (strcmp(argv[i], "--version") == 0 ||
				strcmp(argv[i], "--version=true") == 0) {
				version_print_component();
				return 0;
			}
	if (!command->run) {
		fprintf(stderr, "kube: this version does not contain \"%s\" yet\n", command->name);
		return 1;
	}
	return command->run(argc, argv);
}

void command_print_help(const char *name, const struct flag *flags)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	flags_print_help(flags, &out);
	printf("Usage:\n  kube %s [flags]\n\nFlags:\n%s", name, buf_text(&out));
}
