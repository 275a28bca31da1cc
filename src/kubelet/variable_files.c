#include "variable_files.h"

#include <kube/api_codec.h>
#include <kube/mount.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST MIB

const struct variable_file *variable_files_get(
	const struct variable_files *f, struct str volume, struct str path)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->items[i].volume, volume) && str_eq(f->items[i].path, path))
			return &f->items[i];
	return NULL;
}

void variable_files_want(struct variable_files *f, struct arena *a, const struct cJSON *container)
{
	const struct cJSON *list = json_get(container, STR("env"));

	f->arena = a;
	f->count = 0;
	f->items = arena_alloc(a, (json_count(list) + 1) * sizeof(*f->items));
	json_each (entry, list) {
		const struct cJSON *ref = json_path(entry, "valueFrom.fileKeyRef");
		struct str volume = tree_str(ref, "volumeName"), path = tree_str(ref, "path");

		if (ref && !variable_files_get(f, volume, path))
			f->items[f->count++] = (struct variable_file){
				.volume = volume, .path = arena_str(a, path)};
	}
}

/* ---- on a worker ---- */

/* A container filled the volume: what stands there may be no file, and lead anywhere. */
static int open_file(struct variable_files *f, const struct variable_file *file)
{
	struct str volume =
		arena_print(f->arena, "%.*s/%.*s", STRF(f->volumes), STRF(file->volume));
	int root = open(volume.at, O_PATH | O_DIRECTORY | O_CLOEXEC), place, fd;
	struct stat there;
	char self[64];

	if (root < 0)
		return -1;
	int code = mount_place_open(root, file->path.at, MOUNT_PLACE_AS_IT_IS, &place, NULL);
	close(root);
	if (code)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
	fd = fstat(place, &there) || !S_ISREG(there.st_mode) ? -1
							     : open(self, O_RDONLY | O_CLOEXEC);
	close(place);
	return fd;
}

static void read_file(struct variable_files *f, struct variable_file *file)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MOST);
	int fd = open_file(f, file);
	ssize_t n = fd < 0 ? -1 : 1;

	for (char *at; n > 0 && (at = buf_reserve(&text, 4 * KIB));)
		if ((n = read(fd, at, 4 * KIB)) > 0)
			buf_advance(&text, (size_t)n);
	if (fd >= 0)
		close(fd);
	file->failed = n != 0;
	file->text = arena_str(f->arena, buf_str(&text));
}

static void read_files(struct work *w)
{
	struct variable_files *f = CONTAINER_OF(w, struct variable_files, work);

	for (size_t i = 0; i < f->count; i++)
		read_file(f, &f->items[i]);
}

void variable_files_read(struct variable_files *f, struct op *op)
{
	work_start(&f->work, op, WORK_DISK, read_files);
}
