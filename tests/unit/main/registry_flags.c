#include "main/registry_flags.c"

#include "test.h"

struct line {
	struct arena arena;
	struct registry_flags given;
	struct registry_setup setup;
	struct err err;
};

static int read_words(struct line *l, int count, char **words)
{
	struct flag flags[REGISTRY_FLAGS + 1] = {0};

	memset(l, 0, sizeof(*l));
	arena_init(&l->arena);
	registry_flags_add(&l->given, flags);
	flags_init(flags, &l->arena);
	EXPECT_INT(flags_parse(flags, &l->arena, count, words, NULL, &l->err), 0);
	return registry_flags_read(&l->arena, &l->given, &l->setup, &l->err);
}

static void line_done(struct line *l)
{
	err_done(&l->err);
	arena_done(&l->arena);
}

TEST(mirrors_of_one_registry_keep_their_order)
{
	char *words[] = {"--registry-mirror=docker.io=https://a.example/prefix",
		"--registry-mirror=quay.io=http://10.0.0.1:5000",
		"--registry-mirror=registry-1.docker.io=https://b.example",
		"--insecure-registry=quay.io", "--insecure-registry=lan:5000",
		"--registry-ca=/ca.pem"};
	struct line l;

	EXPECT_INT(read_words(&l, ARRAY_LEN(words), words), 0);
	EXPECT_INT(l.setup.count, 3);
	struct image_registry *r = l.setup.registries;
	EXPECT_STR(r[0].host, "docker.io");
	EXPECT_INT(r[0].mirror_count, 2);
	EXPECT_STR(r[0].mirrors[0], "https://a.example/prefix");
	EXPECT_STR(r[0].mirrors[1], "https://b.example");
	EXPECT(!r[0].insecure);
	EXPECT_STR(r[1].host, "quay.io");
	EXPECT_INT(r[1].mirror_count, 1);
	EXPECT(r[1].insecure);
	EXPECT_STR(r[2].host, "lan:5000");
	EXPECT(r[2].insecure && !r[2].mirror_count);
	EXPECT_TEXT(l.setup.authorities, "/ca.pem");
	line_done(&l);
}

TEST(nothing_said_is_nothing_known)
{
	struct line l;

	EXPECT_INT(read_words(&l, 0, NULL), 0);
	EXPECT_INT(l.setup.count, 0);
	EXPECT(!l.setup.authorities);
	line_done(&l);
}

TEST(what_is_no_registry_is_refused)
{
	char *wrong[] = {"--registry-mirror=docker.io", "--registry-mirror==https://a",
		"--registry-mirror=https://a", "--registry-mirror=docker.io=ftp://a",
		"--registry-mirror=docker.io=https://", "--registry-mirror=docker.io=a.example",
		"--registry-mirror=docker.io=https://a?x=1", "--registry-mirror=a/b=https://a",
		"--insecure-registry=http://lan:5000", "--insecure-registry=*",
		"--insecure-registry="};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct line l;

		test_context("%s", wrong[i]);
		EXPECT_INT(read_words(&l, 1, &wrong[i]), ERR_USAGE);
		line_done(&l);
	}
	test_context_end();
}
