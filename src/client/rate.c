#include "rate.h"

#include <kube/time.h>

void rate_init(struct rate *r, double qps, int burst, int64_t now)
{
	*r = (struct rate){.qps = qps, .burst = burst, .tokens = burst, .at = now};
}

static void refill(struct rate *r, int64_t now)
{
	double grown = r->tokens + (double)(now - r->at) / (double)SEC * r->qps;

	if (now <= r->at)
		return;
	r->tokens = MIN(grown, r->burst);
	r->at = now;
}

int64_t rate_reserve(struct rate *r, int64_t now)
{
	if (r->qps <= 0)
		return 0;
	refill(r, now);
	r->tokens -= 1;
	return r->tokens >= 0 ? 0 : (int64_t)(-r->tokens / r->qps * (double)SEC);
}

bool rate_try(struct rate *r, int64_t now)
{
	if (r->qps <= 0)
		return true;
	refill(r, now);
	/* Sums of fractions may fall a hair short of the whole. */
	if (r->tokens < 1 - 1e-9)
		return false;
	r->tokens -= 1;
	return true;
}

int64_t jitter(struct env *env, int64_t ns, double factor)
{
	uint32_t random;

	env_random(env, &random, sizeof(random));
	return ns + (int64_t)((double)ns * factor * ((double)random / 4294967296.0));
}

int64_t backoff_next(struct backoff *b, struct env *env)
{
	int64_t now = loop_now(env->loop);

	if (!b->next || now - b->last > b->reset)
		b->next = b->base;
	int64_t delay = b->next;
	b->next = MIN(b->next * 2, b->max);
	b->last = now;
	return jitter(env, delay, 1.0);
}
