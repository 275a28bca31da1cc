/* The few macros every file may lean on. Nothing here allocates or fails. */
#ifndef KUBE_DEFS_H
#define KUBE_DEFS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KUBE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define KUBE_UNUSED            __attribute__((unused))
#define KUBE_MUST_USE          __attribute__((warn_unused_result))
#define KUBE_NORETURN          __attribute__((noreturn))

/* Runs fn(&variable) when the variable leaves its scope. Never across an await. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Reads a variable and leaves zero behind: ownership moves out, a cleanup finds nothing. */
#define TAKE(lvalue)                                                                               \
	({                                                                                         \
		__typeof__(lvalue) *take_from_ = &(lvalue);                                        \
		__typeof__(lvalue) take_value_ = *take_from_;                                      \
		*take_from_ = (__typeof__(lvalue)){0};                                             \
		take_value_;                                                                       \
	})

#define MIN(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) min_a_ = (a);                                                        \
		__typeof__(b) min_b_ = (b);                                                        \
		min_a_ < min_b_ ? min_a_ : min_b_;                                                 \
	})
#define MAX(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) max_a_ = (a);                                                        \
		__typeof__(b) max_b_ = (b);                                                        \
		max_a_ > max_b_ ? max_a_ : max_b_;                                                 \
	})

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

#endif
