#include <kube/mem.h>
#include <kube/work.h>

#include "hosts.h"
#include "transport.h"

#define HOST_MAX       253
#define HOSTS_PATH     "/etc/hosts"
#define HOSTS_SIZE_MAX (1 * MIB)

/*
 * The question outlives the op that asked it: the system's resolver cannot be interrupted and may
 * take half a minute, which nobody who gave a deadline wants to wait. It belongs to the root.
 */
struct resolving {
	struct work work;
	struct op asked;         /* the work's */
	struct op *op;           /* the caller's; NULL once it was answered */
	struct addresses *found; /* the caller's */
	struct addresses own;
	char host[HOST_MAX + 1];
};

/* ---- on the worker thread ---- */

static void resolve_run(struct work *w)
{
	struct resolving *r = CONTAINER_OF(w, struct resolving, work);
	struct buf hosts = BUF_INIT(HOSTS_SIZE_MAX);
	if (disk_read_file(&machine_disk, HOSTS_PATH, &hosts, NULL) == 0)
		hosts_find(buf_str(&hosts), str_from(r->host), &r->own);
	buf_done(&hosts);
	if (r->own.count == 0)
		lookup_host(r->host, &r->own, &w->err);
}

/* ---- on the loop ---- */

static void resolve_done(struct op *op, struct err *err)
{
	struct resolving *r = CONTAINER_OF(op, struct resolving, asked);
	if (r->op && err->code) {
		op_fail(r->op, err);
	} else if (r->op) {
		*r->found = TAKE(r->own);
		op_finish(r->op, (int64_t)r->found->count);
	}
	mem_free(r->own.items);
	mem_free(r);
}

static void resolve_cancel(struct op *op)
{
	struct resolving *r = op->ctx;
	op_fail_cancelled(TAKE(r->op));
	op_cancel(&r->asked);
}

static void resolve_describe(const struct op *op, struct buf *out)
{
	const struct resolving *r = op->ctx;
	buf_add_text(out, r->host);
}

/* RFC 6761: localhost and what is below it never leave the machine. */
static bool resolve_at_once(struct str host, struct addresses *found)
{
	const struct ip v4 = {.len = 4, .bytes = {127, 0, 0, 1}};
	const struct ip v6 = {.len = 16, .bytes = {[15] = 1}};
	struct ip ip;
	if (ip_parse(host, &ip)) {
		addresses_add(found, &ip);
		return true;
	}
	if (str_ends(host, STR(".")))
		host = str_sub(host, 0, host.len - 1);
	size_t local = sizeof("localhost") - 1;
	bool tail = host.len >= local &&
		    str_eq_nocase(str_skip(host, host.len - local), STR("localhost"));
	if (!tail || (host.len > local && host.at[host.len - local - 1] != '.'))
		return false;
	addresses_add(found, &v4);
	addresses_add(found, &v6);
	return true;
}

void machine_resolve(struct env *env, struct op *op, struct str host, struct addresses *found)
{
	static const struct op_kind kind = {
		.name = "resolve", .cancel = resolve_cancel, .describe = resolve_describe};
	static const struct op_kind at_once = {.name = "resolve"};
	struct addresses known = {0};
	bool bad = host.len == 0 || host.len > HOST_MAX || memchr(host.at, 0, host.len);
	if (bad || resolve_at_once(host, &known)) {
		if (!op_begin(op, &at_once, NULL)) {
			mem_free(known.items);
		} else if (bad) {
			op_fail_with(op, ERR_ADDRESS, "no host name: %.*s", (int)MIN(host.len, 64u),
				host.at ? host.at : "");
		} else {
			*found = known;
			op_finish(op, (int64_t)known.count);
		}
		return;
	}
	struct resolving *r = mem_new(sizeof(*r));
	memcpy(r->host, host.at, host.len);
	r->op = op;
	r->found = found;
	if (!op_begin(op, &kind, r)) {
		mem_free(r);
		return;
	}
	op_init(&r->asked, loop_root(env->loop), resolve_done, OP_NO_DEADLINE);
	work_start(&r->work, &r->asked, WORK_RESOLVE, resolve_run);
}
