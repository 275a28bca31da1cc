#include "test.h"

#include "runtime/native.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 300

struct writer {
	const char *path;
	char letter;
	int failed;
};

static void *write_often(void *at)
{
	struct writer *w = at;
	char text[5000];

	memset(text, w->letter, sizeof(text));
	for (int i = 0; i < ROUNDS; i++) {
		struct err err = {0};
		if (native_write(w->path, str_make(text, sizeof(text)), &err))
			w->failed++;
		err_done(&err);
	}
	return NULL;
}

/* Containers that start at one time write the filter that they share. */
TEST(a_file_that_two_threads_write_is_whole)
{
	char directory[] = "/tmp/kube-test-XXXXXX", path[64];
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);
	_cleanup_(err_done) struct err err = {0};
	pthread_t threads[2];
	int entries = 0;

	REQUIRE(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/shared", directory);
	struct writer writers[] = {{path, 'a', 0}, {path, 'b', 0}};
	for (int i = 0; i < 2; i++)
		REQUIRE(pthread_create(&threads[i], NULL, write_often, &writers[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_INT(writers[0].failed + writers[1].failed, 0);
	REQUIRE_OK(native_read(path, &text, &err), &err);
	EXPECT_INT(text.len, 5000);
	bool whole = true;
	for (size_t i = 1; i < text.len; i++)
		whole = whole && text.at[i] == text.at[0];
	EXPECT(whole);
	DIR *d = opendir(directory);
	while (readdir(d))
		entries++;
	closedir(d);
	EXPECT_INT(entries, 3); /* ".", "..", the file */
	unlink(path);
	rmdir(directory);
}
