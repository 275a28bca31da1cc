/*
 * Numbers and quoted text exactly as Go's strconv reads and prints them: YAML scalars, flags and
 * their error texts are defined in its terms.
 */
#ifndef KUBE_BASE_GO_TEXT_H
#define KUBE_BASE_GO_TEXT_H

#include <kube/buf.h>
#include <kube/err.h>

enum go_number {
	GO_NUMBER_OK,
	GO_NUMBER_SYNTAX,
	GO_NUMBER_RANGE,
};

/* ParseInt and ParseUint with base 0: 0x, 0o, 0b, a leading 0 for octal, `_` between digits. */
enum go_number go_parse_int(struct str s, int64_t *value);
enum go_number go_parse_uint(struct str s, uint64_t *value);
/* ParseFloat: decimal and hexadecimal, inf and nan. */
enum go_number go_parse_float(struct str s, double *value);
bool go_parse_bool(struct str s, bool *value);

/* `strconv.ParseInt: parsing "x": invalid syntax`; function is "ParseInt". */
int go_number_error(struct err *err, const char *function, struct str s, enum go_number why);

/* FormatFloat(value, 'g', -1, bits): the fewest digits that read back the same. */
void go_print_float(struct buf *out, double value, int bits);
/* Quote: in double quotes, with backslash escapes. */
void go_print_quoted(struct buf *out, struct str s);

#endif
