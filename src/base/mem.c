#include <kube/mem.h>

#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nothing here may allocate: stdio could. */
static KUBE_NORETURN void mem_out(size_t size)
{
	char line[96];
	int len = snprintf(line, sizeof(line), "kube: out of memory allocating %zu bytes\n", size);
	ssize_t written = write(STDERR_FILENO, line, (size_t)len);
	(void)written;
	abort();
}

void *mem_new(size_t size)
{
	void *at = calloc(1, size ? size : 1);
	if (!at)
		mem_out(size);
	return at;
}

void *mem_alloc(size_t size)
{
	void *at = malloc(size ? size : 1);
	if (!at)
		mem_out(size);
	return at;
}

void *mem_resize(void *at, size_t size)
{
	/* realloc(at, 0) would free and give NULL, which reads as failure. */
	at = realloc(at, size ? size : 1);
	if (!at)
		mem_out(size);
	return at;
}

void *mem_copy(const void *at, size_t size)
{
	void *copy = mem_alloc(size);
	if (size)
		memcpy(copy, at, size);
	return copy;
}

char *mem_copy_text(const char *text)
{
	return mem_copy(text, strlen(text) + 1);
}

char *mem_print(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text;
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		mem_out(0);
	return text;
}

void mem_free(void *at)
{
	free(at);
}

void mem_free_secret(void *at, size_t size)
{
	if (at)
		explicit_bzero(at, size);
	free(at);
}

void mem_done(void *pointer_to_pointer)
{
	void *at;
	memcpy(&at, pointer_to_pointer, sizeof(at));
	free(at);
}

void mem_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* Only what cannot have been written to: the rest holds addresses that the start has put there. */
static int forget_segments(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size, (void)ctx;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
			continue;
		from -= from % page;
		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 1; /* the first is the program itself, behind it come libraries */
}

void mem_forget_program(void)
{
	dl_iterate_phdr(forget_segments, NULL);
}
