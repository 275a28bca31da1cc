/* Formatted text for buffers and arenas: what vsnprintf writes, several times faster. */
#ifndef BASE_PRINT_H
#define BASE_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As vsnprintf: at most `room` bytes, the last of them NUL; the result is the length of the whole
 * text, which did not fit when it is not smaller than room. `to` may be NULL when room is 0.
 */
size_t print_text(char *to, size_t room, const char *format, va_list args);

#endif
