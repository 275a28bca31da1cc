/* What is known of the sizes of expressions. */
#include "estimate.h"

struct known *known_of(struct estimator *s, const struct expr *e)
{
	return &s->known[e->id];
}

const struct local *known_local(const struct estimator *s, const struct expr *e)
{
	if (e->kind == EXPR_IDENT && e->local)
		for (const struct local *l = s->locals; l; l = l->outer)
			if (str_eq(l->name, e->name))
				return l;
	return NULL;
}

const struct cel_type *known_type(const struct estimator *s, const struct expr *e)
{
	const struct local *l = known_local(s, e);

	return l ? l->known.declared : s->known[e->id].declared;
}

static bool is_scalar(const struct cel_type *t)
{
	switch (t ? t->kind : CEL_DYN) {
	case CEL_BOOL:
	case CEL_DOUBLE:
	case CEL_DURATION:
	case CEL_INT:
	case CEL_TIMESTAMP:
	case CEL_UINT:
		return true;
	case CEL_OPTIONAL:
		return is_scalar(t->first);
	default:
		return false;
	}
}

static bool literal_size(const struct expr *e, struct size *size)
{
	uint64_t n = 1;

	switch (e->kind) {
	case EXPR_LITERAL:
		if (e->literal.kind == CEL_STRING) {
			n = 0;
			for (size_t i = 0; i < e->literal.str.len; i++)
				n += (e->literal.str.at[i] & 0xc0) != 0x80;
		} else if (e->literal.kind == CEL_BYTES)
			n = e->literal.str.len;
		else if (e->literal.kind == CEL_TYPE)
			return false;
		break;
	case EXPR_LIST:
		n = e->count;
		break;
	case EXPR_MAP:
		n = e->count / 2;
		break;
	default:
		return false;
	}
	*size = (struct size){n, n};
	return true;
}

const struct cel_type *lost_type(const struct estimator *s)
{
	const struct cel_env *env = s->program->env;

	for (size_t i = 0; i < env->count; i++)
		if (str_eq_text(env->variables[i].name, "self"))
			return env->variables[i].type;
	return NULL;
}

bool known_size(struct estimator *s, const struct expr *e, struct size *size)
{
	const struct local *l = known_local(s, e);
	const struct cel_type *of = known_type(s, e);

	if (s->known[e->id].has_size) {
		*size = s->known[e->id].size;
		return true;
	}
	if (literal_size(e, size))
		return true;
	if (!of && e->kind == EXPR_LITERAL && e->literal.kind == CEL_TYPE)
		of = lost_type(s);
	if (of && of->max_size != SIZE_UNTOLD) {
		*size = (struct size){0, of->max_size};
		return true;
	}
	if (is_scalar(e->type)) {
		*size = (struct size){1, 1};
		return true;
	}
	if (l && l->known.has_size) {
		*size = l->known.size;
		return true;
	}
	return false;
}

struct size size_of(struct estimator *s, const struct expr *e)
{
	struct size size = {0, UNKNOWN};

	known_size(s, e, &size);
	return size;
}

void set_size(struct estimator *s, const struct expr *e, struct size size)
{
	known_of(s, e)->size = size;
	known_of(s, e)->has_size = true;
}

bool known_entries(struct estimator *s, const struct expr *e, struct known *k)
{
	const struct local *l = known_local(s, e);

	*k = s->known[e->id];
	if (!k->has_entries && l)
		*k = l->known;
	return k->has_entries;
}

void set_entries(
	struct estimator *s, const struct expr *e, bool of_list, struct size key, struct size value)
{
	struct known *k = known_of(s, e);

	k->has_entries = true;
	k->of_list = of_list;
	k->key = key;
	k->value = value;
}

void copy_sizes(struct estimator *s, const struct expr *to, const struct expr *from)
{
	struct known k;
	struct size size;

	if (known_size(s, from, &size))
		set_size(s, to, size);
	if (known_entries(s, from, &k))
		set_entries(s, to, k.of_list, k.key, k.value);
}
