/* A path and, behind the first line, an object to ask. */
#include <kube/json_path.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	struct str text = str_make((const char *)data, size), path, object;
	struct json_path_results found;
	struct json_path *p;
	struct cJSON *root;

	arena_init(&a);
	str_cut(text, '\n', &path, &object);
	if (json_path_parse(&a, path, &p, NULL) || json_parse(&a, object, NULL, &root, NULL))
		return 0;
	for (int missing_ok = 0; missing_ok < 2; missing_ok++)
		if (!json_path_find(p, &a, root, missing_ok, &found, NULL))
			for (size_t i = 0; i < found.count; i++)
				json_path_print(&out, &found.items[i]);
	return 0;
}
