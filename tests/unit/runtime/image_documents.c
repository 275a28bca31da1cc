#include "test.h"

#include "runtime/image_documents.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

TEST(a_config_says_what_runs)
{
	struct image_config c;
	struct arena a;
	struct str name;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	REQUIRE_OK(
		image_config_parse(&a,
			STR("{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{"
			    "\"Env\":[\"A=b\",\"C=\"],\"Entrypoint\":null,\"Cmd\":[\"x\",\"y\"],"
			    "\"User\":\"12:34\",\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGQUIT\","
			    "\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"k\":\"v\"}},"
			    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A64 "\"]}}"),
			10, &c, &err),
		&err);
	EXPECT_INT(c.env.count, 2);
	EXPECT_STR(c.env.items[1], "C=");
	EXPECT_INT(c.entrypoint.count, 0);
	EXPECT_STR(c.command.items[1], "y");
	EXPECT_STR(c.working_dir, "/w");
	EXPECT_STR(c.stop_signal, "SIGQUIT");
	EXPECT_STR(c.exposed_ports.items[0], "80/tcp");
	EXPECT_STR(c.labels.items[0].value, "v");
	EXPECT_STR(c.diff_ids.items[0], "sha256:" A64);
	EXPECT_INT(image_config_user(&c, &name), 12);
	c.user = STR("nginx:grp");
	EXPECT_INT(image_config_user(&c, &name), -1);
	EXPECT_STR(name, "nginx");
	c.user = STR("");
	EXPECT_INT(image_config_user(&c, &name), 0);
	arena_done(&a);
}

TEST(configs_that_are_not_in_order_are_refused)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{"[]", ERR_INVALID},
		{"{}", ERR_INVALID},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../x\"]}}", ERR_INVALID},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}", ERR_INVALID},
		{"{\"config\":{\"Env\":\"A=b\"},\"rootfs\":{\"type\":\"layers\"}}", ERR_INVALID},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A64 "\",\"sha256:" B64
		 "\",\"sha256:" C64 "\"]}}",
			ERR_TOO_LARGE},
	};
	struct image_config c;
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].text);
		EXPECT_INT(
			image_config_parse(&a, str_from(rows[i].text), 2, &c, NULL), rows[i].code);
	}
	test_context_end();
	arena_done(&a);
}

static int document(struct arena *a, const char *text, const char *type, struct image_document *d,
	struct err *err)
{
	return image_document_parse(a, str_from(text), str_from(type), 100, d, err);
}

#define OWN(os, arch, variant)                                                                     \
	"\"size\":1,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch                      \
	"\",\"variant\":\"" variant "\"}}"

TEST(an_index_is_chosen_from_by_platform)
{
	struct image_document d;
	struct arena a;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	REQUIRE_OK(document(&a,
			   "{\"schemaVersion\":2,\"manifests\":["
			   "{\"digest\":\"sha256:" A64 "\"," OWN("unknown", "unknown",
				   "") ","
				       "{\"digest\":\"sha256:" B64 "\"," OWN("linux", "amd64",
					       "") ","
						   "{\"digest\":\"sha256:" C64
						   "\"," OWN("linux", "arm64", "v8") "]}",
			   "application/vnd.oci.image.index.v1+json", &d, &err),
		&err);
	EXPECT(d.is_index);
	const struct image_descriptor *chosen = image_document_choose(&d);
	REQUIRE(chosen);
#if defined(__x86_64__)
	EXPECT_STR(chosen->digest, "sha256:" B64);
#else
	EXPECT_STR(chosen->digest, "sha256:" C64);
#endif
	REQUIRE_OK(document(&a,
			   "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:" A64
			   "\"," OWN("windows", "amd64", "") "]}",
			   "", &d, &err),
		&err);
	EXPECT(!image_document_choose(&d));
	arena_done(&a);
}

TEST(manifests_say_which_config_and_layers)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:" A64 "\",\"size\":7},"
		"\"layers\":[{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\","
		"\"digest\":\"sha256:" B64 "\",\"size\":9}]}";
	struct image_document d;
	struct arena a;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	REQUIRE_OK(document(&a, text, "", &d, &err), &err);
	EXPECT(!d.is_index);
	EXPECT_INT(d.config.size, 7);
	EXPECT_INT(d.count, 1);
	EXPECT_STR(d.entries[0].digest, "sha256:" B64);
	EXPECT_INT(document(&a, text, "application/vnd.example+json", &d, &err), ERR_UNSUPPORTED);
	EXPECT_TEXT(err_text(&err), "media type \"application/vnd.example+json\" is not supported");
	EXPECT_INT(document(&a, "{\"schemaVersion\":1,\"fsLayers\":[]}",
			   "application/vnd.docker.distribution.manifest.v1+prettyjws", &d, &err),
		ERR_UNSUPPORTED);
	EXPECT_TEXT(err_text(&err),
		"manifests of schema 1 are not supported: the image must be pushed anew");
	EXPECT_INT(document(&a, "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}",
			   "application/vnd.oci.image.manifest.v1+json", &d, &err),
		ERR_INVALID);
	EXPECT_INT(
		document(&a,
			"{\"config\":{\"digest\":\"sha256:" A64
			"\",\"size\":7},\"layers\":[{\"mediaType\":\"application/zip\",\"digest\":"
			"\"sha256:" B64 "\",\"size\":1}]}",
			"", &d, &err),
		ERR_UNSUPPORTED);
	arena_done(&a);
}
