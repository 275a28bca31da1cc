/* Volumes that a pod claims: looked up, bound, given to a group, never removed with the pod. */
#include "volumes_rig.h"

#define LOCAL "volumes/kubernetes.io~local-volume/pv"

static void put_claim(struct volumes_rig *r, const char *name, const char *more)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);

	buf_print(&text, "{\"spec\":{\"volumeName\":\"pv\"},\"status\":{\"phase\":\"Bound\"}%s}",
		more);
	fake_put(&r->w->api, arena_print(&r->arena, "persistentvolumeclaims/default/%s", name).at,
		buf_text(&text));
}

static struct str uid_of(struct volumes_rig *r, const char *name)
{
	struct fake_change *c = fake_find(
		&r->w->api, arena_print(&r->arena, "persistentvolumeclaims/default/%s", name));
	struct cJSON *tree = NULL;

	json_parse(&r->arena, str_from(c->text), NULL, &tree, NULL);
	return tree_str(tree, "metadata.uid");
}

/* spec: members of the volume's spec, one %s in it: the test's directory. */
static void put_volume(struct volumes_rig *r, const char *claim, const char *source)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * KIB);

	buf_print(&text,
		"{\"metadata\":{\"annotations\":{\"pv.beta.kubernetes.io/gid\":\"1234\"}},\"spec\":"
		"{\"capacity\":{\"storage\":\"1Gi\"},\"claimRef\":{\"uid\":\"%.*s\"},%s}}",
		STRF(uid_of(r, claim)), source);
	fake_put(&r->w->api, "persistentvolumes//pv", buf_text(&text));
}

static const char *local(struct volumes_rig *r)
{
	return arena_print(&r->arena, "\"local\":{\"path\":\"%s/disk\"}", r->base).at;
}

#define POD(security, claim)                                                                       \
	"'securityContext':{" security "},'containers':[{'name':'c','volumeMounts':["              \
	"{'name':'data','mountPath':'/d'}]}],'volumes':[{'name':'e','emptyDir':{}},"               \
	"{'name':'data','persistentVolumeClaim':{" claim "}}]"

static bool open_claim(struct volumes_rig *r, struct world *w)
{
	world_open(w, 1);
	if (!rig_open(r, w)) {
		world_close(w);
		return false;
	}
	EXPECT_INT(mkdir(rig_outside(r, "disk"), 0755), 0);
	rig_write(r, rig_outside(r, "disk/kept"), "gold");
	put_claim(r, "c", "");
	put_volume(r, "c", local(r));
	return true;
}

static void close_claim(struct volumes_rig *r, struct world *w)
{
	EXPECT_INT(rig_remove(r, NULL), 0);
	EXPECT(!rig_is_there(rig_path(r, "")));
	/* Whatever happened to the pod. */
	EXPECT_STR(rig_read(r, rig_outside(r, "disk/kept")), "gold");
	rig_close(r);
	world_close(w);
}

static struct runtime_mount mount_of(struct volumes_rig *r)
{
	struct volume_mounts m = {.pod = r->pod,
		.container = json_path(r->pod, "spec.containers.0"),
		.arena = &r->arena};
	struct told told = {0};

	pod_volumes_mounts(r->volumes, told_op(&told, r->w->root, OP_NO_DEADLINE), &m);
	world_await(r->w, &told);
	EXPECT_INT(told.err.code, 0);
	told_done(&told);
	return m.count ? m.mounts[0] : (struct runtime_mount){0};
}

TEST(a_claim_is_bound_to_its_place_and_given_to_the_group)
{
	struct world w = {0};
	struct volumes_rig r;
	size_t count;

	if (!open_claim(&r, &w))
		return;
	rig_pod(&r, POD("'fsGroup':2000", "'claimName':'c'"));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_STR(rig_read(&r, rig_path(&r, LOCAL "/kept")), "gold");
	EXPECT_INT(rig_mode(rig_path(&r, LOCAL)), 02775);
	EXPECT_INT(rig_mode(rig_outside(&r, "disk/kept")), 0664);
	EXPECT_STR(mount_of(&r).host_path, rig_path(&r, LOCAL));
	EXPECT(!mount_of(&r).read_only);
	const int64_t *groups = pod_volumes_groups(r.volumes, &count);
	EXPECT(count == 1 && groups[0] == 1234);
	/* What is known is not asked for again, what is bound not bound twice. */
	int requests = w.api.requests;
	pod_volumes_touch(r.volumes);
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_INT(w.api.requests, requests);
	EXPECT_INT(umount2(rig_path(&r, LOCAL), MNT_DETACH), 0);
	EXPECT(!rig_is_there(rig_path(&r, LOCAL "/kept")));
	close_claim(&r, &w);
}

TEST(the_room_of_a_claim_is_that_of_its_place)
{
	struct world w = {0};
	struct volumes_rig r;
	struct volume_site *sites;

	if (!open_claim(&r, &w))
		return;
	rig_pod(&r, POD("", "'claimName':'c'"));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_INT(pod_volumes_sites(r.volumes, &r.arena, r.pod, &sites), 2);
	EXPECT_STR(sites[0].name, "e");
	EXPECT(sites[0].counted && sites[0].of_pod && !sites[0].claim.len);
	EXPECT_STR(sites[1].claim, "c");
	EXPECT_STR(sites[1].path, rig_path(&r, LOCAL));
	EXPECT(!sites[1].counted && !sites[1].of_pod);
	close_claim(&r, &w);
}

TEST(groups_are_left_alone_when_the_top_is_right)
{
	struct world w = {0};
	struct volumes_rig r;

	if (!open_claim(&r, &w))
		return;
	EXPECT_INT(chown(rig_outside(&r, "disk"), 0, 2000), 0);
	EXPECT_INT(chmod(rig_outside(&r, "disk"), 02770), 0);
	rig_pod(&r,
		POD("'fsGroup':2000,'fsGroupChangePolicy':'OnRootMismatch'", "'claimName':'c'"));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_INT(rig_mode(rig_outside(&r, "disk/kept")), 0644);
	close_claim(&r, &w);
}

TEST(a_claim_may_be_for_reading_only)
{
	struct world w = {0};
	struct volumes_rig r;

	if (!open_claim(&r, &w))
		return;
	rig_pod(&r, POD("'fsGroup':2000", "'claimName':'c','readOnly':true"));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT(mount_of(&r).read_only);
	EXPECT(open(rig_path(&r, LOCAL "/new"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0);
	EXPECT_INT(rig_mode(rig_outside(&r, "disk/kept")), 0644);
	close_claim(&r, &w);
}

TEST(a_volume_of_the_hosts_path_is_used_where_it_is)
{
	struct world w = {0};
	struct volumes_rig r;

	if (!open_claim(&r, &w))
		return;
	put_volume(
		&r, "c", arena_print(&r.arena, "\"hostPath\":{\"path\":\"%s/disk\"}", r.base).at);
	rig_pod(&r, POD("", "'claimName':'c'"));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_STR(mount_of(&r).host_path, rig_outside(&r, "disk"));
	close_claim(&r, &w);
}

static void expect_problem(void (*change)(struct volumes_rig *r), const char *text)
{
	struct world w = {0};
	struct volumes_rig r;
	_cleanup_(buf_done) struct buf wanted = BUF_INIT(2 * KIB);

	if (!open_claim(&r, &w))
		return;
	change(&r);
	rig_pod(&r, POD("", "'claimName':'c'"));
	EXPECT(rig_prepare(&r) != 0);
	buf_add_text(&wanted, text);
	EXPECT_TEXT(rig_problem(&r, 0).at, buf_text(&wanted));
	EXPECT_STR(rig_problem(&r, 1), "(none)");
	EXPECT(!pod_volumes_ready(r.volumes));
	/* It is looked at again, and is good by then. */
	put_claim(&r, "c", "");
	put_volume(&r, "c", local(&r));
	if (!rig_is_there(rig_outside(&r, "disk")))
		EXPECT_INT(rename(rig_outside(&r, "moved"), rig_outside(&r, "disk")), 0);
	rig_prepare(&r);
	close_claim(&r, &w);
}

static void unbind(struct volumes_rig *r)
{
	fake_put(&r->w->api, "persistentvolumeclaims/default/c",
		"{\"status\":{\"phase\":\"Pending\"}}");
}
static void condemn(struct volumes_rig *r)
{
	put_claim(r, "c", ",\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}");
}
static void take_claim(struct volumes_rig *r)
{
	fake_put(&r->w->api, "persistentvolumes//pv",
		"{\"spec\":{\"local\":{\"path\":\"/x\"},\"claimRef\":{\"uid\":\"other\"}}}");
}
static void free_volume(struct volumes_rig *r)
{
	fake_put(&r->w->api, "persistentvolumes//pv", "{\"spec\":{\"local\":{\"path\":\"/x\"}}}");
}
static void refuse(struct volumes_rig *r)
{
	r->w->api.refuse_code = 404;
	r->w->api.refuse_reason = "NotFound";
	r->w->api.refuse_times = 1;
}
static void use_iscsi(struct volumes_rig *r)
{
	put_volume(r, "c", "\"iscsi\":{\"iqn\":\"x\"}");
}
static void use_blocks(struct volumes_rig *r)
{
	put_volume(r, "c", "\"volumeMode\":\"Block\",\"local\":{\"path\":\"/x\"}");
}
static void climb(struct volumes_rig *r)
{
	put_volume(r, "c", "\"local\":{\"path\":\"/x/../etc\"}");
}
static void lose(struct volumes_rig *r)
{
	put_volume(r, "c", "\"local\":{\"path\":\"/nowhere/at/all\"}");
}

#define UNKNOWN                                                                                    \
	"Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], "     \
	"failed to process volumes=[data]: error processing PVC default/c: "
#define FAILED "MountVolume.SetUp failed for volume \"pv\" : "

TEST(what_is_in_the_way_of_a_claim_is_told_in_upstreams_words)
{
	expect_problem(unbind, UNKNOWN "PVC is not bound");
	expect_problem(condemn, UNKNOWN "PVC is being deleted");
	expect_problem(refuse, UNKNOWN "failed to fetch PVC from API server: fake: NotFound");
	expect_problem(free_volume, UNKNOWN
		"found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet "
		"bound to the claim");
	expect_problem(
		use_blocks, UNKNOWN "volumes of mode \"Block\" are not supported by this node");
	expect_problem(
		use_iscsi, FAILED "volumes of kind \"iscsi\" are not supported by this node");
	expect_problem(climb, FAILED "invalid path: /x/../etc must not contain '..'");
	expect_problem(lose, "MountVolume.NewMounter initialization failed for volume \"pv\" : "
			     "path \"/nowhere/at/all\" does not exist");
}

TEST(a_volume_of_another_claim_is_not_taken)
{
	struct world w = {0};
	struct volumes_rig r;

	if (!open_claim(&r, &w))
		return;
	take_claim(&r);
	rig_pod(&r, POD("", "'claimName':'c'"));
	EXPECT(rig_prepare(&r) != 0);
	EXPECT_STR(rig_problem(&r, 0),
		arena_print(&r.arena,
			UNKNOWN "found PV object pv but its pv.Spec.ClaimRef.UID other does not "
				"point to claim.UID %.*s",
			STRF(uid_of(&r, "c")))
			.at);
	close_claim(&r, &w);
}

TEST(an_ephemeral_volume_must_be_the_pods_own)
{
	struct world w = {0};
	struct volumes_rig r;
	const char *pod = "'containers':[],'volumes':[{'name':'data','ephemeral':{}}]";

	if (!open_claim(&r, &w))
		return;
	put_claim(&r, "p-data", "");
	put_volume(&r, "p-data", local(&r));
	rig_pod(&r, pod);
	EXPECT(rig_prepare(&r) != 0);
	EXPECT_STR(rig_problem(&r, 0),
		"Unable to attach or mount volumes: unmounted volumes=[data], unattached "
		"volumes=[], "
		"failed to process volumes=[data]: error processing PVC default/p-data: PVC "
		"default/p-data was not created for pod default/p (pod is not owner)");
	put_claim(&r, "p-data",
		",\"metadata\":{\"ownerReferences\":[{\"uid\":\"" RIG_UID
		"\",\"controller\":true}]}");
	put_volume(&r, "p-data", local(&r));
	EXPECT_INT(rig_prepare(&r), 0);
	EXPECT_STR(rig_read(&r, rig_path(&r, LOCAL "/kept")), "gold");
	close_claim(&r, &w);
}

static void claim_and_go(struct world *w)
{
	struct volumes_rig r;

	if (!rig_open(&r, w))
		return;
	EXPECT_INT(mkdir(rig_outside(&r, "disk"), 0755), 0);
	put_claim(&r, "c", "");
	put_volume(&r, "c", local(&r));
	rig_pod(&r, POD("", "'claimName':'c'"));
	if (rig_prepare(&r))
		EXPECT_INT(rig_prepare(&r), 0);
	if (rig_remove(&r, NULL))
		EXPECT_INT(rig_remove(&r, NULL), 0);
	EXPECT(rig_is_there(rig_outside(&r, "disk")));
	rig_close(&r);
}

TEST(every_await_may_fail_or_be_cancelled)
{
	if (geteuid() == 0)
		world_torture(claim_and_go);
}
