/* What containers mount: paths, rights, and parts of volumes in which somebody has laid traps. */
#include "volumes_rig.h"

#include <pthread.h>

#define EMPTY "volumes/kubernetes.io~empty-dir/e"

struct mounting {
	struct volume_mounts m;
	struct environment env;
	struct told told;
};

static int mount_them(struct volumes_rig *r, struct mounting *m)
{
	const struct cJSON *container = json_path(r->pod, "spec.containers.0");

	*m = (struct mounting){.env.arena = &r->arena};
	environment_set(&m->env, STR("WHO"), STR("me"));
	m->m = (struct volume_mounts){
		.pod = r->pod, .container = container, .env = &m->env, .arena = &r->arena};
	pod_volumes_mounts(r->volumes, told_op(&m->told, r->w->root, OP_NO_DEADLINE), &m->m);
	world_await(r->w, &m->told);
	return m->told.err.code;
}

static void mounting_done(struct mounting *m)
{
	told_done(&m->told);
}

/* A pod with an emptyDir "e" and a config map "cm"; `mounts` of its one container. */
static bool open_pod(struct volumes_rig *r, struct world *w, const char *mounts)
{
	world_open(w, 1);
	if (!rig_open(r, w))
		return false;
	rig_put(r, "configmaps/m", "{'data':{'a':'1'}}");
	rig_pod(r, arena_print(&r->arena,
			   "'containers':[{'name':'c','volumeMounts':[%s]}],'volumes':["
			   "{'name':'e','emptyDir':{}},{'name':'cm','configMap':{'name':'m'}},"
			   "{'name':'h','hostPath':{'path':'%s/host'}},"
			   "{'name':'f','hostPath':{'path':'/etc/passwd','type':'File'}}]",
			   mounts, r->base)
			   .at);
	EXPECT_INT(rig_prepare(r), 0);
	return true;
}

static void close_pod(struct volumes_rig *r, struct world *w)
{
	EXPECT_INT(rig_remove(r, NULL), 0);
	EXPECT(!rig_is_there(rig_path(r, "")));
	rig_close(r);
	world_close(w);
}

TEST(names_become_paths_with_the_rights_that_were_asked_for)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (open_pod(&r, &w,
		    "{'name':'e','mountPath':'/e'},{'name':'cm','mountPath':'cm'},"
		    "{'name':'h','mountPath':'/h','readOnly':true,'recursiveReadOnly':'Enabled'},"
		    "{'name':'h','mountPath':'/h2','mountPropagation':'Bidirectional'},"
		    "{'name':'e','mountPath':'/e2','readOnly':true,'recursiveReadOnly':'Disabled',"
		    "'mountPropagation':'HostToContainer'}")) {
		EXPECT_INT(mount_them(&r, &m), 0);
		const struct runtime_mount *x = m.m.mounts;
		EXPECT_INT(m.m.count, 5);
		EXPECT_STR(x[0].host_path, rig_path(&r, EMPTY));
		EXPECT(!x[0].read_only && !x[0].recursive_read_only);
		EXPECT_STR(x[1].host_path, rig_path(&r, "volumes/kubernetes.io~configmap/cm"));
		EXPECT_STR(x[1].container_path, "/cm");
		EXPECT(x[1].read_only);
		EXPECT_STR(x[2].host_path, rig_outside(&r, "host"));
		EXPECT(x[2].read_only && x[2].recursive_read_only);
		EXPECT_INT(x[3].propagation, PROPAGATE_BOTH);
		EXPECT_INT(x[4].propagation, PROPAGATE_HOST_TO_CONTAINER);
		EXPECT(x[4].read_only && !x[4].recursive_read_only);
		mounting_done(&m);
		close_pod(&r, &w);
	} else {
		world_close(&w);
	}
}

TEST(parts_of_volumes_are_bound_and_made_where_they_are_missing)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w,
		    "{'name':'e','mountPath':'/a','subPath':'x/y'},"
		    "{'name':'cm','mountPath':'/b','subPath':'a'},"
		    "{'name':'e','mountPath':'/c','subPathExpr':'logs/$(WHO)'}")) {
		world_close(&w);
		return;
	}
	EXPECT_INT(chmod(rig_path(&r, EMPTY), 02770), 0);
	EXPECT_INT(mount_them(&r, &m), 0);
	EXPECT_STR(m.m.mounts[0].host_path, rig_path(&r, "volume-subpaths/e/c/0"));
	EXPECT_STR(rig_read(&r, m.m.mounts[1].host_path.at), "1");
	EXPECT_INT(rig_mode(rig_path(&r, EMPTY "/x")), 02770);
	EXPECT_INT(rig_mode(rig_path(&r, EMPTY "/x/y")), 02770);
	rig_write(&r, rig_path(&r, EMPTY "/x/y/file"), "through");
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/e/c/0/file")), "through");
	EXPECT(rig_is_there(rig_path(&r, EMPTY "/logs/me")));
	mounting_done(&m);
	/* A container that comes back finds the same, and what is new in a config map. */
	rig_put(&r, "configmaps/m", "{'data':{'a':'2'}}");
	pod_volumes_touch(r.volumes);
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/cm/c/1")), "1");
	EXPECT_INT(mount_them(&r, &m), 0);
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/cm/c/1")), "2");
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/e/c/0/file")), "through");
	mounting_done(&m);
	close_pod(&r, &w);
}

static void expect_refused(const char *mount, const char *trap, const char *text)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w, mount)) {
		world_close(&w);
		return;
	}
	test_context("%s", mount);
	EXPECT_INT(mkdir(rig_outside(&r, "secrets"), 0700), 0);
	if (trap)
		EXPECT_INT(symlink(rig_outside(&r, trap), rig_path(&r, EMPTY "/trap")), 0);
	EXPECT_INT(symlink("../../../../../../secrets", rig_path(&r, EMPTY "/up")), 0);
	rig_write(&r, rig_path(&r, EMPTY "/file"), "plain");
	EXPECT(mount_them(&r, &m) != 0);
	EXPECT_TEXT(err_text(&m.told.err), text);
	EXPECT(!rig_is_there(rig_outside(&r, "secrets/new")));
	EXPECT(!rig_is_there(rig_outside(&r, "missing")));
	EXPECT(!rig_is_there(rig_path(&r, "volume-subpaths/e/c/0")));
	mounting_done(&m);
	test_context_end();
	close_pod(&r, &w);
}

#define NOT_PREPARED "failed to prepare subPath for volumeMount \"e\" of container \"c\""
#define NOT_MADE     "failed to create subPath directory for volumeMount \"e\" of container \"c\""

TEST(parts_that_lead_out_are_refused_in_upstreams_words)
{
	expect_refused("{'name':'e','mountPath':'/a','subPath':'trap'}", "secrets", NOT_PREPARED);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'up'}", NULL, NOT_PREPARED);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'trap/new'}", "secrets", NOT_MADE);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'up/new'}", NULL, NOT_MADE);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'trap'}", "missing", NOT_MADE);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'file/below'}", NULL, NOT_PREPARED);
	expect_refused("{'name':'e','mountPath':'/a','subPath':'a/../../b'}", NULL,
		"unable to provision SubPath `a/../../b`: must not contain '..'");
	expect_refused("{'name':'e','mountPath':'/a','subPath':'/etc'}", NULL,
		"error SubPath `/etc` must not be an absolute path");
	expect_refused("{'name':'q','mountPath':'/a'}", NULL,
		"cannot find volume \"q\" to mount into container \"c\"");
	/* A file has no parts. */
	expect_refused("{'name':'f','mountPath':'/a','subPath':'x'}", NULL,
		"failed to prepare subPath for volumeMount \"f\" of container \"c\"");
}

TEST(an_expression_of_what_nobody_knows_is_an_error)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w, "{'name':'e','mountPath':'/a','subPathExpr':'$(NOBODY)'}")) {
		world_close(&w);
		return;
	}
	EXPECT(mount_them(&r, &m) != 0);
	mounting_done(&m);
	/* What it expands to is looked at as what is said outright. */
	r.pod = rig_json(&r, "{'spec':{'containers':[{'name':'c','volumeMounts':[{'name':'e',"
			     "'mountPath':'/a','subPathExpr':'$(WHO)/../..'}]}],"
			     "'volumes':[{'name':'e','emptyDir':{}}]}}");
	EXPECT(mount_them(&r, &m) != 0);
	EXPECT_TEXT(err_text(&m.told.err),
		"unable to provision SubPath `me/../..`: must not contain '..'");
	mounting_done(&m);
	close_pod(&r, &w);
}

TEST(links_inside_a_volume_are_followed_absolute_ones_too)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w,
		    "{'name':'h','mountPath':'/a','subPath':'near'},"
		    "{'name':'h','mountPath':'/b','subPath':'far'}")) {
		world_close(&w);
		return;
	}
	EXPECT_INT(mkdir(rig_outside(&r, "host/real"), 0755), 0);
	rig_write(&r, rig_outside(&r, "host/real/file"), "here");
	EXPECT_INT(symlink("real", rig_outside(&r, "host/near")), 0);
	EXPECT_INT(symlink(rig_outside(&r, "host/real"), rig_outside(&r, "host/far")), 0);
	EXPECT_INT(mount_them(&r, &m), 0);
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/h/c/0/file")), "here");
	EXPECT_STR(rig_read(&r, rig_path(&r, "volume-subpaths/h/c/1/file")), "here");
	mounting_done(&m);
	close_pod(&r, &w);
}

/* ---- images ---- */

static const struct image *find_image(struct runtime *runtime, struct str reference)
{
	static const struct image image = {.id = STR_INIT("sha256:abc")};

	(void)runtime;
	return str_eq(reference, STR("here:1")) ? &image : NULL;
}

TEST(images_are_the_runtimes_to_mount)
{
	static const struct runtime_ops ops = {.image = find_image};
	struct runtime runtime = {&ops};
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w, "")) {
		world_close(&w);
		return;
	}
	r.host.runtime = &runtime;
	rig_pod(&r,
		"'containers':[{'name':'c','volumeMounts':["
		"{'name':'i','mountPath':'/a'},{'name':'i','mountPath':'/b','subPath':'x/y'}]}],"
		"'volumes':[{'name':'i','image':{'reference':'here:1'}}]");
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_INT(mount_them(&r, &m), 0);
	EXPECT_STR(m.m.mounts[0].image, "sha256:abc");
	EXPECT(m.m.mounts[0].read_only && !m.m.mounts[0].host_path.len);
	EXPECT(!m.m.mounts[0].image_part.len);
	EXPECT_STR(m.m.mounts[1].image_part, "x/y");
	mounting_done(&m);
	EXPECT(!rig_is_there(rig_path(&r, "volume-subpaths")));
	EXPECT_STR(tree_str(volume_image_of(r.pod, STR("i")), "reference"), "here:1");
	EXPECT(!volume_image_of(r.pod, STR("e")));
	r.pod = rig_json(&r, "{'spec':{'containers':[{'name':'c','volumeMounts':[{'name':'i',"
			     "'mountPath':'/a'}]}],'volumes':[{'name':'i','image':{'reference':"
			     "'gone'}}]}}");
	EXPECT(mount_them(&r, &m) != 0);
	EXPECT_TEXT(err_text(&m.told.err), "image \"gone\" is not here");
	mounting_done(&m);
	close_pod(&r, &w);
}

/* ---- races ---- */

struct racer {
	const char *place, *link, *directory;
	_Atomic(bool) stop;
};

/* The place is by turns a directory of the volume and a link to what is outside. */
static void *race(void *ctx)
{
	struct racer *racer = ctx;

	while (!racer->stop) {
		EXPECT_INT(
			renameat2(AT_FDCWD, racer->place, AT_FDCWD, racer->link, RENAME_EXCHANGE),
			0);
	}
	return NULL;
}

TEST(nobody_wins_a_race_by_renames)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;
	pthread_t thread;

	if (!open_pod(&r, &w, "{'name':'e','mountPath':'/a','subPath':'p/q'}")) {
		world_close(&w);
		return;
	}
	struct racer racer = {.place = rig_path(&r, EMPTY "/p"), .link = rig_path(&r, EMPTY "/l")};
	EXPECT_INT(mkdir(rig_outside(&r, "secrets"), 0700), 0);
	EXPECT_INT(mkdir(rig_outside(&r, "secrets/q"), 0700), 0);
	rig_write(&r, rig_outside(&r, "secrets/q/precious"), "gold");
	EXPECT_INT(mkdir(racer.place, 0755), 0);
	EXPECT_INT(mkdir(rig_path(&r, EMPTY "/p/q"), 0755), 0);
	EXPECT_INT(symlink(rig_outside(&r, "secrets"), racer.link), 0);
	REQUIRE(pthread_create(&thread, NULL, race, &racer) == 0);
	for (int i = 0; i < 300; i++) {
		mount_them(&r, &m);
		EXPECT(!rig_is_there(rig_path(&r, "volume-subpaths/e/c/0/precious")));
		mounting_done(&m);
		umount2(rig_path(&r, "volume-subpaths/e/c/0"), MNT_DETACH);
	}
	racer.stop = true;
	pthread_join(thread, NULL);
	/* Left in peace, with the directory where it belongs, it is mounted. */
	if (readlink(racer.place, (char[1]){0}, 1) >= 0)
		EXPECT_INT(
			renameat2(AT_FDCWD, racer.place, AT_FDCWD, racer.link, RENAME_EXCHANGE), 0);
	EXPECT_INT(mount_them(&r, &m), 0);
	EXPECT(!rig_is_there(rig_path(&r, "volume-subpaths/e/c/0/precious")));
	mounting_done(&m);
	umount2(rig_path(&r, "volume-subpaths/e/c/0"), MNT_DETACH);
	close_pod(&r, &w);
}

TEST(a_new_part_cannot_be_made_outside_by_renames)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;
	pthread_t thread;

	if (!open_pod(&r, &w, "{'name':'e','mountPath':'/a','subPath':'p/new/deep'}")) {
		world_close(&w);
		return;
	}
	struct racer racer = {.place = rig_path(&r, EMPTY "/p"), .link = rig_path(&r, EMPTY "/l")};
	EXPECT_INT(mkdir(rig_outside(&r, "secrets"), 0700), 0);
	EXPECT_INT(mkdir(racer.place, 0755), 0);
	EXPECT_INT(symlink(rig_outside(&r, "secrets"), racer.link), 0);
	REQUIRE(pthread_create(&thread, NULL, race, &racer) == 0);
	for (int i = 0; i < 300; i++) {
		mount_them(&r, &m);
		mounting_done(&m);
		EXPECT(!rig_is_there(rig_outside(&r, "secrets/new")));
		umount2(rig_path(&r, "volume-subpaths/e/c/0"), MNT_DETACH);
		rmdir(rig_path(&r, EMPTY "/p/new/deep"));
		rmdir(rig_path(&r, EMPTY "/p/new"));
		rmdir(rig_path(&r, EMPTY "/l/new/deep"));
		rmdir(rig_path(&r, EMPTY "/l/new"));
	}
	racer.stop = true;
	pthread_join(thread, NULL);
	close_pod(&r, &w);
}

TEST(what_was_bound_stays_what_it_was)
{
	struct world w = {0};
	struct volumes_rig r;
	struct mounting m;

	if (!open_pod(&r, &w, "{'name':'e','mountPath':'/a','subPath':'p'}")) {
		world_close(&w);
		return;
	}
	EXPECT_INT(mkdir(rig_outside(&r, "secrets"), 0700), 0);
	rig_write(&r, rig_outside(&r, "secrets/precious"), "gold");
	EXPECT_INT(mount_them(&r, &m), 0);
	mounting_done(&m);
	/* Afterwards the container may do with the name what it likes. */
	EXPECT_INT(rename(rig_path(&r, EMPTY "/p"), rig_path(&r, EMPTY "/old")), 0);
	EXPECT_INT(symlink(rig_outside(&r, "secrets"), rig_path(&r, EMPTY "/p")), 0);
	EXPECT(!rig_is_there(rig_path(&r, "volume-subpaths/e/c/0/precious")));
	EXPECT(mount_them(&r, &m) != 0);
	mounting_done(&m);
	EXPECT_INT(rig_remove(&r, NULL), 0);
	EXPECT_STR(rig_read(&r, rig_outside(&r, "secrets/precious")), "gold");
	close_pod(&r, &w);
}

/* ---- every await ---- */

static void start_container(struct world *w)
{
	struct volumes_rig r;
	struct mounting m;

	if (!rig_open(&r, w))
		return;
	rig_pod(&r, "'containers':[{'name':'c','volumeMounts':[{'name':'e','mountPath':'/a',"
		    "'subPath':'x'}]}],'volumes':[{'name':'e','emptyDir':{}}]");
	while (rig_prepare(&r))
		EXPECT(!pod_volumes_ready(r.volumes));
	bool good = mount_them(&r, &m) == 0;
	mounting_done(&m);
	if (!good) {
		EXPECT_INT(mount_them(&r, &m), 0);
		mounting_done(&m);
	}
	if (rig_remove(&r, NULL))
		EXPECT_INT(rig_remove(&r, NULL), 0);
	EXPECT(!rig_is_there(rig_path(&r, "")));
	rig_close(&r);
}

TEST(every_await_may_fail_or_be_cancelled)
{
	if (geteuid() == 0)
		world_torture(start_container);
}
