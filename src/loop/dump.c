#include "internal.h"

#include <kube/time.h>

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_add_text(out, "  ");
}

static void dump_op(const struct loop *loop, const struct op *op, int depth, struct buf *out)
{
	indent(out, depth);
	buf_print(out, "op %s", op->kind->name);
	/* Once it is posted, what the implementation knew of it may be gone. */
	if (op->kind->describe && op->state == OP_STARTED) {
		buf_add_char(out, ' ');
		op->kind->describe(op, out);
	}
	if (op->state == OP_POSTED)
		buf_add_text(out, " (posted)");
	else if (op->expired)
		buf_add_text(out, " (expired)");
	else if (op->cancel_asked)
		buf_add_text(out, " (cancelled)");
	else if (op->timer_index) {
		int64_t when = loop->timers.slots[op->timer_index - 1].when;
		buf_add_text(out, op->kind->due ? " (in " : " (deadline in ");
		duration_print(out, MAX(when - loop->now, (int64_t)0));
		buf_add_char(out, ')');
	}
	buf_add_char(out, '\n');
}

static void dump_scope(const struct loop *loop, const struct scope *s, int depth, struct buf *out)
{
	indent(out, depth);
	buf_print(out, "scope %s%s\n", s->name,
		s->closed    ? " (closing)"
		: s->closing ? " (stopping)"
		: s->told    ? " (asked)"
			     : "");
	list_each (k, &s->ops)
		dump_op(loop, LIST_ENTRY(k, struct op, in_scope), depth + 1, out);
	list_each (k, &s->children)
		dump_scope(loop, LIST_ENTRY(k, struct scope, in_parent), depth + 1, out);
}

void loop_dump(const struct loop *loop, struct buf *out)
{
	dump_scope(loop, &loop->root, 0, out);
}
