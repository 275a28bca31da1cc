/* The tests of reading and printing over again, on the inner loops for machines without SSE2. */
#define KUBE_JSON_NO_SIMD
#include "base/json_print.c"
#include "base/json_string.c"

#include "json_parse.c"
#include "json_print.c"
