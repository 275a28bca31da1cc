/* kube shim: the helper of one pod; started by the runtime only. */
#include "commands.h"

#include <kube/runtime_native.h>

int shim_run(int argc, char **argv)
{
	return runtime_shim_main(argc, argv);
}
