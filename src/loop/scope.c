#include "internal.h"

/* ---- telling ---- */

static void notice_done(struct op *op, struct err *err)
{
	(void)err;
	struct scope *s = CONTAINER_OF(op, struct scope, notice);
	s->asked(s);
}

/*
 * The notice goes through the run queue without being in any scope's list, so that a message
 * that nobody waits for keeps nothing alive. scope_close takes it back.
 */
static void scope_tell(struct scope *s)
{
	static const struct op_kind kind = {.name = "asked"};
	s->told = true;
	op_init(&s->notice, s, notice_done, OP_NO_DEADLINE);
	s->notice.kind = &kind;
	s->notice.state = OP_POSTED;
	s->loop->in_flight++;
	list_push(&s->loop->run, &s->notice.in_run);
}

static void scope_untell(struct scope *s)
{
	if (!link_linked(&s->notice.in_run))
		return;
	link_remove(&s->notice.in_run);
	s->notice.state = OP_IDLE;
	s->loop->in_flight--;
}

/* ---- beginning ---- */

void scope_init(struct scope *s, struct scope *parent, const char *name, scope_asked_fn *asked)
{
	*s = (struct scope){.loop = parent->loop, .parent = parent, .name = name, .asked = asked};
	list_push(&parent->children, &s->in_parent);
	if (!parent->closing)
		return;
	if (asked)
		scope_tell(s);
	else
		s->closing = true;
}

bool scope_empty(const struct scope *s)
{
	return list_empty(&s->ops) && list_empty(&s->children);
}

/* ---- ending ---- */

void scope_stop(struct scope *s)
{
	if (s->closing)
		return;
	s->closing = true;
	/* Nothing leaves these lists here: that is the run queue's doing. */
	list_each (k, &s->ops)
		op_cancel(LIST_ENTRY(k, struct op, in_scope));
	list_each (k, &s->children) {
		struct scope *child = LIST_ENTRY(k, struct scope, in_parent);
		if (child->closed || child->told)
			continue;
		if (child->asked)
			scope_tell(child);
		else
			scope_stop(child);
	}
}

static void close_describe(const struct op *op, struct buf *out)
{
	const struct scope *s = op->ctx;
	buf_add_text(out, s->name);
}

const struct op_kind scope_close_kind = {.name = "close", .describe = close_describe};

void scope_close(struct scope *s, struct op *op)
{
	assert(!s->closed && op->scope != s);
	s->closed = true;
	s->closer = op;
	op_begin_always(op, &scope_close_kind, s);
	scope_untell(s);
	scope_stop(s);
	scope_check(s);
}

void scope_check(struct scope *s)
{
	if (!s->closer || s->closer->state != OP_STARTED || !scope_empty(s))
		return;
	op_finish(s->closer, 0);
}

bool scope_end(struct scope *s, struct op *closer)
{
	if (!scope_empty(s)) {
		/* Something began after the closer was posted; its end will post it again. */
		closer->state = OP_STARTED;
		return false;
	}
	link_remove(&s->in_parent);
	scope_check(s->parent);
	return true;
}
