#include <kube/mem.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <test.h>
#include <unistd.h>

TEST(mem_copies_prints_and_frees)
{
	_cleanup_(mem_done) char *copy = mem_copy_text("abc");
	EXPECT_TEXT(copy, "abc");
	_cleanup_(mem_done) char *printed = mem_print("%d %s", 1, "b");
	EXPECT_TEXT(printed, "1 b");
	char *zeroed = mem_new(8);
	EXPECT_INT(zeroed[0] | zeroed[7], 0);
	zeroed = mem_resize(zeroed, 16);
	mem_free_secret(zeroed, 16);
	mem_free_secret(NULL, 16);
	mem_free(mem_alloc(0));
	mem_free(mem_copy(NULL, 0));
	mem_free(mem_resize(mem_alloc(5), 0));
	mem_free(NULL);
	char *taken = mem_copy_text("x"), *mine = TAKE(taken);
	EXPECT(!taken);
	mem_free(mine);
}

static const char *const words[] = {"what the loader", "has put in place", "stays"};

TEST(mem_forgotten_pages_of_the_program_come_back)
{
	for (int i = 0; i < 3; i++) {
		mem_forget_program();
		_cleanup_(mem_done) char *said =
			mem_print("%s %s %s", words[0], words[1], words[2]);
		EXPECT_TEXT(said, "what the loader has put in place stays");
	}
}

TEST(mem_aborts_with_a_line_when_memory_is_out)
{
	int ends[2];
	REQUIRE(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		/* More than any machine has, in a way that the compiler cannot see. */
		volatile size_t size = SIZE_MAX / 4;
		dup2(ends[1], STDERR_FILENO);
		mem_free(mem_alloc(size));
		_exit(0);
	}
	close(ends[1]);
	char said[4096];
	ssize_t len = read(ends[0], said, sizeof(said));
	close(ends[0]);
	int status = 0;
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(len > 0);
#ifndef KUBE_SANITIZED /* the sanitizers' allocators end the process themselves */
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	EXPECT_STR(str_make(said, len > 0 ? (size_t)len : 0),
		"kube: out of memory allocating 4611686018427387903 bytes\n");
#else
	EXPECT(status != 0);
#endif
}
