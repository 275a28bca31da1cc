/* kube seed: what the helpers of pods are copies of; started by the runtime only. */
#include "commands.h"

#include <kube/runtime_native.h>

int seed_run(int argc, char **argv)
{
	return runtime_seed_main(argc, argv);
}
