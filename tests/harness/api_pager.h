/*
 * Who lists a collection page by page while others write: each page is held against the truth at
 * the revision that it names: nothing missing, nothing twice, one revision from the first page to
 * the last, and the end of a list where the history is forgotten, not before.
 */
#ifndef KUBE_API_PAGER_H
#define KUBE_API_PAGER_H

#include "api_truth.h"

struct pager {
	struct api_world *world;
	struct client *client;
	struct rng *rng;
	struct truth *truths;
	unsigned kinds; /* of them */
	struct told told;
	struct client_request request;
	bool busy;
	int kind, space, label;
	int64_t limit, wanted, began;
	char match[16];
	/* what is left of a list that goes on */
	char more[1024];
	int64_t revision; /* 0: whatever the page says */
	int last;         /* the last key that came; -1: none */
	int pages;
};

static inline int64_t pager_version(const struct cJSON *object)
{
	int64_t revision = 0;

	str_to_i64(tree_str(object, "metadata.resourceVersion"), &revision);
	return revision;
}

static inline struct cJSON *pager_parse(struct pager *l)
{
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	EXPECT_OK(json_parse(&l->request.arena, l->request.text, NULL, &tree, &err), &err);
	return tree;
}

static inline void pager_choose(struct pager *l)
{
	l->kind = (int)rng_below(l->rng, l->kinds);
	l->space = (int)rng_below(l->rng, TRUTH_SPACES + 1) - 1;
	l->label = rng_below(l->rng, 2) ? TRUTH_ALL : '0' + (int)rng_below(l->rng, 3);
	l->limit = (int64_t)rng_below(l->rng, 6);
	l->revision = 0;
	l->last = -1;
	l->wanted = -1;
	l->match[0] = 0;
	int64_t low = l->truths[l->kind].begins, high = store_revision(l->world->server->store);
	switch (rng_below(l->rng, 4)) {
	case 0:
		l->wanted = 0;
		break;
	case 1:
		l->wanted = low + (int64_t)rng_below(l->rng, (uint64_t)(high - low) + 1);
		strcpy(l->match, "NotOlderThan");
		break;
	case 2:
		l->wanted = l->revision =
			low + (int64_t)rng_below(l->rng, (uint64_t)(high - low) + 1);
		strcpy(l->match, "Exact");
	}
}

static inline void pager_step(struct pager *l)
{
	struct client_request *q = &l->request;

	if (l->busy || !l->world->server)
		return;
	if (!l->more[0])
		pager_choose(l);
	client_request_init(q, CLIENT_RAW_GET, NULL, STR(""), STR(""));
	struct arena *a = &q->arena;
	struct buf path = BUF_INIT(8 * KIB);
	const struct resource *res = l->truths[l->kind].resource;
	buf_print(&path, "/%s/%.*s/", res->group.len ? "apis" : "api", STRF(res->api_version));
	if (l->space != TRUTH_ALL)
		buf_print(&path, "namespaces/%c/", 'a' + l->space);
	buf_print(&path, "%.*s?limit=%lld", STRF(res->plural), (long long)l->limit);
	if (l->label != TRUTH_ALL)
		buf_print(&path, "&labelSelector=v%%3D%c", l->label);
	if (l->more[0])
		buf_print(&path, "&continue=%s", l->more);
	else if (l->wanted >= 0)
		buf_print(&path, "&resourceVersion=%lld", (long long)l->wanted);
	if (!l->more[0] && l->match[0])
		buf_print(&path, "&resourceVersionMatch=%s", l->match);
	q->path = arena_str(a, buf_str(&path));
	buf_done(&path);
	l->began = store_revision(l->world->server->store);
	l->busy = true;
	client_send(
		l->client, told_op(&l->told, l->world->root, loop_in(l->world->loop, 40 * SEC)), q);
}

static inline void pager_check(struct pager *l)
{
	struct truth *t = &l->truths[l->kind];
	struct cJSON *tree = pager_parse(l), *items = json_get(tree, STR("items"));
	const struct cJSON *item = json_first(items);
	int64_t revision = pager_version(tree), count = 0;
	bool whole = l->limit == 0 || (l->wanted == 0 && !l->more[0]), more = false;

	if (l->revision)
		EXPECT_INT(revision, l->revision);
	else if (l->wanted)
		EXPECT(revision >= l->began);
	EXPECT(revision >= l->wanted && revision >= t->begins);
	for (int key = l->last + 1; key < TRUTH_KEYS && !more; key++) {
		struct object *o = truth_at(t, key, revision);

		if (!truth_selects(l->space, l->label, key, o))
			continue;
		if (!whole && count == l->limit) {
			more = true;
			break;
		}
		EXPECT_INT(pager_version(item), o->revision);
		item = json_next(item);
		l->last = key;
		count++;
	}
	EXPECT(!item);
	struct str token = tree_str(tree, "metadata.continue");
	/* With a selector nobody looks whether what is behind the page matches. */
	for (int key = l->last + 1; count == l->limit && key < TRUTH_KEYS && !whole; key++)
		more |= truth_selects(l->space, TRUTH_ALL, key, truth_at(t, key, revision));
	EXPECT_INT(token.len > 0, more);
	EXPECT(token.len < sizeof(l->more));
	snprintf(l->more, sizeof(l->more), "%.*s", STRF(token));
	l->revision = revision;
	l->pages++;
}

/* Too old, and only then: begin anew, or go on with what stands there now. */
static inline void pager_expired(struct pager *l)
{
	struct cJSON *tree = pager_parse(l);
	struct str token = tree_str(tree, "metadata.continue");

	EXPECT(l->revision && l->revision < l->truths[l->kind].forgotten);
	EXPECT_INT(token.len > 0, l->more[0] != 0);
	if (rng_below(l->rng, 2))
		token = STR("");
	snprintf(l->more, sizeof(l->more), "%.*s", STRF(token));
	l->revision = 0;
	l->wanted = -1;
}

static inline void pager_reap(struct pager *l)
{
	if (!l->busy || !l->told.done)
		return;
	int code = l->told.err.code;
	int64_t begins = l->truths[l->kind].begins;
	if (l->began < begins || (!code && l->revision && l->revision < begins))
		l->more[0] = 0; /* of a life that is forgotten */
	else if (!code)
		pager_check(l);
	else if (code == ERR_EXPIRED)
		pager_expired(l);
	else
		l->more[0] = 0;
	if (test_failed())
		printf("list %.*s (revision %lld, began %lld): %.*s\n", STRF(l->request.path),
			(long long)l->revision, (long long)l->began, STRF(l->request.text));
	client_request_done(&l->request);
	told_done(&l->told);
	l->told = (struct told){0};
	l->busy = false;
}

#endif
