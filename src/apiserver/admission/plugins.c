/* Every admission plugin, in upstream's order. */
#include "admission.h"

const struct admission_plugin admission_plugins[] = {
	{.name = NULL},
};
