/*
 * Which directories a path leads through is found by walking it link by link. Each is watched
 * before what it holds is looked at, so that whatever happens in between is heard of and leads to
 * another walk. These are a few looks at names that the kernel has at hand, made on the loop:
 * on another thread events would come before it is known whom they concern.
 */
#include "file_hub.h"

#include <kube/map.h>
#include <kube/mem.h>

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |        \
		IN_DELETE_SELF | IN_MOVE_SELF)
#define LINKS_MAX  40 /* as the kernel's own walk */
#define POINTS_MAX 512
#define ROUNDS_MAX 32 /* of reading, before others have their turn */

/* A directory that somebody watches. */
struct file_place {
	int wd;
	struct list points;
};

/* One step of one path: a name in a directory. */
struct file_point {
	struct link in_path, in_place;
	struct file_path *path;
	struct file_place *place; /* NULL: the directory is gone */
	char *name;               /* NULL: everything in it */
};

struct file_hub {
	struct driver *driver;
	uv_poll_t poll;
	int fd;
	struct list paths;
	struct map places; /* by wd */
};

/* ---- places and points ---- */

static struct str key_of(const int *wd)
{
	return str_make((const char *)wd, sizeof(*wd));
}

static struct file_place *place_at(struct file_hub *hub, int wd)
{
	struct file_place *place = map_get(&hub->places, key_of(&wd));
	if (place)
		return place;
	place = mem_new(sizeof(*place));
	place->wd = wd;
	list_init(&place->points);
	map_set(&hub->places, key_of(&wd), place);
	return place;
}

static void place_free(struct file_hub *hub, struct file_place *place)
{
	map_remove(&hub->places, key_of(&place->wd));
	mem_free(place);
}

static void points_drop(struct file_hub *hub, struct list *points)
{
	for (struct link *k; (k = list_pop(points));) {
		struct file_point *point = LIST_ENTRY(k, struct file_point, in_path);
		struct file_place *place = point->place;
		link_remove(&point->in_place);
		if (place && list_empty(&place->points)) {
			inotify_rm_watch(hub->fd, place->wd);
			place_free(hub, place);
		}
		mem_free(point->name);
		mem_free(point);
	}
}

/* ---- walking ---- */

struct walk {
	struct file_path *path;
	char dir[PATH_MAX];  /* where we are, without links */
	char rest[PATH_MAX]; /* what is to go */
	int links, points;
};

/* false: the walk ends here. */
static bool watch_here(struct walk *walk, const char *name)
{
	struct file_path *f = walk->path;
	int wd = inotify_add_watch(
		f->hub->fd, walk->dir, EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK);
	if (wd < 0) {
		/* What has gone meanwhile is told by the place before. */
		f->blind = errno != ENOENT && errno != ENOTDIR;
		return false;
	}
	if (++walk->points > POINTS_MAX) {
		f->blind = true;
		return false;
	}
	struct file_point *point = mem_new(sizeof(*point));
	point->path = f;
	point->name = name ? mem_copy_text(name) : NULL;
	point->place = place_at(f->hub, wd);
	list_push(&point->place->points, &point->in_place);
	list_push(&f->points, &point->in_path);
	return true;
}

static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	struct str rest = str_from(walk->rest), head;
	while (rest.len && rest.at[0] == '/')
		rest = str_skip(rest, 1);
	str_cut(rest, '/', &head, &rest);
	if (head.len > NAME_MAX)
		return false; /* there is no such file, nor will there be */
	memcpy(name, head.at, head.len);
	name[head.len] = 0;
	memmove(walk->rest, rest.at, rest.len);
	walk->rest[rest.len] = 0;
	return head.len > 0;
}

static void go_up(struct walk *walk)
{
	char *slash = strrchr(walk->dir, '/');
	slash[slash == walk->dir] = 0;
}

/* false: longer than a path can be. */
static bool go_down(struct walk *walk, const char *name)
{
	size_t len = strlen(walk->dir), more = strlen(name);
	bool root = len == 1;
	if (len + more + 2 > sizeof(walk->dir))
		return false;
	walk->dir[len] = '/';
	memcpy(walk->dir + len + !root, name, more + 1);
	return true;
}

/* What `dir` names by now is a link: its target goes before the rest. */
static bool follow(struct walk *walk)
{
	char target[PATH_MAX];
	ssize_t n = readlink(walk->dir, target, sizeof(target));
	size_t rest = strlen(walk->rest);
	go_up(walk);
	if (n <= 0 || ++walk->links > LINKS_MAX)
		return false;
	if ((size_t)n + 1 + rest >= sizeof(walk->rest))
		return false;
	memmove(walk->rest + n + 1, walk->rest, rest + 1);
	memcpy(walk->rest, target, (size_t)n);
	walk->rest[n] = '/';
	if (target[0] == '/')
		walk->dir[1] = 0;
	return true;
}

static void walk_on(struct walk *walk)
{
	char name[NAME_MAX + 1];
	struct stat st;
	while (next_name(walk, name)) {
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			go_up(walk);
			continue;
		}
		if (!watch_here(walk, name) || !go_down(walk, name))
			return;
		if (lstat(walk->dir, &st)) {
			walk->path->blind = errno != ENOENT && errno != ENOTDIR;
			return;
		}
		if (S_ISLNK(st.st_mode) ? !follow(walk) : !S_ISDIR(st.st_mode))
			return;
	}
	watch_here(walk, NULL);
}

static void find_way(struct file_path *f)
{
	struct list old = {0};
	struct walk walk = {.path = f, .dir = "/"};
	list_move_all(&old, &f->points);
	f->blind = strlen(f->path) >= sizeof(walk.rest);
	if (!f->blind) {
		memcpy(walk.rest, f->path, strlen(f->path) + 1);
		walk_on(&walk);
	}
	points_drop(f->hub, &old);
}

/* ---- hearing ---- */

static void everything_changed(struct file_hub *hub)
{
	list_each (k, &hub->paths)
		LIST_ENTRY(k, struct file_path, in_hub)->dirty = true;
}

static void place_changed(struct file_place *place, const char *name)
{
	list_each (k, &place->points) {
		struct file_point *point = LIST_ENTRY(k, struct file_point, in_place);
		if (!name || !point->name || !strcmp(name, point->name))
			point->path->dirty = true;
	}
}

/* The kernel has let go of it: it was removed, or its file system unmounted. */
static void place_lost(struct file_hub *hub, struct file_place *place)
{
	place_changed(place, NULL);
	for (struct link *k; (k = list_pop(&place->points));)
		LIST_ENTRY(k, struct file_point, in_place)->place = NULL;
	place_free(hub, place);
}

static void take_event(struct file_hub *hub, const struct inotify_event *event)
{
	struct file_place *place = map_get(&hub->places, key_of(&event->wd));
	if (event->mask & IN_Q_OVERFLOW)
		everything_changed(hub);
	else if (place && (event->mask & IN_IGNORED))
		place_lost(hub, place);
	else if (place)
		place_changed(place, event->len ? event->name : NULL);
}

static void tell_dirty(struct file_hub *hub)
{
	list_each (k, &hub->paths) {
		struct file_path *f = LIST_ENTRY(k, struct file_path, in_hub);
		if (!TAKE(f->dirty))
			continue;
		find_way(f);
		f->told(f);
	}
}

/* false: there is no more. */
static bool take_events(struct file_hub *hub)
{
	_Alignas(struct inotify_event) char room[8 * KIB];
	ssize_t n;
	do
		n = read(hub->fd, room, sizeof(room));
	while (n < 0 && errno == EINTR);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(room + at);
		take_event(hub, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return n > 0;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct file_hub *hub = poll->data;
	int rounds = ROUNDS_MAX;
	(void)status;
	(void)events;
	loop_woken(hub->driver->loop);
	while (rounds-- > 0 && take_events(hub))
		;
	tell_dirty(hub);
}

/* ---- beginning and ending ---- */

static struct file_hub *hub_new(struct driver *d)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return NULL;
	struct file_hub *hub = mem_new(sizeof(*hub));
	hub->driver = d;
	hub->fd = fd;
	list_init(&hub->paths);
	map_init(&hub->places);
	int failed = uv_poll_init(&d->uv, &hub->poll, fd);
	if (!failed) {
		hub->poll.data = hub;
		failed = uv_poll_start(&hub->poll, UV_READABLE, on_events);
	}
	assert(!failed);
	return hub;
}

bool file_path_watch(struct file_path *f, struct driver *d)
{
	if (!d->files)
		d->files = hub_new(d);
	if (!d->files)
		return false;
	f->hub = d->files;
	list_init(&f->points);
	list_push(&f->hub->paths, &f->in_hub);
	find_way(f);
	return true;
}

void file_path_forget(struct file_path *f)
{
	if (!f->hub)
		return;
	points_drop(f->hub, &f->points);
	link_remove(&f->in_hub);
	f->hub = NULL;
}

static void on_hub_closed(uv_handle_t *handle)
{
	struct file_hub *hub = handle->data;
	map_done(&hub->places);
	mem_free(hub);
}

void file_hub_free(struct driver *d)
{
	struct file_hub *hub = TAKE(d->files);
	if (!hub)
		return;
	assert(list_empty(&hub->paths) && !hub->places.count);
	uv_close((uv_handle_t *)&hub->poll, on_hub_closed);
	close(hub->fd);
}
