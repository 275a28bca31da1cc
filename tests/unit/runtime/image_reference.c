#include "test.h"

#include <kube/image_reference.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(names_are_completed_as_docker_does)
{
	static const char *const rows[][2] = {
		{"nginx", "docker.io/library/nginx:latest"},
		{"a/b", "docker.io/a/b:latest"},
		{"docker.io/nginx:1", "docker.io/library/nginx:1"},
		{"index.docker.io/nginx", "docker.io/library/nginx:latest"},
		{"localhost/x", "localhost/x:latest"},
		{"localhost:5000/x/y:t", "localhost:5000/x/y:t"},
		{"quay.io/a/b", "quay.io/a/b:latest"},
		{"host:80/a", "host:80/a:latest"},
		{"nginx:80", "docker.io/library/nginx:80"},
		{"HOST/a", "HOST/a:latest"},
		{"a--b/c__d.e", "docker.io/a--b/c__d.e:latest"},
		{"[::1]:5000/a", "[::1]:5000/a:latest"},
		{"x@sha256:" HEX, "docker.io/library/x@sha256:" HEX},
		{"x:y@sha256:" HEX, "docker.io/library/x:y@sha256:" HEX},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct image_reference ref;
		_cleanup_(err_done) struct err err = {0};
		test_context("%s", rows[i][0]);
		if (EXPECT_OK(image_reference_parse(&a, str_from(rows[i][0]), &ref, &err), &err)) {
			image_reference_default_tag(&ref);
			EXPECT_STR(image_reference_print(&a, &ref), rows[i][1]);
		}
	}
	test_context_end();
	arena_done(&a);
}

TEST(what_is_no_name_is_refused)
{
	static const char *const rows[][2] = {
		{"", "invalid reference format"},
		{"a b", "invalid reference format"},
		{"a:", "invalid reference format"},
		{"a:-x", "invalid reference format"},
		{"a//b", "invalid reference format"},
		{"a/b/", "invalid reference format"},
		{"a_.b", "invalid reference format"},
		{"a..b", "invalid reference format"},
		{"a___b", "invalid reference format"},
		{"-a", "invalid reference format"},
		{"x@sha256:ab", "invalid checksum digest length"},
		{"x@md5:ab", "invalid reference format"},
		{"host:x/a", "invalid reference format"},
		{"a/B", "invalid reference format: repository name (a/B) must be lowercase"},
		{"Nginx", "invalid reference format: repository name (library/Nginx) must be "
			  "lowercase"},
		{HEX, "invalid repository name (" HEX
		      "), cannot specify 64-byte hexadecimal strings"},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct image_reference ref;
		_cleanup_(err_done) struct err err = {0};
		test_context("%s", rows[i][0]);
		EXPECT_INT(
			image_reference_parse(&a, str_from(rows[i][0]), &ref, &err), ERR_INVALID);
		EXPECT_TEXT(err_text(&err), rows[i][1]);
	}
	test_context_end();
	arena_done(&a);
}
