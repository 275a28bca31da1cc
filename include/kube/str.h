/*
 * A slice of text that somebody else owns: pointer and length, no NUL promised. Passed by value.
 * The empty slice may have a NULL pointer. Comparison is by bytes.
 */
#ifndef KUBE_STR_H
#define KUBE_STR_H

#include <kube/defs.h>
#include <string.h>

struct str {
	const char *at;
	size_t len;
};

/* A literal as a slice, at no cost; also as a constant initialiser. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
	{                                                                                          \
		"" literal, sizeof(literal) - 1                                                    \
	}
/* For "%.*s". */
#define STRF(s) (int)(s).len, (s).at

static inline struct str str_make(const char *at, size_t len)
{
	return (struct str){at, len};
}

/* From NUL-terminated text; NULL gives the empty slice. */
static inline struct str str_from(const char *text)
{
	return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_eq_text(struct str a, const char *text);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
int str_cmp(struct str a, struct str b);        /* as memcmp, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
ssize_t str_find(struct str s, struct str what); /* offset or -1 */
ssize_t str_find_char(struct str s, char c);
ssize_t str_find_last_char(struct str s, char c);

/* s[from, to), both clipped to the slice. */
struct str str_sub(struct str s, size_t from, size_t to);
struct str str_skip(struct str s, size_t n);
struct str str_trim(struct str s); /* spaces, tabs, CR, LF on both ends */

/*
 * Splits at the first `sep`: *head is what stands before it, *tail what follows. Without a `sep`
 * *head is all of s, *tail empty and the answer false. head or tail may be &s.
 */
bool str_cut(struct str s, char sep, struct str *head, struct str *tail);
/* The same at the last `sep`; without one *head is empty and *tail all of s. */
bool str_cut_last(struct str s, char sep, struct str *head, struct str *tail);
/* Takes the next `sep`-separated piece off *rest; false when *rest->at is NULL (after the last). */
bool str_next(struct str *rest, char sep, struct str *piece);

/* Whole slice or nothing: decimal, optional sign for i64, no spaces. false on overflow or junk. */
bool str_to_u64(struct str s, uint64_t *value);
bool str_to_i64(struct str s, int64_t *value);
bool str_to_double(struct str s, double *value);

/* Is this valid UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)? */
bool str_is_utf8(struct str s);
/* The character's UTF-8, at most four bytes; where the next one goes. At most U+10FFFF. */
char *utf8_put(char *to, uint32_t rune);

/* NUL-terminated heap copy; the caller frees with mem_free. */
char *str_dup(struct str s);

#endif
