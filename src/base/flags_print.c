/* Values as they would be given on a command line. */
#include <kube/flags.h>
#include <kube/time.h>

static void print_list(const struct flag_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_str(out, list->items[i]);
	}
}

static void print_map(const struct flag_map *map, struct buf *out)
{
	for (size_t i = 0; i < map->count; i++)
		buf_print(out, "%s%.*s=%.*s", i ? "," : "", STRF(map->items[i].key),
			STRF(map->items[i].value));
}

void flags_print_value(const struct flag *f, struct buf *out)
{
	switch (f->kind) {
	case FLAG_KIND_STRING:
		buf_add_str(out, *(const struct str *)f->target);
		return;
	case FLAG_KIND_BOOL:
		buf_add_text(out, *(const bool *)f->target ? "true" : "false");
		return;
	case FLAG_KIND_INT:
	case FLAG_KIND_QUANTITY:
		buf_add_i64(out, *(const int64_t *)f->target);
		return;
	case FLAG_KIND_DOUBLE:
		buf_print(out, "%g", *(const double *)f->target);
		return;
	case FLAG_KIND_DURATION:
		duration_print(out, *(const int64_t *)f->target);
		return;
	case FLAG_KIND_LIST:
	case FLAG_KIND_STRINGS:
		print_list(f->target, out);
		return;
	case FLAG_KIND_MAP:
	case FLAG_KIND_GATES:
		print_map(f->target, out);
		return;
	}
}
