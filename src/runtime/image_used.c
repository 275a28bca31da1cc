/*
 * Layers that containers stand on. An image may be removed by another process than the one that
 * runs containers; what is mounted must stay nevertheless. What a container was made from is in
 * its spec.json: every place in it that looks like a layer's counts as one.
 */
#include "image_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CONTAINERS "../containers"
#define SPEC_MAX   (16 * MIB)

static void note_layers(struct str text, struct arena *a, struct map *used)
{
	static const char mark[] = "/layers/";
	ssize_t at;

	while ((at = str_find(text, str_from(mark))) >= 0) {
		text = str_skip(text, (size_t)at + sizeof(mark) - 1);
		struct str digest = arena_print(a, "sha256:%.*s", STRF(str_sub(text, 0, 64)));
		if (image_digest_valid(digest))
			map_set(used, digest, used);
	}
}

static int note_container(const struct image_disk *d, const char *name, struct arena *a,
	struct map *used, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(SPEC_MAX);
	_cleanup_(err_done) struct err why = {0};
	char path[320];

	snprintf(path, sizeof(path), CONTAINERS "/%s/spec.json", name);
	int failed = image_disk_read(d, path, &text, &why);
	/* One that is being made or taken away has none. */
	if (failed)
		return failed == ERR_NOT_FOUND ? 0 : err_move(err, &why);
	note_layers(buf_str(&text), a, used);
	return 0;
}

int image_used_layers(
	const struct image_disk *d, struct arena *a, struct map *used, struct err *err)
{
	int fd = openat(d->root, CONTAINERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "reading containers");
	for (struct dirent *e; !failed && (e = readdir(list));)
		if (e->d_name[0] != '.')
			failed = note_container(d, e->d_name, a, used, err);
	closedir(list);
	return failed;
}
