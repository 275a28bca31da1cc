/* Environments, and the way from text to a program. */
#include "program.h"

#include <kube/regex.h>

#include <kube/mem.h>

#include <stdarg.h>
#include <stdlib.h>

/* ---- environments ---- */

struct cel_env *cel_env_new(unsigned with)
{
	struct cel_env *env = mem_new(sizeof(*env));

	arena_init(&env->arena);
	env->with = with;
	return env;
}

void cel_env_free(struct cel_env *env)
{
	if (!env)
		return;
	arena_done(&env->arena);
	mem_free(env->variables);
	mem_free(env);
}

size_t cel_declare(struct cel_env *env, struct str name, const struct cel_type *type)
{
	for (size_t i = 0; i < env->count; i++)
		if (str_eq(env->variables[i].name, name)) {
			env->variables[i].type = type;
			return i;
		}
	if (env->count == env->cap) {
		env->cap = env->cap ? env->cap * 2 : 8;
		env->variables = mem_resize(env->variables, env->cap * sizeof(*env->variables));
	}
	env->variables[env->count] =
		(struct variable){.name = arena_str(&env->arena, name), .type = type};
	return env->count++;
}

void cel_undeclare(struct cel_env *env, struct str name)
{
	for (size_t i = 0; i < env->count; i++)
		if (str_eq(env->variables[i].name, name))
			env->variables[i].type = NULL;
}

/* ---- problems ---- */

void program_problem(struct cel_program *p, int64_t at, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);
	va_list args;

	if (p->problem_total++ >= PROBLEMS_MAX)
		return;
	ARENA_ROOM(&p->arena, p->problems, p->problem_count, p->problem_cap, 4);
	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	p->problems[p->problem_count++] =
		(struct problem){.at = at, .text = arena_str(&p->arena, buf_str(&text))};
}

/* Bytes of the character at s[0]. */
static size_t char_length(struct str s)
{
	size_t n = 1;

	while (n < s.len && (s.at[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Wide characters get wide dots, so that the mark stands below what it means. */
static void print_mark(struct buf *out, struct str line, size_t at)
{
	static const char wide_dot[] = "\xef\xbc\x8e", wide_mark[] = "\xef\xbc\xbe";
	size_t i = 0, n;

	while (i < at && i < line.len) {
		n = char_length(str_skip(line, i));
		buf_add_text(out, n > 1 ? wide_dot : ".");
		i += n;
	}
	n = i < line.len ? char_length(str_skip(line, i)) : 1;
	buf_add_text(out, n > 1 ? wide_mark : "^");
}

static void print_problem(struct buf *out, struct str text, const struct problem *problem)
{
	enum { LINE_MAX_SHOWN = 16384 };
	size_t at = problem->at < 0 ? 0 : (size_t)problem->at, line_at = 0, line = 1, column = 0;
	struct str shown;

	if (problem->at < 0) {
		buf_print(out, "ERROR: <input>:-1:0: %.*s", STRF(problem->text));
		return;
	}
	for (size_t i = 0; i < at && i < text.len; i++)
		if (text.at[i] == '\n') {
			line++;
			line_at = i + 1;
		}
	for (size_t i = line_at; i < at && i < text.len;) {
		i += char_length(str_skip(text, i));
		column++;
	}
	if (!text.len) {
		/* There is no line to point at. */
		buf_print(out, "ERROR: <input>:1:0: %.*s", STRF(problem->text));
		return;
	}
	buf_print(out, "ERROR: <input>:%zu:%zu: ", line, column + 1);
	buf_add_str(out, problem->text);
	shown = str_skip(text, line_at);
	str_cut(shown, '\n', &shown, &(struct str){0});
	if (shown.len > LINE_MAX_SHOWN)
		return;
	buf_add_text(out, "\n | ");
	for (size_t i = 0; i < shown.len; i++)
		buf_add_char(out, shown.at[i] == '\t' ? ' ' : shown.at[i]);
	buf_add_text(out, "\n | ");
	print_mark(out, shown, at - line_at);
}

static int by_place(const void *x, const void *y)
{
	const struct problem *a = *(const struct problem *const *)x;
	const struct problem *b = *(const struct problem *const *)y;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a < b ? -1 : a > b;
}

struct str program_print_problems(struct cel_program *p)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	const struct problem **sorted =
		arena_alloc(&p->arena, (p->problem_count + 1) * sizeof(*sorted));

	for (size_t i = 0; i < p->problem_count; i++)
		sorted[i] = &p->problems[i];
	if (p->problem_count)
		qsort(sorted, p->problem_count, sizeof(*sorted), by_place);
	for (size_t i = 0; i < p->problem_count; i++) {
		if (i)
			buf_add_char(&out, '\n');
		print_problem(&out, p->text, sorted[i]);
	}
	if (p->problem_total > p->problem_count)
		buf_print(&out, "\n%zu more errors were truncated",
			p->problem_total - p->problem_count);
	return arena_str(&p->arena, buf_str(&out));
}

/* ---- programs ---- */

static void refuse(struct cel_program *p, enum cel_failure_kind kind, struct str text)
{
	p->failure = (struct cel_failure){.kind = kind, .text = text};
}

static bool yields(const struct cel_program *p, const struct cel_type *const *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (type_same(p->type, wanted[i]))
			return true;
	return !count;
}

/* With the long names of times and of null, as upstream has types in this one message. */
static struct str long_text(struct arena *a, const struct cel_type *t)
{
	switch (t->kind) {
	case CEL_NULL:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return t->name;
	case CEL_LIST:
		return arena_print(a, "list(%.*s)", STRF(long_text(a, t->first)));
	case CEL_MAP:
		return arena_print(a, "map(%.*s, %.*s)", STRF(long_text(a, t->first)),
			STRF(long_text(a, t->second)));
	case CEL_OPTIONAL:
		return arena_print(a, "optional_type(%.*s)", STRF(long_text(a, t->first)));
	default:
		return cel_type_text(a, t);
	}
}

/* "bool", "one of [string null_type]" */
static struct str wanted_text(struct arena *a, const struct cel_type *const *wanted, size_t count)
{
	struct str all = STR("");

	if (count == 1)
		return long_text(a, wanted[0]);
	for (size_t i = 0; i < count; i++)
		all = arena_print(
			a, "%.*s%s%.*s", STRF(all), i ? " " : "", STRF(long_text(a, wanted[i])));
	return arena_print(a, "one of [%.*s]", STRF(all));
}

static void compile(struct cel_program *p, const struct cel_type *const *wanted, size_t count)
{
	size_t length = 0;
	struct str why;

	for (size_t i = 0; i < p->text.len; i += char_length(str_skip(p->text, i)))
		length++;
	if (length > TEXT_MAX)
		program_problem(p, -1,
			"expression code point size exceeds limit: size: %zu, limit %d", length,
			TEXT_MAX);
	else
		program_parse(p);
	if (!p->problem_total)
		program_check(p);
	if (!p->problem_total)
		program_validate(p);
	if (p->problem_total) {
		refuse(p, CEL_INVALID, program_print_problems(p));
		return;
	}
	if (!yields(p, wanted, count)) {
		refuse(p, CEL_WRONG_TYPE,
			arena_print(&p->arena, "must evaluate to %.*s but got %.*s",
				STRF(wanted_text(&p->arena, wanted, count)),
				STRF(long_text(&p->arena, p->type))));
		return;
	}
	if (!program_fold(p, &why))
		refuse(p, CEL_UNBUILT, why);
}

struct cel_program *cel_compile_any(
	struct cel_env *env, struct str text, const struct cel_type *const *wanted, size_t count)
{
	struct cel_program *p = mem_new(sizeof(*p));

	arena_init(&p->arena);
	p->env = env;
	p->text = arena_str(&p->arena, text);
	compile(p, wanted, count);
	return p;
}

struct cel_program *cel_compile(struct cel_env *env, struct str text, const struct cel_type *wanted)
{
	return cel_compile_any(env, text, &wanted, wanted ? 1 : 0);
}

void cel_program_free(struct cel_program *p)
{
	if (!p)
		return;
	arena_done(&p->arena);
	mem_free(p);
}

struct cel_failure cel_failure(const struct cel_program *p)
{
	return p->failure;
}

const struct cel_type *cel_result_type(const struct cel_program *p)
{
	return p->type ? p->type : &cel_error_type;
}

struct str cel_program_text(const struct cel_program *p)
{
	return p->text;
}

bool cel_uses(const struct cel_program *p, struct str variable)
{
	for (size_t i = 0; i < p->used_count; i++)
		if (str_eq(p->used[i], variable))
			return true;
	return false;
}
