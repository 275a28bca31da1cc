/* The index: names go over to newer images; what nobody names any more is swept. */
#include "test.h"

#include "runtime/image_index.h"
#include "runtime/layer_apply.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define L "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define M "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

struct place {
	char dir[40];
	struct image_disk disk;
};

static bool place_open(struct place *p)
{
	_cleanup_(err_done) struct err err = {0};

	*p = (struct place){.dir = "/tmp/kube-index-XXXXXX"};
	return EXPECT(mkdtemp(p->dir) != NULL) &&
	       EXPECT_OK(image_disk_open(p->dir, &p->disk, &err), &err);
}

static void place_close(struct place *p)
{
	image_disk_close(&p->disk);
	EXPECT_INT(tree_remove(AT_FDCWD, p->dir, NULL), 0);
}

static void add(struct place *p, const char *id, const char *name, const char *layer)
{
	struct str names[] = {str_from(name)}, layers[] = {str_from(layer)};
	int64_t bytes[] = {10};
	struct image_entry e = {.id = str_from(id),
		.names = {names, 1},
		.layers = {layers, 1},
		.layer_bytes = bytes,
		.came = 5};
	_cleanup_(err_done) struct err err = {0};

	EXPECT_OK(image_index_add(&p->disk, &e, &err), &err);
}

static void remove_name(struct place *p, const char *id, const char *name, bool wanted)
{
	bool gone = !wanted;
	_cleanup_(err_done) struct err err = {0};

	EXPECT_OK(image_index_remove(&p->disk, str_from(id), str_from(name), &gone, &err), &err);
	EXPECT(gone == wanted);
}

TEST(a_name_belongs_to_the_image_that_got_it_last)
{
	struct place p;
	struct image_index x;
	_cleanup_(err_done) struct err err = {0};

	REQUIRE(place_open(&p));
	add(&p, A, "x:1", L);
	add(&p, A, "x:2", L);
	add(&p, B, "x:1", M);
	REQUIRE_OK(image_index_read(&p.disk, &x, &err), &err);
	EXPECT_INT(x.generation, 3);
	REQUIRE(x.count == 2);
	const struct image_entry *a = image_index_get(&x, STR(A)), *b = image_index_get(&x, STR(B));
	REQUIRE(a && b && a->names.count == 1 && b->names.count == 1);
	EXPECT_STR(a->names.items[0], "x:2");
	EXPECT_STR(b->names.items[0], "x:1");
	EXPECT_INT(b->came, 5);
	EXPECT_INT(b->layer_bytes[0], 10);
	image_index_done(&x);
	place_close(&p);
}

TEST(an_image_goes_with_its_last_name)
{
	struct place p;
	bool gone;

	REQUIRE(place_open(&p));
	add(&p, A, "x:1", L);
	add(&p, A, "x:2", L);
	remove_name(&p, A, "x:1", false);
	remove_name(&p, A, "x:2", true);
	EXPECT_INT(image_index_remove(&p.disk, STR(A), STR("x:2"), &gone, NULL), ERR_NOT_FOUND);
	add(&p, A, "x:1", L);
	add(&p, A, "x:2", L);
	remove_name(&p, A, "", true);
	place_close(&p);
}

static bool there(struct place *p, const char *name)
{
	return faccessat(p->disk.root, name, F_OK, 0) == 0;
}

TEST(what_no_image_has_is_swept_unless_somebody_is_at_work)
{
	struct place p;
	char used[96] = "layers/", unused[96] = "layers/";
	struct image_incoming in;
	int hold;

	REQUIRE(place_open(&p));
	add(&p, A, "x:1", L);
	memcpy(used + 7, &L[7], 65);
	memcpy(unused + 7, &M[7], 65);
	EXPECT_INT(mkdirat(p.disk.root, used, 0755), 0);
	EXPECT_INT(mkdirat(p.disk.root, unused, 0755), 0);
	EXPECT_INT(mkdirat(p.disk.root, "layers/odd", 0755), 0);
	EXPECT_INT(image_disk_new_layer(&p.disk, &in, NULL), 0);
	close(in.fd);
	REQUIRE(image_disk_hold(&p.disk, &hold, NULL) == 0);
	EXPECT_INT(image_index_sweep(&p.disk, NULL), 0);
	EXPECT(there(&p, unused) && there(&p, in.name));
	close(hold);
	EXPECT_INT(image_index_sweep(&p.disk, NULL), 0);
	EXPECT(there(&p, used));
	EXPECT(!there(&p, unused) && !there(&p, in.name) && !there(&p, "layers/odd"));
	place_close(&p);
}

TEST(layers_that_containers_stand_on_stay)
{
	struct place p;
	char used[96] = "layers/", spec[256];

	REQUIRE(place_open(&p));
	memcpy(used + 7, &L[7], 65);
	EXPECT_INT(mkdirat(p.disk.root, used, 0755), 0);
	EXPECT_INT(mkdirat(p.disk.root, "../containers", 0755), 0);
	EXPECT_INT(mkdirat(p.disk.root, "../containers/made", 0755), 0);
	EXPECT_INT(mkdirat(p.disk.root, "../containers/being-made", 0755), 0);
	snprintf(spec, sizeof(spec), "{\"lowers\":[\"%s/images/%s/fs\"]}", p.dir, used);
	EXPECT_INT(
		image_disk_write(&p.disk, "../containers/made/spec.json", str_from(spec), NULL), 0);
	EXPECT_INT(image_index_sweep(&p.disk, NULL), 0);
	EXPECT(there(&p, used));
	EXPECT_INT(unlinkat(p.disk.root, "../containers/made/spec.json", 0), 0);
	EXPECT_INT(image_index_sweep(&p.disk, NULL), 0);
	EXPECT(!there(&p, used));
	place_close(&p);
}

TEST(a_damaged_index_is_said_and_kept)
{
	struct place p;
	struct image_index x;
	_cleanup_(err_done) struct err err = {0};

	REQUIRE(place_open(&p));
	EXPECT_INT(image_disk_write(
			   &p.disk, "index.json", STR("{\"generation\":1,\"images\":[{}]}"), NULL),
		0);
	EXPECT_INT(image_index_read(&p.disk, &x, &err), ERR_INVALID);
	EXPECT(str_ends(str_from(err_text(&err)), STR("index.json: an image is not in order")));
	EXPECT_INT(image_index_sweep(&p.disk, NULL), ERR_INVALID);
	EXPECT(there(&p, "index.json"));
	place_close(&p);
}
