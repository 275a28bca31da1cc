/* A container's file of variables: a fault has words, a value is a part of the text. */
#include "kubelet/variable_files.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(err_done) struct err err = {0};
	struct str value;
	struct arena a;

	arena_init(&a);
	if (variable_find(&a, str_make((const char *)data, size), STR("KEY"), &value, &err))
		assert(*err_text(&err));
	else
		assert(value.len <= size);
	arena_done(&a);
	return 0;
}
