/* How much room volumes have and take: measured while pods run, forgotten with them. */
#include "kubelet_rig.h"

#include "kubelet/volume_stats.h"

#include <sys/stat.h>
#include <unistd.h>

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 100 * MSEC}};

static struct volume_figures figures(struct kubelet_rig *r, struct str uid)
{
	struct kubelet *k = CONTAINER_OF(r->kubelet, struct kubelet, part);

	return volume_stats_of(k->room, uid);
}

static const struct volume_figure *figure(struct kubelet_rig *r, struct str uid, const char *name)
{
	struct volume_figures all = figures(r, uid);

	for (size_t i = 0; i < all.count; i++)
		if (str_eq_text(all.items[i].name, name))
			return &all.items[i];
	return NULL;
}

static struct str uid_of(struct kubelet_rig *r, struct arena *a, const char *name)
{
	return arena_str(a, tree_str(rig_get(r, name), "metadata.uid"));
}

#define VOLUMES                                                                                    \
	"'containers':[{'name':'c','image':'app'}],'volumes':[{'name':'e','emptyDir':{}},"         \
	"{'name':'d','downwardAPI':{'items':[{'path':'p','fieldRef':{'fieldPath':'metadata.name'"  \
	"}}]}},{'name':'h','hostPath':{'path':'/tmp'}}]"

TEST(volumes_of_running_pods_are_measured_every_minute)
{
	struct kubelet_rig r;
	struct arena a;

	arena_init(&a);
	kubelet_rig_open(&r, programs, ARRAY_LEN(programs));
	rig_pod(&r, "p", VOLUMES);
	rig_pass(&r, 15 * SEC);
	struct str uid = uid_of(&r, &a, "p");
	EXPECT_INT(figures(&r, uid).count, 2);
	const struct volume_figure *e = figure(&r, uid, "e");
	EXPECT(e && e->of_pod && e->capacity > 0 && e->used < 100 * (int64_t)KIB);
	EXPECT(e && e->inodes_used == 1 && !e->claim.len);
	EXPECT(figure(&r, uid, "d") && !figure(&r, uid, "d")->of_pod);
	EXPECT(!figure(&r, uid, "h"));

	const char *path = arena_print(
		&a, "%s/pods/%.*s/volumes/kubernetes.io~empty-dir/e/f", r.root, STRF(uid))
				   .at;
	_cleanup_(mem_done) char *text = mem_new(MIB);
	FILE *file = fopen(path, "w");
	EXPECT(file && fwrite(text, MIB, 1, file) == 1 && fclose(file) == 0);
	rig_pass(&r, 30 * SEC);
	EXPECT(figure(&r, uid, "e")->used < 100 * (int64_t)KIB);
	rig_pass(&r, 40 * SEC);
	EXPECT(figure(&r, uid, "e")->used >= (int64_t)MIB);
	EXPECT_INT(figure(&r, uid, "e")->inodes_used, 2);

	rig_delete(&r, "p", 0);
	rig_pass(&r, 15 * SEC);
	EXPECT_INT(figures(&r, uid).count, 0);
	kubelet_rig_close(&r);
	arena_done(&a);
}

static const struct volume_figure at_place = {.name = STR_INIT("v")};

TEST(what_is_in_a_place_is_counted_or_its_file_system_asked)
{
	struct volume_figure counted = at_place, whole = at_place, gone = at_place;
	_Atomic(bool) stop = false;
	char dir[] = "/tmp/kube-room-XXXXXX", path[64];

	EXPECT(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/x", dir);
	EXPECT_INT(mkdir(path, 0700), 0);
	volume_measure(&counted, dir, true, 7, &stop);
	volume_measure(&whole, dir, false, 7, &stop);
	EXPECT_INT(counted.at, 7);
	EXPECT_INT(counted.inodes_used, 2);
	EXPECT(whole.inodes_used >= 2 && whole.used >= counted.used);
	EXPECT_INT(counted.capacity, whole.capacity);
	EXPECT(rmdir(path) == 0 && rmdir(dir) == 0);
	volume_measure(&gone, dir, true, 7, &stop);
	EXPECT_INT(gone.at, 0);
}
