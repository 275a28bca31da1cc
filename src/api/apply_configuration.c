/* An apply configuration merged into an object for nobody: what admission policies do. */
#include "apply_merge.h"
#include "typed.h"

#include <kube/patch.h>

struct finding {
	struct arena *arena;
	struct buf text; /* ".spec.args, …" */
};
struct place {
	const struct place *above;
	struct str element;
};

static void print_place(struct finding *f, const struct place *p)
{
	if (!p)
		return;
	print_place(f, p->above);
	typed_print_element(&f->text, f->arena, p->element);
}

static bool is_container(const struct cJSON *value)
{
	return json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY);
}

/* Merging would replace all of it, which is more than the configuration says. */
static void find_atomics(struct finding *f, struct typed t, const struct place *at)
{
	struct typed_children children;

	if (at && is_container(t.value) && t.field && typed_is_atomic(t.field)) {
		if (f->text.len)
			buf_add_text(&f->text, ", ");
		print_place(f, at);
		return;
	}
	children = typed_children_of(f->arena, t);
	for (size_t i = 0; i < children.count; i++) {
		struct place below = {at, children.items[i].element};

		find_atomics(f, children.items[i].at, &below);
	}
}

int patch_configuration(struct arena *a, const struct schema *schema, const struct cJSON *object,
	const struct cJSON *configuration, struct cJSON **out, struct err *err)
{
	struct finding f = {.arena = a, .text = BUF_INIT(64 * KIB)};
	struct schema_field root, same;
	int code = typed_check(a, schema, configuration, err);

	if (code)
		return err_wrap(err, code, "failed to convert patch object to typed object");
	find_atomics(&f, typed_root(&root, schema, configuration), NULL);
	if (f.text.len)
		code = err_set(err, ERR_INVALID,
			"invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
			"structs: %.*s",
			STRF(buf_str(&f.text)));
	buf_done(&f.text);
	if (!code)
		*out = merge_values(a, typed_root(&root, schema, object),
			typed_root(&same, schema, configuration));
	return code;
}
