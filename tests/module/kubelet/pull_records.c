/* Who may use an image that is here: what was pulled with whose credentials, and what stays known.
 */
#include "kubelet/pull_records.h"

#include "loop_test.h"

#include <kube/mem.h>

#include <stdio.h>
#include <unistd.h>

#define IMAGE "reg.example/team/x:1"
#define ID    "sha256:one"

struct world {
	struct loop_test t;
	struct arena a;
	struct kubelet_configuration c;
	struct pull_records *records;
	char root[64];
	struct image_keychain mine, others, none;
};

static void open_world(struct world *w, enum image_check check)
{
	struct err err = {0};

	*w = (struct world){.c.image_check = check};
	loop_test_init(&w->t, LOOP_TEST_REAL);
	arena_init(&w->a);
	snprintf(w->root, sizeof(w->root), "/tmp/kube-pulled-%d", getpid());
	const char *const texts[] = {
		"{\"auths\":{\"reg.example\":{\"username\":\"me\",\"password\":\"mine\"}}}",
		"{\"auths\":{\"reg.example\":{\"username\":\"me\",\"password\":\"other\"}}}"};
	EXPECT_OK(image_keychain_add_config(&w->mine, &w->a, str_from(texts[0]), &err), &err);
	EXPECT_OK(image_keychain_add_config(&w->others, &w->a, str_from(texts[1]), &err), &err);
	w->records = pull_records_new(w->t.env, w->t.root, &w->c, str_from(w->root));
}

/* Another kubelet finds what this one has written. */
static void reopen(struct world *w)
{
	loop_test_run(&w->t);
	pull_records_free(w->records);
	w->records = pull_records_new(w->t.env, w->t.root, &w->c, str_from(w->root));
}

static void close_world(struct world *w)
{
	char *file = mem_print("%s/pulled-images.json", w->root);

	loop_test_run(&w->t);
	pull_records_free(w->records);
	unlink(file);
	rmdir(w->root);
	mem_free(file);
	arena_done(&w->a);
	loop_test_done(&w->t);
}

static bool may(const struct world *w, const char *image, const struct image_keychain *keys)
{
	struct str name = str_from(image);

	return !pull_records_ask(w->records, name, STR(ID)) ||
	       pull_records_allow(w->records, name, STR(ID), keys);
}

static void pull(struct world *w, const char *image, const char *id, const struct image_keychain *k)
{
	size_t at = 0;

	pull_records_begin(w->records, str_from(image));
	pull_records_end(w->records, str_from(image), str_from(id),
		k ? image_keychain_next(k, str_from(image), &at) : NULL);
}

TEST(what_was_pulled_with_credentials_is_theirs_who_have_them)
{
	struct world w;

	open_world(&w, IMAGES_PRELOADED_ARE);
	EXPECT(may(&w, IMAGE, &w.none)); /* it came otherwise */
	pull(&w, IMAGE, ID, &w.mine);
	for (int again = 0; again < 2; again++) {
		EXPECT(!may(&w, IMAGE, &w.none));
		EXPECT(!may(&w, IMAGE, &w.others));
		EXPECT(may(&w, IMAGE, &w.mine));
		EXPECT(may(&w, "reg.example/team/x:other-tag", &w.mine));
		EXPECT(!may(&w, "reg.example/others/x:1", &w.mine));
		reopen(&w);
	}
	pull(&w, IMAGE, ID, &w.others);
	EXPECT(may(&w, IMAGE, &w.others) && may(&w, IMAGE, &w.mine));
	pull(&w, IMAGE, ID, NULL);
	EXPECT(may(&w, IMAGE, &w.none));
	reopen(&w);
	EXPECT(may(&w, IMAGE, &w.none));
	close_world(&w);
}

TEST(a_pull_that_was_cut_off_leaves_nothing_to_be_trusted)
{
	struct world w;

	open_world(&w, IMAGES_PRELOADED_ARE);
	pull_records_begin(w.records, STR(IMAGE));
	reopen(&w);
	EXPECT(!may(&w, IMAGE, &w.none));
	EXPECT(!may(&w, IMAGE, &w.mine));
	pull(&w, IMAGE, "", NULL); /* in vain */
	EXPECT(may(&w, IMAGE, &w.none));
	close_world(&w);
}

TEST(what_is_here_no_more_is_forgotten)
{
	static const struct image other = {.id = STR_INIT("sha256:two")};
	static const struct image *const list[] = {&other};
	struct world w;

	open_world(&w, IMAGES_PRELOADED_ARE);
	pull(&w, IMAGE, ID, &w.mine);
	pull_records_keep(w.records, list, 1);
	EXPECT(may(&w, IMAGE, &w.none));
	close_world(&w);
}

TEST(the_configuration_says_whom_to_trust)
{
	static const struct str trusted[] = {
		STR_INIT("reg.example/team/*"), STR_INIT("a.example/x")};
	static const struct {
		enum image_check check;
		const char *image;
		bool before, after;
	} rows[] = {
		{IMAGES_ARE_EVERYBODYS, IMAGE, true, true},
		{IMAGES_ARE_ASKED_FOR, IMAGE, false, false},
		{IMAGES_LISTED_ARE, IMAGE, true, false},
		{IMAGES_LISTED_ARE, "a.example/x:2", true, false},
		{IMAGES_LISTED_ARE, "a.example/x/y:2", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		open_world(&w, rows[i].check);
		w.c.trusted_images = trusted;
		w.c.trusted_image_count = ARRAY_LEN(trusted);
		test_context("%zu", i);
		EXPECT_INT(may(&w, rows[i].image, &w.none), rows[i].before);
		pull(&w, IMAGE, ID, &w.mine);
		EXPECT_INT(may(&w, rows[i].image, &w.none), rows[i].after);
		close_world(&w);
	}
	test_context_end();
}
