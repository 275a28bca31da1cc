/* What functions.def names, one C function each: the arguments are values, none is an error. */
#ifndef KUBE_CEL_FUNCTIONS_H
#define KUBE_CEL_FUNCTIONS_H

#include "value.h"

#define O(id, signature)
#define OPERATOR(name, ...)
#define FUNCTION(name, run, ...) function_fn run;
#define FORMAT(name)
#include "functions.def"
#undef O
#undef OPERATOR
#undef FUNCTION
#undef FORMAT

function_fn run_format_constant;

#endif
