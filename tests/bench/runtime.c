/*
 * How long pods and containers take that do nothing. Run by runtime.sh, which makes the node that
 * it runs in, and compares.
 */
#include "runtime_rig.h"

#include <kube/mem.h>

#include <stdlib.h>

enum { ROUNDS_MAX = 1000 };

static int64_t took[ROUNDS_MAX];

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void say(const char *name, int rounds)
{
	qsort(took, (size_t)rounds, sizeof(*took), by_size);
	printf("%s_p50 %lld us\n", name, (long long)(took[rounds / 2] / 1000));
	printf("%s_p90 %lld us\n", name, (long long)(took[rounds * 9 / 10] / 1000));
}

/* Created, started, ended: known to be so. */
static void one_container(struct rig *g, struct str sandbox)
{
	static const struct str command[] = {STR_INIT("/bin/true")};
	struct runtime_container_create c = rig_container(sandbox, NULL);

	c.config.command = command;
	c.config.command_count = 1;
	rig_begin(g, &c);
	while (rig_get(g, c.id)->state != CONTAINER_EXITED)
		rig_pause(g, 50 * USEC);
	rig_remove_container(g, c.id);
}

static void containers(struct rig *g, int rounds)
{
	struct runtime_sandbox_run run = rig_sandbox("bench");
	struct str id = rig_run(g, &run);

	one_container(g, id);
	for (int i = 0; i < rounds; i++) {
		int64_t begun = clock_mono();
		one_container(g, id);
		took[i] = clock_mono() - begun;
	}
	say("container_true", rounds);
	rig_remove_sandbox(g, id);
}

static void pods(struct rig *g, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct runtime_sandbox_run run = rig_sandbox("bench");
		int64_t begun = clock_mono();
		one_container(g, rig_run(g, &run));
		rig_remove_sandbox(g, run.id);
		took[i] = clock_mono() - begun;
	}
	say("pod_true", rounds);
}

static void memory(struct rig *g)
{
	static struct runtime_sandbox_run runs[20];

	for (int i = 0; i < 20; i++) {
		runs[i] = rig_sandbox("bench");
		rig_run(g, &runs[i]);
		struct runtime_container_create c =
			rig_container(runs[i].id, RIG_SHELL("exec sleep 1000"));
		rig_begin(g, &c);
	}
	rig_pause(g, SEC);
	int all = rig_number("for p in $(pgrep -x kube-pod); do cat /proc/$p/smaps_rollup; done |"
			     " awk '/^Pss_Anon/ {n += $2} END {print n}'");
	printf("helper_memory %d KiB\n", all / 20);
	for (int i = 0; i < 20; i++)
		rig_remove_sandbox(g, runs[i].id);
}

TEST(runtime)
{
	const char *said = getenv("KUBE_BENCH_ROUNDS");
	int rounds = MIN(MAX(said ? atoi(said) : 50, 2), ROUNDS_MAX);
	struct rig g;

	rig_open(&g);
	containers(&g, rounds);
	pods(&g, rounds);
	memory(&g);
	rig_close(&g);
}
