/* Volumes of a pod: made, brought up to date, told what is in the way, removed. */
#include "volumes_rig.h"

#define VOLUMES(list) "'containers':[{'name':'c','image':'i'}],'volumes':[" list "]"

TEST(each_kind_lies_where_upstream_has_it)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_put(&r, "configmaps/m", "{'data':{'a':'text'},'binaryData':{'b':'AAEC'}}");
		rig_put(&r, "secrets/s", "{'data':{'pass':'czNjcmV0'}}");
		rig_pod(&r, VOLUMES("{'name':'e','emptyDir':{}},"
				    "{'name':'m','emptyDir':{'medium':'Memory','sizeLimit':'8Mi'}},"
				    "{'name':'cm','configMap':{'name':'m','defaultMode':420}},"
				    "{'name':'s','secret':{'secretName':'s','defaultMode':256,"
				    "'items':[{'key':'pass','path':'x/y','mode':384}]}},"
				    "{'name':'d','downwardAPI':{'defaultMode':420,'items':["
				    "{'path':'labels','fieldRef':{'fieldPath':'metadata.labels'}},"
				    "{'path':'cpu','resourceFieldRef':{'containerName':'c',"
				    "'resource':'limits.cpu'}}]}}"));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT(pod_volumes_ready(r.volumes));
		EXPECT_INT(rig_mode(rig_path(&r, "volumes/kubernetes.io~empty-dir/e")), 0777);
		EXPECT(!rig_in_memory(rig_path(&r, "volumes/kubernetes.io~empty-dir/e")));
		EXPECT(rig_in_memory(rig_path(&r, "volumes/kubernetes.io~empty-dir/m")));
		struct statfs fs;
		EXPECT_INT(statfs(rig_path(&r, "volumes/kubernetes.io~empty-dir/m"), &fs), 0);
		EXPECT_INT((int64_t)fs.f_blocks * fs.f_bsize, 8 * MIB);
		EXPECT_STR(
			rig_read(&r, rig_path(&r, "volumes/kubernetes.io~configmap/cm/a")), "text");
		EXPECT(str_eq(rig_read(&r, rig_path(&r, "volumes/kubernetes.io~configmap/cm/b")),
			STR("\0\1\2")));
		EXPECT_STR(
			rig_read(&r, rig_path(&r, "volumes/kubernetes.io~secret/s/x/y")), "s3cret");
		EXPECT_INT(
			rig_mode(rig_path(&r, "volumes/kubernetes.io~secret/s/..data/x/y")), 0600);
		EXPECT(rig_in_memory(rig_path(&r, "volumes/kubernetes.io~secret/s")));
		EXPECT_STR(
			rig_read(&r, rig_path(&r, "volumes/kubernetes.io~downward-api/d/labels")),
			"a=\"x\"\nb=\"2\"");
		EXPECT_STR(rig_read(&r, rig_path(&r, "volumes/kubernetes.io~downward-api/d/cpu")),
			"2");
		EXPECT_INT(rig_remove(&r, NULL), 0);
		EXPECT(!rig_is_there(rig_path(&r, "volumes")));
		rig_close(&r);
	}
	world_close(&w);
}

static void expect_problem(const char *volume, const char *text)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_put(&r, "configmaps/m", "{'data':{'a':'text'}}");
		rig_put(&r, "secrets/s", "{'data':{'pass':'czNjcmV0'}}");
		rig_pod(&r, arena_print(&r.arena,
				    VOLUMES("{'name':'e','emptyDir':{}},{'name':'x',%s}"), volume)
				    .at);
		EXPECT(rig_prepare(&r) != 0);
		EXPECT_STR(rig_problem(&r, 0), text);
		EXPECT_STR(rig_problem(&r, 1), "(none)");
		EXPECT(!pod_volumes_ready(r.volumes));
		/* What is in the way of one is not in the way of the others. */
		EXPECT(rig_is_there(rig_path(&r, "volumes/kubernetes.io~empty-dir/e")));
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

#define FAILED "MountVolume.SetUp failed for volume \"x\" : "

TEST(what_is_in_the_way_is_told_in_upstreams_words)
{
	expect_problem("'configMap':{'name':'y'}", FAILED "configmap \"y\" not found");
	expect_problem("'secret':{'secretName':'y'}", FAILED "secret \"y\" not found");
	expect_problem("'configMap':{'name':'m','items':[{'key':'q','path':'q'}]}",
		FAILED "configmap references non-existent config key: q");
	expect_problem("'secret':{'secretName':'s','items':[{'key':'q','path':'q'}]}",
		FAILED "references non-existent secret key: q");
	expect_problem("'configMap':{'name':'m','items':[{'key':'a','path':'../q'}]}",
		FAILED "invalid path: must not contain '..': ../q");
	expect_problem(
		"'projected':{'sources':[{'configMap':{'name':'y'}},{'secret':{'name':'z'}}]}",
		FAILED "[configmap \"y\" not found, secret \"z\" not found]");
	expect_problem("'projected':{'sources':[{'clusterTrustBundle':{'path':'p'}}]}",
		FAILED "projected sources of kind \"clusterTrustBundle\" are not supported by this "
		       "node");
	expect_problem("'nfs':{'server':'s','path':'/p'}",
		FAILED "volumes of kind \"nfs\" are not supported by this node");
	expect_problem("'hostPath':{'path':'/etc','type':'File'}",
		FAILED "hostPath type check failed: /etc is not a file");
	expect_problem("'hostPath':{'path':'/etc/passwd','type':'Directory'}",
		FAILED "hostPath type check failed: /etc/passwd is not a directory");
	expect_problem("'hostPath':{'path':'/etc/passwd','type':'Socket'}",
		FAILED "hostPath type check failed: /etc/passwd is not a socket file");
	expect_problem("'hostPath':{'path':'/etc/passwd','type':'CharDevice'}",
		FAILED "hostPath type check failed: /etc/passwd is not a character device");
	expect_problem("'hostPath':{'path':'/dev/null','type':'BlockDevice'}",
		FAILED "hostPath type check failed: /dev/null is not a block device");
	expect_problem("'hostPath':{'path':'/nowhere/at/all','type':'Directory'}",
		FAILED "hostPath type check failed: /nowhere/at/all is not a directory");
	expect_problem("'emptyDir':{'medium':'Paper'}", FAILED "unknown storage medium \"Paper\"");
}

TEST(the_node_makes_paths_that_are_to_be_made)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_pod(&r, arena_print(&r.arena,
				    VOLUMES("{'name':'a','hostPath':{'path':'%s/a/b','type':"
					    "'DirectoryOrCreate'}},"
					    "{'name':'b','hostPath':{'path':'%s/a/"
					    "f','type':'FileOrCreate'}},"
					    "{'name':'c','hostPath':{'path':'%s/c'}},"
					    "{'name':'d','hostPath':{'path':'/dev/"
					    "null','type':'CharDevice'}}"),
				    r.base, r.base, r.base)
				    .at);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_INT(rig_mode(rig_outside(&r, "a/b")), 0755);
		EXPECT_INT(rig_mode(rig_outside(&r, "a/f")), 0644);
		EXPECT_INT(rig_mode(rig_outside(&r, "c")), 0755);
		/* Looked at once: what becomes of them later is no problem of mounting. */
		EXPECT_INT(unlink(rig_outside(&r, "a/f")), 0);
		EXPECT_INT(mkdir(rig_outside(&r, "a/f"), 0755), 0);
		pod_volumes_touch(r.volumes);
		EXPECT_INT(rig_prepare(&r), 0);
		/* They stay: they are the node's. */
		EXPECT_INT(rig_remove(&r, NULL), 0);
		EXPECT(rig_is_there(rig_outside(&r, "a/f")));
		rig_close(&r);
	}
	world_close(&w);
}

TEST(what_changes_is_brought_up_to_date_and_nothing_else_is_done)
{
	struct world w = {0};
	struct volumes_rig r;
	char old[64], now[64];

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		const char *file = rig_path(&r, "volumes/kubernetes.io~configmap/cm/a");
		const char *data = rig_path(&r, "volumes/kubernetes.io~configmap/cm/..data");

		rig_pod(&r, VOLUMES("{'name':'cm','configMap':{'name':'m','optional':true}}"));
		EXPECT(pod_volumes_due(r.volumes, env_wall(w.env)));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT(!rig_is_there(file));
		EXPECT_INT(pod_volumes_next(r.volumes), OP_NO_DEADLINE);
		/* An optional one may come, change and go. */
		rig_put(&r, "configmaps/m", "{'data':{'a':'1'}}");
		pod_volumes_touch(r.volumes);
		EXPECT(pod_volumes_due(r.volumes, env_wall(w.env)));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, file), "1");
		ssize_t n = readlink(data, old, sizeof(old));
		pod_volumes_touch(r.volumes);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT(readlink(data, now, sizeof(now)) == n && memcmp(old, now, (size_t)n) == 0);
		rig_put(&r, "configmaps/m", "{'data':{'a':'2','b':'3'}}");
		pod_volumes_touch(r.volumes);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, file), "2");
		rig_put(&r, "configmaps/m", NULL);
		pod_volumes_touch(r.volumes);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT(!rig_is_there(file));
		EXPECT_INT(rig_remove(&r, NULL), 0);
		EXPECT_INT(pod_volumes_next(r.volumes), OP_NO_DEADLINE);
		rig_close(&r);
	}
	world_close(&w);
}

TEST(what_fails_is_tried_again_later_each_time)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_pod(&r, VOLUMES("{'name':'cm','configMap':{'name':'m'}}"));
		EXPECT(rig_prepare(&r) != 0);
		EXPECT_INT(pod_volumes_next(r.volumes) - env_wall(w.env), 500 * MSEC);
		EXPECT(rig_prepare(&r) != 0);
		EXPECT_INT(pod_volumes_next(r.volumes) - env_wall(w.env), SEC);
		for (int i = 0; i < 10; i++)
			EXPECT(rig_prepare(&r) != 0);
		EXPECT_INT(pod_volumes_next(r.volumes) - env_wall(w.env), 122 * SEC);
		/* A change is a reason to try at once. */
		rig_put(&r, "configmaps/m", "{'data':{'a':'1'}}");
		pod_volumes_touch(r.volumes);
		EXPECT(pod_volumes_due(r.volumes, env_wall(w.env)));
		EXPECT_INT(rig_prepare(&r), 0);
		/* What goes later does not make the pod unready: its containers may be started. */
		rig_put(&r, "configmaps/m", NULL);
		pod_volumes_touch(r.volumes);
		EXPECT(rig_prepare(&r) != 0);
		EXPECT(pod_volumes_ready(r.volumes));
		EXPECT_INT(pod_volumes_next(r.volumes) - env_wall(w.env), 500 * MSEC);
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

/* ---- tokens ---- */

#define PROJECTED(name) "volumes/kubernetes.io~projected/" name
#define ACCESS                                                                                     \
	"{'name':'t','projected':{'defaultMode':420,'sources':["                                   \
	"{'serviceAccountToken':{'path':'token','expirationSeconds':3600}},"                       \
	"{'configMap':{'name':'kube-root-ca.crt','items':[{'key':'ca.crt','path':'ca.crt'}]}},"    \
	"{'downwardAPI':{'items':[{'path':'namespace',"                                            \
	"'fieldRef':{'fieldPath':'metadata.namespace'}}]}}]}}"

TEST(pods_get_tokens_of_their_account_which_are_made_anew_in_time)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		const char *token = rig_path(&r, PROJECTED("t/token"));

		rig_put(&r, "configmaps/kube-root-ca.crt", "{'data':{'ca.crt':'PEM'}}");
		rig_pod(&r, VOLUMES(ACCESS));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, token), "token-1  p");
		EXPECT_INT(rig_mode(rig_path(&r, PROJECTED("t/..data/token"))), 0644);
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/ca.crt"))), "PEM");
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/namespace"))), "default");
		/* Not before: a change of something else does not ask for another one. */
		pod_volumes_touch(r.volumes);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_INT(w.api.tokens, 1);
		int64_t in = pod_volumes_next(r.volumes) - env_wall(w.env);
		EXPECT(in > 2860 * SEC && in <= 2880 * SEC);
		world_pass(&w, in);
		EXPECT(pod_volumes_due(r.volumes, env_wall(w.env)));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, token), "token-2  p");
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

TEST(a_token_that_cannot_be_made_anew_is_kept_until_it_expires)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_put(&r, "configmaps/kube-root-ca.crt", "{'data':{'ca.crt':'PEM'}}");
		rig_pod(&r, VOLUMES(ACCESS));
		EXPECT_INT(rig_prepare(&r), 0);
		world_pass(&w, 3000 * SEC);
		w.api.refuse_code = 403;
		w.api.refuse_reason = "Forbidden";
		w.api.refuse_times = 1;
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/token"))), "token-1  p");
		int64_t in = pod_volumes_next(r.volumes) - env_wall(w.env);
		EXPECT(in > 59 * SEC && in <= MINUTE);
		world_pass(&w, 601 * SEC);
		w.api.refuse_times = 1;
		EXPECT(rig_prepare(&r) != 0);
		EXPECT(str_starts(rig_problem(&r, 0), STR("MountVolume.SetUp failed for volume "
							  "\"t\" : failed to fetch token: ")));
		/* The file stays as it is: removing it would help nobody. */
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/token"))), "token-1  p");
		pod_volumes_touch(r.volumes);
		world_pass(&w, MINUTE);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/token"))), "token-2  p");
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

TEST(a_token_without_an_account_is_a_problem)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_pod(&r, "'serviceAccountName':'other','containers':[],'volumes':[{'name':'t',"
			    "'projected':{'sources':[{'serviceAccountToken':{'path':'token'}}]}}]");
		EXPECT(rig_prepare(&r) != 0);
		EXPECT(str_starts(rig_problem(&r, 0), STR("MountVolume.SetUp failed for volume "
							  "\"t\" : failed to fetch token: ")));
		/* Asked for again soon, not only when a token would be due. */
		EXPECT_INT(pod_volumes_next(r.volumes) - env_wall(w.env), 500 * MSEC);
		fake_put(&w.api, "serviceaccounts/default/other", "{}");
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/token"))), "token-1  p");
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

TEST(tokens_belong_to_the_user_that_all_containers_run_as)
{
	struct world w = {0};
	struct volumes_rig r;
	struct stat st;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_pod(&r,
			"'securityContext':{'runAsUser':1000,'fsGroup':2000},'containers':[{'name':"
			"'a'},{'name':'b'}],'volumes':[{'name':'t','projected':{'defaultMode':292,"
			"'sources':[{'serviceAccountToken':{'path':'token','audience':'vault'}}]}}"
			"]");
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, rig_path(&r, PROJECTED("t/token"))), "token-1 vault p");
		EXPECT_INT(stat(rig_path(&r, PROJECTED("t/token")), &st), 0);
		EXPECT_INT(st.st_uid, 1000);
		EXPECT_INT(st.st_gid, 2000);
		EXPECT_INT(st.st_mode & 07777, 0640);
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

/* ---- lives longer than containers and kubelets ---- */

TEST(what_containers_wrote_survives_the_kubelet)
{
	struct world w = {0};
	struct volumes_rig r;
	const char *pod = "'securityContext':{'fsGroup':2000},'containers':[],'volumes':["
			  "{'name':'e','emptyDir':{}},{'name':'m','emptyDir':{'medium':'Memory'}}]";

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		const char *e = rig_path(&r, "volumes/kubernetes.io~empty-dir/e");
		const char *m = rig_path(&r, "volumes/kubernetes.io~empty-dir/m");

		rig_pod(&r, pod);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_INT(rig_mode(e), 02777);
		EXPECT_INT(rig_mode(m), 03777);
		rig_write(&r, arena_print(&r.arena, "%s/f", e).at, "disk");
		rig_write(&r, arena_print(&r.arena, "%s/f", m).at, "memory");
		EXPECT_INT(chmod(e, 0700), 0);
		pod_volumes_free(r.volumes);
		r.volumes = NULL;
		rig_pod(&r, pod);
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_STR(rig_read(&r, arena_print(&r.arena, "%s/f", e).at), "disk");
		EXPECT_STR(rig_read(&r, arena_print(&r.arena, "%s/f", m).at), "memory");
		/* Its rights are the containers' affair by now. */
		EXPECT_INT(rig_mode(e), 0700);
		EXPECT_INT(rig_remove(&r, NULL), 0);
		EXPECT(!rig_is_there(e) && !rig_is_there(m));
		rig_close(&r);
	}
	world_close(&w);
}

TEST(volumes_in_volumes_have_their_place)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		rig_put(&r, "configmaps/m", "{'data':{'a':'1'}}");
		rig_pod(&r, "'containers':[{'name':'c','volumeMounts':["
			    "{'name':'m','mountPath':'/etc/m'},{'name':'e','mountPath':'/etc/m/in/"
			    "side/'},"
			    "{'name':'e','mountPath':'/etc/m/in/side/deeper'},"
			    "{'name':'e','mountPath':'/etc/mm'}]}],"
			    "'volumes':[{'name':'m','configMap':{'name':'m'}},{'name':'e','"
			    "emptyDir':{}}]");
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT(rig_is_there(rig_path(&r, "volumes/kubernetes.io~configmap/m/in/side")));
		EXPECT(!rig_is_there(
			rig_path(&r, "volumes/kubernetes.io~configmap/m/in/side/deeper")));
		EXPECT_STR(rig_read(&r, rig_path(&r, "volumes/kubernetes.io~configmap/m/a")), "1");
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

/* ---- the end ---- */

TEST(what_is_mounted_in_a_volume_by_others_is_not_removed)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		_cleanup_(buf_done) struct buf why = BUF_INIT(KIB);
		const char *inside = rig_path(&r, "volumes/kubernetes.io~empty-dir/e/inside");

		rig_pod(&r, VOLUMES("{'name':'e','emptyDir':{}}"));
		EXPECT_INT(rig_prepare(&r), 0);
		EXPECT_INT(mkdir(inside, 0755), 0);
		EXPECT_INT(mkdir(rig_outside(&r, "disk"), 0755), 0);
		rig_write(&r, rig_outside(&r, "disk/precious"), "gold");
		EXPECT_INT(mount(rig_outside(&r, "disk"), inside, NULL, MS_BIND, NULL), 0);
		EXPECT_INT(rig_remove(&r, &why), ERR_CONFLICT);
		EXPECT_STR(buf_str(&why), "removing the volumes of pod " RIG_UID
					  ": inside: something is mounted there");
		EXPECT_STR(rig_read(&r, rig_outside(&r, "disk/precious")), "gold");
		EXPECT_INT(umount2(inside, MNT_DETACH), 0);
		EXPECT_INT(rig_remove(&r, NULL), 0);
		EXPECT(!rig_is_there(rig_path(&r, "")));
		EXPECT_STR(rig_read(&r, rig_outside(&r, "disk/precious")), "gold");
		/* Gone is fine. */
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

static bool is_known(void *ctx, struct str uid)
{
	(void)ctx;
	return str_eq(uid, STR(RIG_UID));
}

static int64_t remove_orphans(struct volumes_rig *r, struct volumes_orphans *o)
{
	struct told told = {0};

	*o = (struct volumes_orphans){.host = &r->host, .known = is_known};
	volumes_orphans(o, told_op(&told, r->w->root, OP_NO_DEADLINE));
	world_await(r->w, &told);
	int64_t n = told.err.code ? told.err.code : told.n;
	told_done(&told);
	return n;
}

TEST(directories_of_pods_that_nobody_knows_go)
{
	struct world w = {0};
	struct volumes_rig r;
	struct volumes_orphans o;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		EXPECT_INT(remove_orphans(&r, &o), 0);
		rig_pod(&r, VOLUMES("{'name':'e','emptyDir':{}}"));
		EXPECT_INT(rig_prepare(&r), 0);
		struct pod_volumes *other = pod_volumes_new(&r.host, STR("other"));
		struct pod_volumes *mine = r.volumes;
		r.volumes = other;
		r.pod = rig_json(&r, "{'metadata':{'uid':'other'},'spec':{'volumes':[{'name':'m',"
				     "'emptyDir':{'medium':'Memory'}}]}}");
		EXPECT_INT(rig_prepare(&r), 0);
		pod_volumes_free(other);
		r.volumes = mine;
		rig_write(&r, rig_outside(&r, "root/pods/other/etc-hosts"), "127.0.0.1");
		EXPECT_INT(remove_orphans(&r, &o), 1);
		EXPECT(!rig_is_there(rig_outside(&r, "root/pods/other")));
		EXPECT(rig_is_there(rig_path(&r, "volumes/kubernetes.io~empty-dir/e")));
		EXPECT_INT(remove_orphans(&r, &o), 0);
		EXPECT_INT(rig_remove(&r, NULL), 0);
		rig_close(&r);
	}
	world_close(&w);
}

TEST(a_uid_is_a_name_and_no_path)
{
	struct world w = {0};
	struct volumes_rig r;

	world_open(&w, 1);
	if (rig_open(&r, &w)) {
		r.volumes = pod_volumes_new(&r.host, STR("../../etc"));
		r.pod = rig_json(&r, "{'spec':{'volumes':[{'name':'m','emptyDir':{}}]}}");
		EXPECT_INT(rig_prepare(&r), ERR_INVALID);
		EXPECT_INT(rig_remove(&r, NULL), ERR_INVALID);
		rig_close(&r);
	}
	world_close(&w);
}

/* ---- every await ---- */

static void live_and_die(struct world *w)
{
	struct volumes_rig r;
	struct volumes_orphans o;

	if (!rig_open(&r, w))
		return;
	rig_put(&r, "configmaps/kube-root-ca.crt", "{'data':{'ca.crt':'PEM'}}");
	rig_pod(&r, VOLUMES(ACCESS ",{'name':'m','emptyDir':{'medium':'Memory'}}"));
	bool good = rig_prepare(&r) == 0;
	EXPECT_INT(pod_volumes_ready(r.volumes), good);
	if (!good) {
		/* Whatever it was, it comes again by itself. */
		EXPECT(pod_volumes_next(r.volumes) - env_wall(w->env) <= MINUTE);
		world_pass(w, MINUTE);
		good = rig_prepare(&r) == 0;
	}
	if (rig_remove(&r, NULL))
		EXPECT_INT(rig_remove(&r, NULL), 0);
	EXPECT(!rig_is_there(rig_path(&r, "volumes")));
	if (remove_orphans(&r, &o) < 0)
		EXPECT_INT(remove_orphans(&r, &o), 0);
	rig_close(&r);
}

TEST(every_await_may_fail_or_be_cancelled)
{
	if (geteuid() == 0)
		world_torture(live_and_die);
}
