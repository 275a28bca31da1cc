/* What a helper is told of a container: whatever is read, printed and read again, is the same. */
#include "runtime/passwd.h"
#include "runtime/spec.h"

#include <kube/buf.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_and_read(struct arena *a, const struct container_spec *spec)
{
	_cleanup_(buf_done) struct buf once = BUF_INIT(SPEC_MAX), twice = BUF_INIT(SPEC_MAX);
	struct container_spec again = {0};

	spec_print(&once, spec);
	if (buf_over(&once))
		return;
	if (spec_parse(a, buf_str(&once), &again, NULL))
		abort();
	spec_print(&twice, &again);
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), users, user;
	struct container_spec spec = {0};
	struct passwd_user found;
	struct arena a;

	arena_init(&a);
	if (spec_parse(&a, text, &spec, NULL) == 0)
		print_and_read(&a, &spec);
	/* The same bytes as an image's list of users. */
	str_cut(text, 0, &user, &users);
	if (passwd_find(users, users, user, true, &found, NULL) == 0 &&
		found.group_count > PASSWD_GROUPS_MAX)
		abort();
	arena_done(&a);
	return 0;
}
