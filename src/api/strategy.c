/* What all strategies share. */
#include "types.h"

#include <kube/api_codec.h>
#include <kube/strategy.h>

#include <stdarg.h>

void strategy_set_defaults(struct change *c)
{
	api_set_standards(c->arena, c->resource->hub->schema, c->object);
	if (c->resource->strategy && c->resource->strategy->defaults)
		c->resource->strategy->defaults(c);
}

void change_warn(struct change *c, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	ARENA_ROOM(c->arena, c->warnings, c->warning_count, c->warning_cap, 4);
	c->warnings[c->warning_count++] = arena_str(c->arena, buf_str(&text));
}
