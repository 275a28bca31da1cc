/*
 * An isolated node for tests written in C: whoever includes this runs in one (see node.sh), and
 * fails where there cannot be one. /run is the node's own, and empty.
 */
#ifndef KUBE_TEST_NODE_H
#define KUBE_TEST_NODE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NODE_ARGS_MAX 32

/* Before the tests are registered. */
__attribute__((constructor(101))) static void node_enter(int argc, char **argv)
{
	char self[4096];
	char *args[NODE_ARGS_MAX + 4] = {(char *)"in_node.sh", self};
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (getenv("KUBE_TEST_NODE") || argc > NODE_ARGS_MAX || len < 0)
		return;
	self[len] = 0;
	for (int i = 1; i < argc; i++)
		args[i + 1] = argv[i];
	execv(KUBE_SOURCE_DIR "/tests/harness/in_node.sh", args);
	perror("in_node.sh");
	_exit(1);
}

#endif
