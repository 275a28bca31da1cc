/*
 * Heap memory. Running out of it aborts with a message: callers never check. In exchange every
 * size that comes from outside has a ceiling before it gets here.
 */
#ifndef KUBE_MEM_H
#define KUBE_MEM_H

#include <kube/defs.h>

void *mem_new(size_t size) __attribute__((malloc, alloc_size(1)));   /* zeroed */
void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1))); /* not zeroed */
void *mem_resize(void *at, size_t size) __attribute__((alloc_size(2)));
void *mem_copy(const void *at, size_t size);
char *mem_copy_text(const char *text); /* NUL-terminated copy */
char *mem_print(const char *format, ...) KUBE_PRINTF(1, 2);
void mem_free(void *at); /* NULL is fine */

/*
 * Gives free pages back to the system, those of threads that have no work too. Takes
 * milliseconds: for when something large has gone and nothing of its size is about to come.
 */
void mem_give_back(void);

/*
 * Lets go of the pages of the executable that can be read again: most are those of the start. What
 * is needed comes back as it is used, from the page cache. Debuggers put their breakpoints into
 * such pages: they have to set them again.
 */
void mem_forget_program(void);

/* Overwrites secrets in a way the compiler keeps, then frees. */
void mem_free_secret(void *at, size_t size);

/* For _cleanup_(mem_done) on any pointer variable. */
void mem_done(void *pointer_to_pointer);

#endif
