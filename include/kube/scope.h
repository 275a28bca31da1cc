/*
 * scope: who must finish before I can die. Every op in flight and every child scope belongs to
 * one. Closing a scope asks all of them to stop; when nothing is left the closer is told, and
 * the memory around the scope may go. Shutdown is closing the root.
 *
 *	loop root ─ server ─┬─ connection ─┬─ op read
 *	                    │              └─ exchange ─ op respond
 *	                    └─ op accept
 *
 * A child whose parent closes is told by `asked` (from the run queue, once), so that it can begin
 * its own end, at its own pace: its ops go on. A child that was given no `asked` is stopped along
 * with the parent: its ops are cancelled, new ones refused, its own children told. Either way it
 * must end by scope_close.
 *
 * `asked` and the closer's done come from the run queue. Whoever is told by the last op of a
 * scope may still begin ops in it: the closer is told only when the scope is empty at that moment.
 */
#ifndef KUBE_SCOPE_H
#define KUBE_SCOPE_H

#include <kube/op.h>

typedef void scope_asked_fn(struct scope *scope);

struct scope {
	struct link in_parent;
	struct list ops, children;
	struct loop *loop;
	struct scope *parent;
	const char *name;
	scope_asked_fn *asked;
	struct op notice; /* carries `asked` through the run queue */
	struct op *closer;
	bool closing; /* ops are refused */
	bool closed;  /* scope_close was called */
	bool told;    /* `asked` was posted */
};

/* In a parent that is closing it starts as if the parent closed just now. */
void scope_init(struct scope *s, struct scope *parent, const char *name, scope_asked_fn *asked);
/*
 * Cancels every op, asks every child, refuses new ones, and finishes `op` when all is gone. The
 * op belongs to another scope (usually the parent) and is started even if that one is closing.
 * Called once; after op's done the scope's memory is free.
 */
void scope_close(struct scope *s, struct op *op);
static inline bool scope_closing(const struct scope *s)
{
	return s->closing;
}
bool scope_empty(const struct scope *s);

#endif
