/* Names the server makes: one that is taken is drawn again, but not for ever. */
#include "api_rig.h"

#include <kube/api_codec.h>

static struct {
	void (*machine)(struct env *env, void *at, size_t len);
	int alike, drawn; /* draws of names that come out the same; all draws */
} chance;

/* The end of a name is drawn with five bytes. */
static void draw(struct env *env, void *at, size_t len)
{
	if (len == 5 && chance.drawn++ < chance.alike)
		memset(at, 7, len);
	else
		chance.machine(env, at, len);
}

static int create(struct api_rig *r, struct client_request *q)
{
	const struct resource *maps = resource_find(STR(""), STR("v1"), STR("configmaps"));

	client_request_init(q, CLIENT_CREATE, maps, STR("default"), STR(""));
	q->body = api_rig_json(&q->arena, "{\"metadata\":{\"generateName\":\"map-\"}}");
	return api_rig_send(r, q);
}

/* A server whose next so many names are one and the same, and an object that has it. */
static bool rig_open(struct api_rig *r, int alike)
{
	struct client_request first;
	int code;

	if (!api_rig_open(r, API_RIG_LOCAL))
		return false;
	chance.machine = r->t.env->random;
	chance.alike = alike;
	chance.drawn = 0;
	r->t.env->random = draw;
	code = create(r, &first);
	client_request_done(&first);
	return !code;
}

static void rig_close(struct api_rig *r)
{
	r->t.env->random = chance.machine;
	api_rig_close(r);
}

TEST(a_name_that_is_taken_is_drawn_again)
{
	struct client_request q;
	struct api_rig r;

	REQUIRE(rig_open(&r, 4));
	EXPECT_INT(create(&r, &q), 0);
	EXPECT_INT(chance.drawn, 5);
	EXPECT(str_starts(tree_str(q.object, "metadata.name"), STR("map-")));
	client_request_done(&q);
	rig_close(&r);
}

TEST(who_finds_no_free_name_says_so)
{
	struct client_request q;
	struct api_rig r;

	REQUIRE(rig_open(&r, 1000));
	EXPECT_INT(create(&r, &q), ERR_ALREADY_EXISTS);
	EXPECT(q.status &&
		str_find(q.status->message, STR("was not able to generate a unique name")) >= 0);
	EXPECT(chance.drawn > 2 && chance.drawn < 100);
	client_request_done(&q);
	rig_close(&r);
}
