/* Time zones, read from the machine's files. */
#include <kube/cron.h>
#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/zones.h>

#define ZONES     "/usr/share/zoneinfo"
#define LOCAL     "/etc/localtime"
#define ZONES_MAX 1000

struct zones {
	struct disk *disk;
	struct arena arena;
	struct map by_name; /* struct zone, NULL where there is none */
};

struct zones *zones_new(struct disk *disk)
{
	struct zones *z = mem_new(sizeof(*z));

	z->disk = disk;
	arena_init(&z->arena);
	return z;
}

void zones_free(struct zones *z)
{
	if (!z)
		return;
	map_done(&z->by_name);
	arena_done(&z->arena);
	mem_free(z);
}

static struct zone *read_zone(struct zones *z, struct str name)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(ZONE_BYTES_MAX + 1);
	_cleanup_(err_done) struct err err = {0};
	struct zone *zone = NULL;
	struct str path = str_eq_text(name, "Local")
				  ? STR(LOCAL)
				  : arena_print(&z->arena, ZONES "/%.*s", STRF(name));

	if (disk_read_file(z->disk, path.at, &bytes, &err) ||
		zone_parse(&z->arena, buf_str(&bytes), &zone, &err))
		log_warning(&err, "no such time zone", LOG_STR("zone", name));
	return zone;
}

const struct zone *zones_find(struct zones *z, struct str name)
{
	/* Only names that the API knows: no other file is read. */
	if (!name.len || !time_zone_known(name))
		return NULL;
	if (!map_has(&z->by_name, name) && z->by_name.count < ZONES_MAX)
		map_set(&z->by_name, name, read_zone(z, name));
	return map_get(&z->by_name, name);
}
