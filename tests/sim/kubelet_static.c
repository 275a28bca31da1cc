/* Pods of manifests and their mirrors, on virtual time. */
#include "kubelet_rig.h"

static struct fake_program programs[] = {{.name = "app", .here = true, .ends = 100 * MSEC}};

#define MANIFESTS "/manifests"

static void write_manifest(struct kubelet_rig *r, const char *name, const char *image)
{
	_cleanup_(err_done) struct err err = {0};
	char text[512];

	snprintf(text, sizeof(text),
		"apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {image: %s}\nspec:\n"
		"  terminationGracePeriodSeconds: 1\n  containers:\n  - name: c\n    image: app\n",
		name, image);
	EXPECT_OK(
		disk_write_file(r->w.host->disk, MANIFESTS "/web.yaml", str_from(text), 0600, &err),
		&err);
}

static void open_rig(struct kubelet_rig *r)
{
	_cleanup_(err_done) struct err err = {0};

	kubelet_rig_open(r, programs, 1);
	kubelet_rig_stop(r);
	EXPECT_OK(disk_make_dirs(r->w.host->disk, MANIFESTS, 0755, &err), &err);
	r->options.manifests = STR(MANIFESTS);
}

TEST(a_manifest_runs_and_is_shown_by_a_mirror)
{
	struct kubelet_rig r;

	open_rig(&r);
	write_manifest(&r, "web", "one");
	kubelet_rig_start(&r);
	rig_pass(&r, 5 * SEC);
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	EXPECT_STR(rig_status(&r, "web-" RIG_NODE, "phase"), "Running");
	EXPECT(rig_condition(&r, "web-" RIG_NODE, "Ready"));
	EXPECT_STR(
		tree_str(rig_get(&r, "web-" RIG_NODE), "metadata.ownerReferences.0.kind"), "Node");
	/* Who deletes the mirror deletes a picture. */
	rig_delete(&r, "web-" RIG_NODE, -1);
	rig_pass(&r, 10 * SEC);
	EXPECT_INT(r.runtime.started, 1);
	EXPECT_STR(rig_status(&r, "web-" RIG_NODE, "phase"), "Running");
	/* Another kubelet goes on with it. */
	kubelet_rig_stop(&r);
	kubelet_rig_start(&r);
	rig_pass(&r, 5 * SEC);
	EXPECT_INT(r.runtime.started, 1);
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	kubelet_rig_close(&r);
}

TEST(a_changed_manifest_is_another_pod_and_without_one_there_is_none)
{
	struct kubelet_rig r;

	open_rig(&r);
	write_manifest(&r, "web", "one");
	kubelet_rig_start(&r);
	rig_pass(&r, 5 * SEC);
	write_manifest(&r, "web", "two");
	rig_pass(&r, 20 * SEC);
	EXPECT_INT(r.runtime.started, 2);
	EXPECT_INT(fake_runtime_running(&r.runtime), 1);
	EXPECT_STR(tree_str(rig_get(&r, "web-" RIG_NODE), "metadata.labels.image"), "two");
	EXPECT_STR(rig_status(&r, "web-" RIG_NODE, "phase"), "Running");
	struct disk *disk = r.w.host->disk;
	EXPECT_INT(disk->ops->remove(disk, MANIFESTS "/web.yaml", NULL), 0);
	rig_pass(&r, 20 * SEC);
	EXPECT_INT(fake_runtime_running(&r.runtime), 0);
	EXPECT_STR(rig_status(&r, "web-" RIG_NODE, "phase"), "(gone)");
	EXPECT_INT(r.runtime.sandbox_count, 0);
	kubelet_rig_close(&r);
}
