/* The table of commands. One file a command; the table in commands.c names them all. */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include <kube/arena.h>
#include <kube/err.h>

struct command {
	const char *name;
	const char *aliases[3];  /* other words for it, NULL-terminated */
	const char *programs[2]; /* argv[0] names that mean it, NULL-terminated */
	/*
	 * argv[0] is the command's own word. Returns the exit status; that what it printed to
	 * stdout arrives is seen to by main. NULL: the command belongs to
	 * a component that this version does not contain.
	 */
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
};

extern const struct command commands[];
extern const size_t command_count;

/* NULL when there is none. */
const struct command *command_find(const char *word);
const struct command *command_find_program(const char *program); /* by argv[0], path cut off */
/* The name or alias nearest to the word, or NULL. */
const char *command_nearest(const char *word);

int command_run(const struct command *command, int argc, char **argv);
/* Of a command that has nothing but flags. */
struct flag;
void command_print_help(const char *name, const struct flag *flags);

int apiserver_run(int argc, char **argv);
int backup_run(int argc, char **argv);
int check_run(int argc, char **argv);
int controllers_run(int argc, char **argv);
int debug_run(int argc, char **argv);
int help_run(int argc, char **argv);
int image_run(int argc, char **argv);
int kubelet_run(int argc, char **argv);
int proxy_run(int argc, char **argv);
int restore_run(int argc, char **argv);
int scheduler_run(int argc, char **argv);
int server_run(int argc, char **argv);
int seed_run(int argc, char **argv);
int stop_run(int argc, char **argv);
int uninstall_run(int argc, char **argv);
int version_run(int argc, char **argv);
/* "Kubernetes v1.36.0", as upstream's components answer --version. */
void version_print_component(void);

#endif
