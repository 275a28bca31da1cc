/* A hosts file of any bytes: the first line is the name that is looked for. */
#include <kube/mem.h>

#include "loop/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addresses found = {0};
	struct str host, text;
	str_cut(str_make((const char *)data, size), '\n', &host, &text);
	hosts_find(text, host, &found);
	assert(found.count <= ADDRESSES_MAX);
	mem_free(found.items);
	return 0;
}
