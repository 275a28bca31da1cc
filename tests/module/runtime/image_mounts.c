/* Images that containers mount: seen as a whole or in part, never changed, kept while in use. */
#include "runtime_rig.h"

static bool pages_root(struct runtime_images *i, struct str id, struct image_root *root)
{
	static const struct str lowers[] = {
		STR_INIT("/run/pages/top"), STR_INIT("/run/pages/base")};
	static const struct str one[] = {STR_INIT("/run/pages/base")};

	if (str_eq(id, STR("pages")))
		*root = (struct image_root){.lowers = lowers, .lower_count = 2};
	else if (str_eq(id, STR("single")))
		*root = (struct image_root){.lowers = one, .lower_count = 1};
	else if (str_eq(id, STR("nothing")))
		*root = (struct image_root){0};
	else
		return rig_root(i, id, root);
	return true;
}

static struct str open_pages(struct rig *g)
{
	struct runtime_sandbox_run run = rig_sandbox("looks");

	rig_open(g);
	rig_shell("mkdir -p /run/pages/base/d /run/pages/top/d");
	rig_write("/run/pages/base/d/a", "old");
	rig_write("/run/pages/base/d/b", "b");
	rig_write("/run/pages/top/d/a", "new");
	rig_shell("install -m 755 \"$(command -v busybox)\" /run/pages/base/tool");
	g->images.root = pages_root;
	return rig_run(g, &run);
}

static void close_pages(struct rig *g, struct str sandbox)
{
	rig_remove_sandbox(g, sandbox);
	rig_close(g);
	rig_shell("rm -rf /run/pages");
}

static void expect_log(struct rig *g, struct str sandbox, const struct runtime_mount *mounts,
	size_t count, const struct str shell[3], const char *wanted)
{
	struct runtime_container_create c = rig_container(sandbox, shell);

	c.config.mounts = mounts;
	c.config.mount_count = count;
	if (rig_begin(g, &c))
		return;
	rig_end_of(g, c.id);
	EXPECT_STR(rig_log("/run/logs/main/0.log"), wanted);
	rig_remove_container(g, c.id);
	unlink("/run/logs/main/0.log");
}

TEST(an_image_is_seen_whole_and_in_parts)
{
	struct rig g;
	struct str id = open_pages(&g);
	const struct runtime_mount mounts[] = {
		{.container_path = STR_INIT("/p"), .image = STR_INIT("pages")},
		{.container_path = STR_INIT("/d"),
			.image = STR_INIT("pages"),
			.image_part = STR_INIT("d")},
		{.container_path = STR_INIT("/etc/a"),
			.image = STR_INIT("pages"),
			.image_part = STR_INIT("d/a")},
		{.container_path = STR_INIT("/one"), .image = STR_INIT("single")},
		{.container_path = STR_INIT("/b"),
			.image = STR_INIT("single"),
			.image_part = STR_INIT("d/b")},
	};

	expect_log(&g, id, mounts, ARRAY_LEN(mounts),
		RIG_SHELL("echo $(cat /p/d/a /p/d/b) $(ls /d) $(cat /etc/a) $(cat /one/d/a) "
			  "$(cat /b)"),
		"newb a b new old b");
	close_pages(&g, id);
}

TEST(an_image_is_only_read_and_never_executed)
{
	struct rig g;
	struct str id = open_pages(&g);
	const struct runtime_mount mounts[] = {
		{.container_path = STR_INIT("/p"), .image = STR_INIT("pages")},
		{.container_path = STR_INIT("/tool"),
			.image = STR_INIT("single"),
			.image_part = STR_INIT("tool")},
	};

	expect_log(&g, id, mounts, ARRAY_LEN(mounts),
		RIG_SHELL("touch /p/x 2>/dev/null; echo $?; echo x 2>/dev/null >/tool; echo $?; "
			  "/p/tool true 2>/dev/null; echo $?; /tool true 2>/dev/null; echo $?"),
		"1\n1\n126\n126");
	close_pages(&g, id);
}

TEST(what_is_not_in_an_image_is_not_mounted)
{
	struct rig g;
	struct str id = open_pages(&g);
	struct runtime_mount mount = {.container_path = STR("/p"), .image = STR("unknown")};
	struct runtime_container_create c = rig_container(id, RIG_SHELL("true"));

	c.config.mounts = &mount;
	c.config.mount_count = 1;
	g.r->ops->create_container(g.r, rig_op(&g), &c);
	EXPECT_INT(rig_await(&g), ERR_NOT_FOUND);
	EXPECT_TEXT(err_text(&g.told.err), "image \"unknown\": not found");
	mount.image = STR("nothing");
	g.r->ops->create_container(g.r, rig_op(&g), &c);
	EXPECT_INT(rig_await(&g), ERR_UNSUPPORTED);
	/* A part that would lead out of the image is looked for inside of it. */
	symlink("../../../../../etc/hostname", "/run/pages/base/out");
	mount.image = STR("single");
	mount.image_part = STR("out");
	REQUIRE(rig_create(&g, &c) == 0);
	g.r->ops->start_container(g.r, rig_op(&g), c.id);
	EXPECT(rig_await(&g) != 0);
	rig_remove_container(&g, c.id);
	close_pages(&g, id);
}

TEST(an_image_that_is_mounted_is_kept)
{
	struct rig g;
	struct str id = open_pages(&g);
	const struct runtime_mount mount = {.container_path = STR("/p"), .image = STR("pages")};
	struct runtime_container_create c = rig_container(id, RIG_SHELL("true"));

	c.config.mounts = &mount;
	c.config.mount_count = 1;
	REQUIRE(rig_create(&g, &c) == 0);
	struct str container = str_from(str_dup(c.id));
	g.r->ops->remove_image(g.r, rig_op(&g), STR("pages"));
	EXPECT_INT(rig_await(&g), ERR_CONFLICT);
	/* Whoever comes after this runtime knows it, too. */
	rig_stop(&g);
	REQUIRE(rig_start(&g) == 0);
	g.r->ops->remove_image(g.r, rig_op(&g), STR("pages"));
	EXPECT_INT(rig_await(&g), ERR_CONFLICT);
	rig_remove_container(&g, container);
	g.r->ops->remove_image(g.r, rig_op(&g), STR("pages"));
	EXPECT_INT(rig_await(&g), 0);
	mem_free((void *)container.at);
	const struct sandbox *const *list;
	REQUIRE(g.r->ops->sandboxes(g.r, &list) == 1);
	close_pages(&g, list[0]->id);
}
