/* What volumes are to be, decided without touching a disk; and when tokens are due. */
#include "test.h"

#include "kubelet/environment.h"
#include "kubelet/volumes/volume_plan.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

struct rig {
	struct arena arena;
	struct node_facts node;
	struct volumes_host host;
	struct volume_plan plan;
};

static struct cJSON *parse(struct arena *a, const char *text)
{
	struct str copy = arena_str(a, str_from(text));
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] == '\'')
			((char *)copy.at)[i] = '"';
	EXPECT_INT(json_parse(a, copy, NULL, &tree, NULL), 0);
	return tree;
}

/* The plan of the pod's first volume. */
static const struct volume_plan *plan(struct rig *r, const char *spec)
{
	struct cJSON *pod;

	*r = (struct rig){0};
	arena_init(&r->arena);
	pod = parse(&r->arena, arena_print(&r->arena, "{'spec':{%s}}", spec).at);
	r->node.allocatable = parse(&r->arena, "{'memory':'100Mi'}");
	r->host.node = &r->node;
	struct volume_planning in = {.arena = &r->arena,
		.host = &r->host,
		.pod = pod,
		.volume = json_path(pod, "spec.volumes.0"),
		.stamp = "..s",
		.claims = &(struct volume_claims){0}};
	volume_plan_make(&in, &r->plan);
	return &r->plan;
}

static void done(struct rig *r)
{
	err_done(&r->plan.err);
	arena_done(&r->arena);
}

static void expect_size(const char *volume, const char *limit, int64_t size)
{
	struct rig r;
	struct buf spec = BUF_INIT(KIB);

	buf_print(&spec,
		"'containers':[{'resources':{'limits':{%s}}}],'volumes':[{'name':'e','emptyDir':{"
		"'medium':'Memory'%s}}]",
		limit, volume);
	EXPECT_INT(plan(&r, buf_text(&spec))->size, size);
	EXPECT(r.plan.memory && !r.plan.err.code);
	buf_done(&spec);
	done(&r);
}

TEST(memory_is_bounded_by_the_node_the_pod_and_the_volume)
{
	expect_size("", "", 100 * MIB);
	expect_size("", "'memory':'30Mi'", 30 * MIB);
	expect_size(",'sizeLimit':'20Mi'", "'memory':'30Mi'", 20 * MIB);
	expect_size(",'sizeLimit':'40Mi'", "'memory':'30Mi'", 30 * MIB);
	expect_size(",'sizeLimit':'0'", "", 100 * MIB);
}

static void expect_huge(
	const char *requests, const char *medium, const char *page, const char *text)
{
	struct rig r;
	struct buf spec = BUF_INIT(KIB);

	buf_print(&spec,
		"'containers':[{'resources':{'requests':{%s}}}],'volumes':[{'name':'e','emptyDir':{"
		"'medium':'%s'}}]",
		requests, medium);
	plan(&r, buf_text(&spec));
	EXPECT_TEXT(r.plan.page ? r.plan.page : "", page);
	EXPECT_TEXT(r.plan.err.code ? err_text(&r.plan.err) : "", text);
	buf_done(&spec);
	done(&r);
}

TEST(huge_pages_are_of_the_size_that_the_pod_asks_for)
{
	expect_huge("'hugepages-2Mi':'4Mi'", "HugePages", "2M", "");
	expect_huge("'hugepages-2Mi':'4Mi','hugepages-1Gi':'1Gi'", "HugePages-1Gi", "1G", "");
	expect_huge("'hugepages-2Mi':'4Mi','hugepages-1Gi':'1Gi'", "HugePages", "",
		"medium HugePages: can not use multiple hugepages sizes in one pod");
	expect_huge("'cpu':'1'", "HugePages", "",
		"medium HugePages: resource requests for hugepages not found");
	expect_huge("'hugepages-2Mi':'4Mi'", "HugePages-1Gi", "",
		"medium HugePages-1Gi: resource requests for hugepages-1Gi not found");
}

TEST(names_of_volumes_are_no_paths)
{
	struct rig r;

	plan(&r, "'volumes':[{'name':'../x','emptyDir':{}}]");
	EXPECT_INT(r.plan.err.code, ERR_INVALID);
	done(&r);
}

/* ---- places ---- */

static void expect_nested(const char *mounts, const char *wanted)
{
	struct arena a;
	struct str *places;
	size_t count;
	struct buf got = BUF_INIT(KIB);

	arena_init(&a);
	struct cJSON *pod = parse(
		&a, arena_print(&a, "{'spec':{'containers':[{'volumeMounts':[%s]}]}}", mounts).at);
	volume_nested(&a, pod, STR("v"), &places, &count);
	for (size_t i = 0; i < count; i++)
		buf_print(&got, "%s%.*s", i ? " " : "", STRF(places[i]));
	EXPECT_STR(buf_str(&got), wanted);
	buf_done(&got);
	arena_done(&a);
}

#define M(name, path) "{'name':'" name "','mountPath':'" path "'}"

TEST(places_of_inner_volumes_are_found)
{
	expect_nested(M("v", "/a") "," M("x", "/b"), "");
	expect_nested(M("v", "/a") "," M("x", "/a/b/c"), "b/c");
	expect_nested(M("v", "/a/") "," M("x", "//a/./b"), "b");
	expect_nested(M("v", "/a") "," M("x", "/a/b") "," M("y", "/a/b/c"), "b");
	expect_nested(M("v", "/a") "," M("x", "/ab"), "");
	expect_nested(M("v", "/a") "," M("x", "/a/../../b"), "");
	expect_nested(M("v", "/a") "," M("v", "/c") "," M("x", "/a/b") "," M("x", "/c/b"), "b");
}

/* ---- tokens ---- */

#define POD(seconds)                                                                               \
	"{'spec':{'volumes':[{'projected':{'sources':[{'serviceAccountToken':{"                    \
	"'expirationSeconds':" #seconds "}}]}}]}}"

static struct volume_token *take(struct volume_tokens *t, struct arena *a, const char *expires,
	const char *seconds, int64_t now, int64_t jitter)
{
	_cleanup_(err_done) struct err err = {0};
	struct volume_token *x = tokens_next(t, now);
	struct cJSON *answer =
		parse(a, arena_print(a,
				 "{'spec':{'expirationSeconds':%s},'status':{'token':'x',"
				 "'expirationTimestamp':'%s'}}",
				 seconds, expires)
				 .at);

	if (EXPECT(x != NULL))
		EXPECT_OK(token_take(x, answer, now, jitter, &err), &err);
	return x;
}

TEST(tokens_are_made_anew_at_four_fifths_of_their_life_or_after_a_day)
{
	struct volume_tokens t = {0};
	struct arena a;
	int64_t now;

	arena_init(&a);
	EXPECT_INT(time_parse(STR("2026-01-01T00:00:00Z"), &now, NULL), 0);
	tokens_want(&t, parse(&a, POD(3600)));
	EXPECT(tokens_next(&t, now) != NULL);
	take(&t, &a, "2026-01-01T01:00:00Z", "3600", now, 3 * SEC);
	EXPECT_INT(tokens_when(&t) - now, 2877 * SEC);
	/* Once a round. */
	EXPECT(!tokens_next(&t, now + 2877 * SEC));
	tokens_want(&t, parse(&a, POD(3600)));
	EXPECT(!tokens_next(&t, now + 2876 * SEC) && tokens_next(&t, now + 2877 * SEC));
	/* What the API gave is what counts, not what was asked for. */
	take(&t, &a, "2026-01-03T00:00:00Z", "172800", now + HOUR, 0);
	EXPECT_INT(tokens_when(&t) - now, 24 * HOUR);
	tokens_want(&t, parse(&a, POD(3600)));
	/* A clock that is far off: not again and again. */
	take(&t, &a, "2025-01-01T00:00:00Z", "3600", now + 25 * HOUR, 0);
	EXPECT_INT(tokens_when(&t) - now, 25 * HOUR + 10 * SEC);
	/* Another life is another token; the first is not wanted any more. */
	tokens_want(&t, parse(&a, POD(7200)));
	EXPECT_INT(t.count, 1);
	struct volume_token *fresh = tokens_next(&t, now);
	REQUIRE(fresh);
	/* It could not be had: not in this round, but in the next. */
	_cleanup_(err_done) struct err why = {0};
	err_set(&why, ERR_UNAVAILABLE, "busy");
	token_failed(fresh, &why, now);
	EXPECT(!tokens_next(&t, now));
	EXPECT_INT(tokens_when(&t), INT64_MAX);
	tokens_want(&t, parse(&a, POD(7200)));
	EXPECT(tokens_next(&t, now) == fresh);
	tokens_want(&t, parse(&a, "{'spec':{}}"));
	EXPECT_INT(tokens_when(&t), INT64_MAX);
	tokens_done(&t);
	arena_done(&a);
}

TEST(an_answer_without_a_token_is_none)
{
	_cleanup_(err_done) struct err err = {0};
	struct volume_token x = {.seconds = 3600};
	struct arena a;

	arena_init(&a);
	EXPECT_INT(token_take(&x, parse(&a, "{'status':{'token':'x'}}"), 0, 0, &err), ERR_INTERNAL);
	EXPECT_INT(token_take(&x, parse(&a, "{}"), 0, 0, &err), ERR_INTERNAL);
	EXPECT_INT(token_take(&x, NULL, 0, 0, &err), ERR_INTERNAL);
	EXPECT_INT(x.text.len, 0);
	arena_done(&a);
}
