/* The table of functions, and finding one. */
#include "functions.h"

#define O(id, signature)                                                                           \
	{                                                                                          \
		id, signature                                                                      \
	}
#define ROW(name, run, with, ...)                                                                  \
	{name, run, (const struct overload[]){__VA_ARGS__},                                        \
		sizeof((const struct overload[]){__VA_ARGS__}) / sizeof(struct overload), with},
#define OPERATOR(name, ...)            ROW(name, NULL, 0, __VA_ARGS__)
#define FUNCTION(name, run, with, ...) ROW(name, run, with, __VA_ARGS__)
#define FORMAT(name)                   ROW("format." name, run_format_constant, 0, O("format." name, "->format"))

static const struct function functions[] = {
#include "functions.def"
};

const struct function *function_find(struct str name, unsigned with)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		const struct function *f = &functions[i];
		if (f->name[0] == (name.len ? name.at[0] : '\0') && str_eq_text(name, f->name))
			return (f->with & with) == f->with ? f : NULL;
	}
	return NULL;
}
