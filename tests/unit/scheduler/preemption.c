/* Who has to go for whom. The answer: the node and the names of its victims. */
#include "world.h"

static struct str told(struct world *w)
{
	struct decision *d = &w->decision;
	struct str text;

	world_decide(w);
	if (!d->nominated.len)
		return d->message;
	text = arena_str(&w->arena, d->nominated);
	for (size_t i = 0; i < d->victim_count; i++)
		text = arena_print(&w->arena, "%.*s %.*s", STRF(text), STRF(d->victims[i]->name));
	return text;
}

static void expect_cases(const struct world_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct world w;

		test_context("%s", cases[i].name);
		if (world_init(&w, cases[i].yaml))
			EXPECT_STR(told(&w), cases[i].answer);
		world_done(&w);
	}
	test_context_end();
}

#define ONE "nodes:\n- {name: a}\npods:\n"
#define TWO "nodes:\n- {name: a}\n- {name: b}\npods:\n"

TEST(as_few_and_as_unimportant_as_possible_go)
{
	static const struct world_case cases[] = {
		{"the one", ONE "- {name: p, at: a, cpu: 4}\npod: {cpu: 1, priority: 1}", "a p"},
		{"the less important stays not",
			ONE "- {name: p, at: a, cpu: 2, priority: 1}\n- {name: q, at: a, cpu: 2}\n"
			    "pod: {cpu: 2, priority: 5}",
			"a q"},
		{"only who has to",
			ONE "- {name: p, at: a, cpu: 1}\n- {name: q, at: a, cpu: 3}\n"
			    "pod: {cpu: 3, priority: 5}",
			"a q"},
		{"where the victims matter least",
			TWO "- {name: p, at: a, cpu: 4, priority: 2}\n"
			    "- {name: q, at: b, cpu: 4, priority: 1}\npod: {cpu: 4, priority: 5}",
			"b q"},
		{"where the sum is smaller",
			TWO "- {name: p, at: a, cpu: 2}\n- {name: q, at: a, cpu: 2}\n"
			    "- {name: r, at: b, cpu: 4}\npod: {cpu: 4, priority: 5}",
			"b r"},
		{"who has run for the shorter time",
			TWO
			"- {name: p, at: a, cpu: 4, status: {startTime: '2026-01-01T00:00:00Z'}}\n"
			"- {name: q, at: b, cpu: 4, status: {startTime: '2026-01-02T00:00:00Z'}}\n"
			"pod: {cpu: 4, priority: 5}",
			"b q"},
		{"a port",
			ONE "- {name: p, at: a, ports: [{hostPort: 80}]}\n- {name: q, at: a}\n"
			    "pod: {priority: 1, ports: [{hostPort: 80}]}",
			"a p"},
	};

	expect_cases(cases, ARRAY_LEN(cases));
}

#define HELPLESS                                                                                   \
	"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
#define ELIGIBLE_NOT "not eligible due to "

TEST(not_everybody_may)
{
	static const struct world_case cases[] = {
		{"equals", ONE "- {name: p, at: a, cpu: 4}\npod: {cpu: 1}",
			HELPLESS "0/1 nodes are available: 1 No preemption victims found for "
				 "incoming pod."},
		{"it would not be enough",
			ONE "- {name: p, at: a, cpu: 3, priority: 5}\n- {name: q, at: a, cpu: 1}\n"
			    "pod: {cpu: 2, priority: 1}",
			HELPLESS "0/1 nodes are available: 1 Insufficient cpu."},
		{"never",
			ONE "- {name: p, at: a, cpu: 4}\n"
			    "pod: {cpu: 1, priority: 1, spec: {preemptionPolicy: Never}}",
			HELPLESS ELIGIBLE_NOT "preemptionPolicy=Never."},
		{"victims are on their way",
			ONE "- {name: p, at: a, cpu: 4, meta: {deletionTimestamp: x}, status: {"
			    "conditions: [{type: DisruptionTarget, status: 'True', reason: "
			    "PreemptionByScheduler}]}}\npod: {cpu: 1, priority: 1, nominated: a}",
			HELPLESS ELIGIBLE_NOT "a terminating pod on the nominated node."},
	};

	expect_cases(cases, ARRAY_LEN(cases));
}

TEST(budgets_steer)
{
	static const char text[] =
		"{\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"name\":\"x\",\"namespace\":"
		"\"ns\"},"
		"\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"db\"}}},\"status\":{"
		"\"disruptionsAllowed\":0}}";
	struct object *o = object_from_text(str_from(text), 1);
	struct world w;

	world_init(&w, TWO "- {name: p, at: a, cpu: 4, labels: {app: db}}\n"
			   "- {name: q, at: b, cpu: 4, priority: 3}\npod: {cpu: 4, priority: 5}");
	EXPECT_STR(told(&w), "a p");
	cluster_shelve(&w.cluster, SHELF_BUDGETS, STR("ns/x"), o);
	EXPECT_STR(told(&w), "b q");
	object_unref(o);
	world_done(&w);
}
