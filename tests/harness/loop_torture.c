#include "loop_torture.h"

/* A scenario with more awaits than this does not end, or is too long to be tortured. */
#define ROUNDS_MAX 5000

struct torture {
	enum loop_test_kind kind;
	torture_fn *start, *check;
	void *ctx;
};

/* true: the k-th await was reached. */
static bool round_run(const struct torture *torture, uint64_t k, int code)
{
	struct loop_test t;
	test_context("await %llu: %s", (unsigned long long)k, k ? err_code_name(code) : "none");
	loop_test_init(&t, torture->kind);
	loop_torture(t.loop, k, code);
	torture->start(&t, torture->ctx);
	loop_test_run(&t);
	bool hit = loop_torture_hit(t.loop);
	if (torture->check)
		torture->check(&t, torture->ctx);
	loop_test_done(&t);
	return hit;
}

int loop_torture_run(enum loop_test_kind kind, torture_fn *start, torture_fn *check, void *ctx)
{
	const struct torture torture = {kind, start, check, ctx};
	const int codes[] = {ERR_IO, ERR_CANCELLED};
	int rounds = 1;
	round_run(&torture, 0, 0);
	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		uint64_t k = 1;
		while (k <= ROUNDS_MAX && !test_failed() && round_run(&torture, k, codes[c])) {
			k++;
			rounds++;
		}
		if (k > ROUNDS_MAX)
			test_fail(__FILE__, __LINE__, "still awaiting after %d rounds of torture",
				ROUNDS_MAX);
	}
	test_context_end();
	return rounds;
}

void loop_torture_on(struct loop *loop, void (*act)(void *ctx), void (*whole)(void *ctx), void *ctx)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;
		uint64_t k = 1;

		for (; k <= ROUNDS_MAX && hit && !test_failed(); k++) {
			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
			loop_torture(loop, k, codes[c]);
			act(ctx);
			hit = loop_torture_hit(loop);
			loop_torture(loop, 0, 0);
			whole(ctx);
		}
		if (k > ROUNDS_MAX)
			test_fail(__FILE__, __LINE__, "still awaiting after %d rounds of torture",
				ROUNDS_MAX);
	}
	test_context_end();
}
