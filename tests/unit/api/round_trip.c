/* Every type of the tables, with generated values: through protobuf and back, through JSON text
 * and back, and canonical once is canonical for good. */
#include "random_object.h"
#include "test.h"

#define ROUNDS 12

static const char *printed(struct arena *a, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);

	json_print(&out, tree, JSON_COMPACT);
	return arena_text(a, buf_text(&out));
}

/* A type that no protobuf message stands for has no numbers. */
static bool on_the_wire(const struct schema *s)
{
	for (size_t i = 0; i < s->field_count; i++)
		if (s->fields[i].proto)
			return true;
	return false;
}

static void check_wire(struct random_maker *m, const struct schema *s)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(16 * MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = api_canonical(m->arena, s, random_object(m, s, 4)), *back = NULL;

	proto_encode(&bytes, s, tree);
	if (!EXPECT_OK(proto_decode(m->arena, s, buf_str(&bytes), &back, &err), &err))
		return;
	EXPECT_TEXT(printed(m->arena, api_canonical(m->arena, s, back)), printed(m->arena, tree));
}

static void check_text(struct random_maker *m, const struct schema *s)
{
	struct cJSON *made = random_object(m, s, 4), *tree = NULL, *again = NULL, *back = NULL;
	_cleanup_(err_done) struct err err = {0};
	struct decode_notes notes = {.arena = m->arena};

	if (!EXPECT_OK(api_decode(m->arena, s, made, &notes, &tree, &err), &err))
		return;
	EXPECT_INT(notes.count, 0);
	tree = api_canonical(m->arena, s, tree);
	if (!EXPECT_OK(json_parse(m->arena, str_from(printed(m->arena, tree)), NULL, &back, &err),
		    &err) ||
		!EXPECT_OK(api_decode(m->arena, s, back, &notes, &again, &err), &err))
		return;
	EXPECT_TEXT(printed(m->arena, api_canonical(m->arena, s, again)), printed(m->arena, tree));
}

static void each_type(bool wire)
{
	const struct schema *s;
	size_t types = 0;

	for (size_t i = 0; (s = schema_at(i)); i++) {
		types++;
		if (wire && !on_the_wire(s))
			continue;
		for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
			_cleanup_(arena_done) struct arena a;
			struct random_maker m = {
				.arena = &a, .state = seed * 7919 + i, .wire = wire};

			arena_init(&a);
			test_context(
				"%.*s.%.*s seed %d", STRF(s->package), STRF(s->name), (int)seed);
			if (wire)
				check_wire(&m, s);
			else
				check_text(&m, s);
		}
	}
	test_context_end();
	EXPECT(types > 800);
}

TEST(protobuf_gives_back_what_went_in)
{
	each_type(true);
}

TEST(text_gives_back_what_went_in)
{
	each_type(false);
}
