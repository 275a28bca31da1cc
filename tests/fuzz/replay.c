/*
 * Runs a fuzzer's function over every file of its corpus, so that the corpus is a test wherever
 * libFuzzer is not linked in.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return -1;
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	rewind(f);
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	size_t got = data ? fread(data, 1, (size_t)size, f) : 0;
	fclose(f);
	if (data)
		LLVMFuzzerTestOneInput(data, got);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
	if (!d) {
		fprintf(stderr, "no corpus at %s\n", argc > 1 ? argv[1] : "(not given)");
		puts("0 passed, 1 failed");
		return 1;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			replay(argv[1], e->d_name) ? failed++ : passed++;
	closedir(d);
	/* The whole corpus is one test: an input that must not pass ends the program. */
	printf("replayed %d inputs\n%d passed, %d failed\n", passed, passed > 0 && !failed,
		failed || !passed);
	return failed || !passed;
}
