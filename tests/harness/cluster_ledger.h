/*
 * What really happened to pods and their owners in a cluster on virtual time, as the store tells
 * it in the order of revisions; and what must never happen, held against every single change:
 *
 *	- a bound pod fits its node, and stays there; what has ended stays ended
 *	- a ReplicaSet never gets more pods than it is to have; a Deployment's sets never grow
 *beyond what it may have at once, and while nothing else goes wrong its controllers never take a
 *	  pod away that leaves too few available; one that recreates never mixes old and new
 *	- a Job counts no pod twice, gets no pod beyond what it may have, one an index, none when it
 *	  is over; what it has counted stays counted
 *	- a DaemonSet has one pod a node; a StatefulSet begins its pods one after the other
 *
 * Controllers decide from what they have seen: what changed less than LAG ago counts both ways.
 */
#ifndef KUBE_CLUSTER_LEDGER_H
#define KUBE_CLUSTER_LEDGER_H

#include "cluster_node.h"

#include <kube/quantity.h>

#include "controllers/job.h"
#include "controllers/rollout.h"

#define LAG          MINUTE
#define LEDGER_ITEMS 400
#define INDEXES_MAX  64
#define FEEDS        4

/* A number and what it was before. */
struct past {
	int64_t values[16], until[16];
	int64_t now;
	size_t count;
};

struct seen {
	char uid[40], owner[40], name[64];
	bool here;
	int64_t revision;
};

struct seen_pod {
	struct seen seen;
	char kind; /* of its owner: R(eplicaSet), J(ob), S(tatefulSet), D(aemonSet) */
	char node[8], target[8], phase;
	bool deleting, ready, tracked;
	int64_t cpu, port, index;
};

struct seen_set {
	struct seen seen;
	struct past replicas;
};

struct seen_deployment {
	struct seen seen;
	struct past most; /* replicas and surge */
	int64_t replicas, unavailable;
	bool recreates;
	int64_t trouble; /* when it last went through something that is not its controllers' doing
			  */
};

struct seen_job {
	struct seen seen;
	struct past parallelism;
	int64_t completions, succeeded, failed, pods_succeeded, clean, pods_ended, outside;
	bool indexed, over;
	bool index_done[INDEXES_MAX], index_clean[INDEXES_MAX];
};

struct feed {
	const char *group, *plural;
	struct watch watch;
	struct store_change change;
	bool has;
};

struct ledger {
	struct cluster_world *w;
	struct feed feeds[FEEDS];
	struct seen_pod pods[LEDGER_ITEMS];
	struct seen_set sets[LEDGER_ITEMS];
	struct seen_deployment deployments[LEDGER_ITEMS];
	struct seen_job jobs[LEDGER_ITEMS];
	int64_t revision; /* that was read last */
	bool lenient; /* answers may be lost: who has not heard that a pod was made makes another */
	int64_t trouble;
	int made, bound, taken, counted; /* how much there was to judge */
};

/* ---- the past ---- */

static void past_set(struct past *p, int64_t value, int64_t now)
{
	if (p->now == value)
		return;
	p->values[p->count % 16] = p->now;
	p->until[p->count++ % 16] = now;
	p->now = value;
}

static int64_t past_most(const struct past *p, int64_t now)
{
	int64_t most = p->now;

	for (size_t i = 0; i < MIN(p->count, (size_t)16); i++)
		if (now - p->until[i] < 2 * LAG)
			most = MAX(most, p->values[i]);
	return most;
}

static int64_t ledger_now(const struct ledger *l)
{
	return loop_now(l->w->api.loop);
}

/* Is what happened then still being found out? Caches whose connections broke take longer. */
static bool ledger_recent(const struct ledger *l, int64_t then)
{
	return ledger_now(l) - then < (l->lenient ? 2 * LAG : LAG);
}

/* ---- finding ---- */

/* Every list is of structs that begin with a struct seen. */
static void *ledger_find(void *list, size_t size, const char *uid)
{
	for (size_t i = 0; i < LEDGER_ITEMS; i++) {
		struct seen *s = (struct seen *)((char *)list + i * size);

		if (s->here && strcmp(s->uid, uid) == 0)
			return s;
	}
	return NULL;
}

static void *ledger_open(
	void *list, size_t size, const struct cJSON *o, const struct store_change *c, bool *fresh)
{
	char uid[40];
	struct seen *s;

	snprintf(uid, sizeof(uid), "%.*s", STRF(tree_str(o, "metadata.uid")));
	s = ledger_find(list, size, uid);
	*fresh = !s;
	for (size_t i = 0; i < LEDGER_ITEMS && !s; i++) {
		s = (struct seen *)((char *)list + i * size);
		if (s->here)
			s = NULL;
		else
			memset(s, 0, size);
	}
	assert(s);
	s->here = c->type != CHANGE_DELETED;
	s->revision = c->revision;
	snprintf(s->uid, sizeof(s->uid), "%s", uid);
	snprintf(s->name, sizeof(s->name), "%.*s", STRF(tree_str(o, "metadata.name")));
	snprintf(s->owner, sizeof(s->owner), "%.*s", STRF(tree_str(controller_of(o), "uid")));
	return s;
}

#define LEDGER_FIND(list, uid) ledger_find(list, sizeof((list)[0]), uid)
#define ledger_each(item, list)                                                                    \
	for (size_t at_ = 0; at_ < LEDGER_ITEMS; at_++)                                            \
		for (__typeof__(&(list)[0]) item = (list)[at_].seen.here ? &(list)[at_] : NULL;    \
			item; item = NULL)

static bool seen_active(const struct seen_pod *p)
{
	return p->phase != 'S' && p->phase != 'F' && !p->deleting;
}

static bool seen_serves(const struct seen_pod *p)
{
	return seen_active(p) && p->ready;
}

static bool seen_finished(const struct seen_pod *p)
{
	return p->phase == 'S' || p->phase == 'F';
}

static struct seen_deployment *deployment_of(struct ledger *l, const struct seen_pod *p)
{
	const struct seen_set *s = p->kind == 'R' ? LEDGER_FIND(l->sets, p->seen.owner) : NULL;

	return s ? LEDGER_FIND(l->deployments, s->seen.owner) : NULL;
}

/* ---- pods of sets and deployments ---- */

static int64_t count_active(struct ledger *l, const char *owner)
{
	int64_t count = 0;

	ledger_each(p, l->pods) count += strcmp(p->seen.owner, owner) == 0 && seen_active(p);
	return count;
}

static void check_made_by_set(struct ledger *l, const struct seen_pod *pod)
{
	const struct seen_set *set = LEDGER_FIND(l->sets, pod->seen.owner);

	if (set && !l->lenient)
		EXPECT(count_active(l, set->seen.uid) <= past_most(&set->replicas, ledger_now(l)));
}

/*
 * Who recreates lets a set grow only when no other has pods. What a set was allowed before it
 * replaces by itself: a deployment may begin to recreate in the middle of a rollout.
 */
static void check_alone(
	struct ledger *l, const struct seen_set *set, const struct seen_deployment *d)
{
	if (ledger_recent(l, d->trouble))
		return;
	ledger_each(p,
		l->pods) if (deployment_of(l, p) == d && strcmp(p->seen.owner, set->seen.uid) != 0)
		EXPECT(seen_finished(p));
}

/*
 * Ready is enough: sets choose among their pods by readiness, node and age, so one that is ready
 * but not for minReadySeconds yet may stay in the place of one that is, upstream too.
 */
static int64_t count_ready(struct ledger *l, const struct seen_deployment *d)
{
	int64_t count = 0;

	ledger_each(p, l->pods) count += deployment_of(l, p) == d && seen_serves(p);
	return count;
}

/* Somebody of the cluster takes a pod away that could serve. */
static void check_taken(struct ledger *l, const struct seen_pod *pod)
{
	const struct seen_deployment *d = deployment_of(l, pod);

	l->taken++;
	if (!d || d->recreates || ledger_recent(l, MAX(d->trouble, l->trouble)))
		return;
	EXPECT(count_ready(l, d) >= d->replicas - d->unavailable);
}

/* ---- pods of jobs, and the rest ---- */

static void check_made_by_job(struct ledger *l, const struct seen_pod *pod)
{
	struct seen_job *j = LEDGER_FIND(l->jobs, pod->seen.owner);
	int64_t active = count_active(l, pod->seen.owner);

	if (!j)
		return;
	EXPECT(pod->tracked);
	EXPECT(!j->over);
	if (l->lenient)
		return;
	EXPECT(active <= past_most(&j->parallelism, ledger_now(l)));
	if (!j->indexed) {
		EXPECT(j->completions < 0 || j->clean + active <= j->completions);
		return;
	}
	if (!EXPECT(pod->index >= 0 && pod->index < MIN(j->completions, INDEXES_MAX)))
		return;
	EXPECT(!j->index_clean[pod->index]);
	ledger_each(p, l->pods) if (p != pod && strcmp(p->seen.owner, pod->seen.owner) == 0)
		EXPECT(!seen_active(p) || p->index != pod->index);
}

static void check_made_by_daemons(struct ledger *l, const struct seen_pod *pod)
{
	ledger_each(p, l->pods) if (p != pod && strcmp(p->seen.owner, pod->seen.owner) == 0)
		EXPECT(l->lenient || !seen_active(p) || strcmp(p->target, pod->target));
}

/* Those before it have begun. */
static void check_made_in_order(struct ledger *l, const struct seen_pod *pod)
{
	int64_t before = 0;

	ledger_each(p, l->pods) before += p->kind == 'S' &&
					  strcmp(p->seen.owner, pod->seen.owner) == 0 &&
					  p->index < pod->index;
	EXPECT(ledger_recent(l, l->trouble) || before == pod->index);
}

static void check_made(struct ledger *l, const struct seen_pod *pod)
{
	l->made++;
	if (pod->kind == 'R')
		check_made_by_set(l, pod);
	else if (pod->kind == 'J')
		check_made_by_job(l, pod);
	else if (pod->kind == 'D')
		check_made_by_daemons(l, pod);
	else if (pod->kind == 'S')
		check_made_in_order(l, pod);
}

static void check_fits(struct ledger *l, const struct seen_pod *pod)
{
	int64_t cpu = 0, count = 0, port = 0;

	l->bound++;
	ledger_each(p, l->pods)
	{
		if (seen_finished(p) || strcmp(p->node, pod->node) != 0)
			continue;
		cpu += p->cpu;
		count++;
		port += pod->port && p->port == pod->port;
	}
	EXPECT(cpu <= 4000);
	EXPECT(count <= cluster_shape.pods);
	EXPECT(port <= 1);
}

/* ---- reading pods ---- */

static void read_spec(struct seen_pod *p, const struct cJSON *o)
{
	const struct cJSON *c = json_at(json_path(o, "spec.containers"), 0);
	const struct cJSON *terms = json_path(o,
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		"nodeSelectorTerms");
	const struct cJSON *fields = json_path(json_at(terms, 0), "matchFields");
	struct quantity q = {0};
	struct str index = json_str(json_get(json_path(o, "metadata.labels"),
		p->kind == 'S' ? STR("apps.kubernetes.io/pod-index") : STR(JOB_INDEX)));

	if (!quantity_parse(tree_str(c, "resources.requests.cpu"), &q, NULL))
		p->cpu = quantity_milli(q);
	p->port = tree_int(json_at(json_get(c, STR("ports")), 0), "hostPort", 0);
	p->index = -1;
	str_to_i64(index, &p->index);
	snprintf(p->target, sizeof(p->target), "%.*s",
		STRF(json_str(json_at(json_path(json_at(fields, 0), "values"), 0))));
}

static void job_pod_ended(struct ledger *l, const struct seen_pod *p, const struct seen_pod *was)
{
	struct seen_job *j = p->kind == 'J' ? LEDGER_FIND(l->jobs, p->seen.owner) : NULL;
	bool ended = seen_finished(p) || p->deleting;

	if (!j)
		return;
	if (ended && !seen_finished(was) && !was->deleting)
		j->pods_ended++;
	if (p->phase != 'S' || was->phase == 'S')
		return;
	j->pods_succeeded++;
	j->clean += !was->deleting;
	if (p->index >= 0 && p->index < INDEXES_MAX) {
		j->index_done[p->index] = true;
		j->index_clean[p->index] |= !was->deleting;
	}
}

static void compare_pod(struct ledger *l, struct seen_pod *p, const struct seen_pod *was)
{
	struct seen_deployment *d = deployment_of(l, p);

	EXPECT(!was->node[0] || strcmp(was->node, p->node) == 0);
	EXPECT(!seen_finished(was) || was->phase == p->phase);
	EXPECT(!was->deleting || p->deleting);
	job_pod_ended(l, p, was);
	if (!was->node[0] && p->node[0]) {
		cluster_note(l->w, "%s goes to %s", p->seen.name, p->node);
		check_fits(l, p);
	}
	if (was->phase != p->phase || was->ready != p->ready || was->deleting != p->deleting)
		cluster_note(l->w, "%s: %c%s%s", p->seen.name, p->phase, p->ready ? " ready" : "",
			p->deleting ? " going" : "");
	if (d && seen_serves(was) && !seen_serves(p) && !p->deleting)
		d->trouble = ledger_now(l);
	if (p->deleting && seen_serves(was))
		check_taken(l, p);
}

static void told_of_pod(struct ledger *l, const struct cJSON *o, const struct store_change *c)
{
	const struct cJSON *ref = controller_of(o);
	struct str phase = tree_str(o, "status.phase");
	bool fresh;
	struct seen_pod *p = ledger_open(l->pods, sizeof(*p), o, c, &fresh), was = *p;

	p->kind = ref ? tree_str(ref, "kind").at[0] : ' ';
	snprintf(p->node, sizeof(p->node), "%.*s", STRF(tree_str(o, "spec.nodeName")));
	p->phase = phase.len ? phase.at[0] : 'P';
	p->deleting = is_being_deleted(o);
	p->ready = pod_is_ready(o);
	p->tracked =
		str_find(object_scan(c->object, "metadata.finalizers"), STR(JOB_FINALIZER)) >= 0;
	if (fresh) {
		cluster_note(l->w, "%s is made", p->seen.name);
		read_spec(p, o);
		check_made(l, p);
		return;
	}
	if (c->type == CHANGE_DELETED) {
		cluster_note(l->w, "%s is gone", p->seen.name);
		p->deleting = true;
		job_pod_ended(l, p, &was);
		return;
	}
	compare_pod(l, p, &was);
}

/* ---- sets and deployments ---- */

static void told_of_set(struct ledger *l, const struct cJSON *o, const struct store_change *c)
{
	bool fresh;
	struct seen_set *s = ledger_open(l->sets, sizeof(*s), o, c, &fresh);
	int64_t before = fresh ? 0 : s->replicas.now, sum = 0, most;
	const struct seen_deployment *d = LEDGER_FIND(l->deployments, s->seen.owner);

	past_set(&s->replicas, tree_int(o, "spec.replicas", 1), ledger_now(l));
	if (s->replicas.now == before || c->type == CHANGE_DELETED)
		return;
	cluster_note(l->w, "%s: %lld replicas", s->seen.name, (long long)s->replicas.now);
	if (s->replicas.now < before || !d)
		return;
	if (d->recreates) {
		check_alone(l, s, d);
		return;
	}
	ledger_each(other, l->sets) if (strcmp(other->seen.owner, s->seen.owner) == 0) sum +=
		other->replicas.now;
	if (EXPECT(note_number(o, NOTE_MAX, &most))) {
		EXPECT(sum <= most);
		EXPECT(most <= past_most(&d->most, ledger_now(l)));
	}
}

static void told_of_deployment(
	struct ledger *l, const struct cJSON *o, const struct store_change *c)
{
	bool fresh;
	struct seen_deployment *d = ledger_open(l->deployments, sizeof(*d), o, c, &fresh);
	const struct seen_deployment was = *d;
	const struct cJSON *rolling = json_path(o, "spec.strategy.rollingUpdate");
	int64_t surge;

	d->replicas = tree_int(o, "spec.replicas", 1);
	surge = scaled_value(json_path(rolling, "maxSurge"), d->replicas, true);
	d->unavailable = scaled_value(json_path(rolling, "maxUnavailable"), d->replicas, false);
	d->unavailable += !surge && !d->unavailable;
	d->recreates = !rolling;
	past_set(&d->most, d->replicas + surge, ledger_now(l));
	if (fresh || was.replicas != d->replicas || was.unavailable != d->unavailable ||
		was.recreates != d->recreates)
		d->trouble = ledger_now(l);
}

/* ---- jobs ---- */

static void check_accounts(struct ledger *l, const struct seen_job *j, const struct cJSON *o)
{
	const struct cJSON *status = json_path(o, "status");
	int64_t counting =
		(int64_t)json_count(json_path(status, "uncountedTerminatedPods.succeeded"));
	int64_t failing = (int64_t)json_count(json_path(status, "uncountedTerminatedPods.failed"));
	int64_t done = 0;

	for (int i = 0; i < INDEXES_MAX; i++)
		done += j->index_done[i];
	l->counted++;
	if (j->indexed)
		EXPECT(j->succeeded <= done);
	else
		EXPECT(j->succeeded + counting <= j->pods_succeeded);
	EXPECT(j->failed + failing <= j->pods_ended);
}

static void check_over(const struct seen_job *j, const struct cJSON *o)
{
	bool failed = job_condition(o, "Failed") != NULL;

	EXPECT(!tree_has(o, "status.uncountedTerminatedPods.succeeded") &&
		!tree_has(o, "status.uncountedTerminatedPods.failed"));
	EXPECT_INT(tree_int(o, "status.active", 0), 0);
	EXPECT_INT(tree_int(o, "status.terminating", 0), 0);
	if (failed)
		return;
	if (j->completions >= 0 && !j->outside)
		EXPECT_INT(j->succeeded, j->completions);
	else
		EXPECT(j->succeeded >= MAX(j->completions, 1) || j->completions == 0);
}

static void told_of_job(struct ledger *l, const struct cJSON *o, const struct store_change *c)
{
	bool fresh, over = job_is_finished(o);
	struct seen_job *j = ledger_open(l->jobs, sizeof(*j), o, c, &fresh), was = *j;

	past_set(&j->parallelism, tree_int(o, "spec.parallelism", 1), ledger_now(l));
	j->completions = tree_int(o, "spec.completions", -1);
	j->indexed = str_eq_text(tree_str(o, "spec.completionMode"), "Indexed");
	j->succeeded = tree_int(o, "status.succeeded", 0);
	j->failed = tree_int(o, "status.failed", 0);
	j->over = over;
	if (was.succeeded != j->succeeded || was.failed != j->failed || was.over != over)
		cluster_note(l->w, "%s: %lld succeeded, %lld failed%s", j->seen.name,
			(long long)j->succeeded, (long long)j->failed, over ? ", over" : "");
	check_accounts(l, j, o);
	if (fresh)
		return;
	EXPECT(j->succeeded >= was.succeeded && j->failed >= was.failed);
	EXPECT(over || !was.over);
	if (over && !was.over)
		check_over(j, o);
}

/* ---- following ---- */

static void ledger_no_wake(struct watch *w)
{
	(void)w;
}

/* From now on; or on from where it was, in a server that was begun again. */
static void ledger_open_feeds(struct ledger *l, struct cluster_world *w)
{
	static const struct {
		const char *group, *plural;
	} of[FEEDS] = {
		{"", "pods"}, {"apps", "replicasets"}, {"apps", "deployments"}, {"batch", "jobs"}};
	struct api_server *s = w->api.server;

	l->w = w;
	if (!l->revision)
		l->revision = store_revision(s->store);
	for (int i = 0; i < FEEDS; i++) {
		struct feed *f = &l->feeds[i];

		*f = (struct feed){.group = of[i].group, .plural = of[i].plural};
		EXPECT_INT(watch_init(&f->watch,
				   server_bucket(s, resource_find(str_from(f->group), STR("v1"),
							    str_from(f->plural))),
				   l->revision, ledger_no_wake, NULL),
			0);
	}
}

static void ledger_close_feeds(struct ledger *l)
{
	for (int i = 0; i < FEEDS; i++)
		watch_done(&l->feeds[i].watch);
}

static struct feed *next_feed(struct ledger *l)
{
	struct feed *first = NULL;

	for (int i = 0; i < FEEDS; i++) {
		struct feed *f = &l->feeds[i];

		if (!f->has)
			f->has = watch_next(&f->watch, &f->change, NULL) == 1;
		if (f->has && (!first || f->change.revision < first->change.revision))
			first = f;
	}
	return first;
}

static void ledger_read(struct ledger *l)
{
	static void (*const told[FEEDS])(
		struct ledger *, const struct cJSON *, const struct store_change *) = {
		told_of_pod, told_of_set, told_of_deployment, told_of_job};
	_cleanup_(arena_done) struct arena a;
	struct feed *f;

	arena_init(&a);
	while ((f = next_feed(l))) {
		const struct cJSON *o = object_tree(&a, f->change.object);

		told[f - l->feeds](l, o, &f->change);
		l->revision = f->change.revision;
		f->has = false;
		arena_reset(&a);
	}
}

/* Something comes that is not the controllers' doing. */
static void ledger_trouble(struct ledger *l)
{
	l->trouble = ledger_now(l);
	ledger_each(j, l->jobs) j->outside++;
}

#endif
