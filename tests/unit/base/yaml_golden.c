/*
 * kubectl's own answers, recorded: what it makes of YAML and how it prints JSON. The files are
 * golden/yaml/read.cases and write.cases; their first lines say how they are built.
 */
#include "test.h"

#include <kube/mem.h>
#include <kube/yaml.h>

#include <stdio.h>
#include <stdlib.h>

#define HEADER "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n"
#define MARK   "@@@ "

static struct str load(const char *name)
{
	char path[512];
	struct buf text = BUF_INIT(4 * MIB);
	char *room;

	snprintf(path, sizeof(path), "%s/tests/unit/base/golden/yaml/%s", KUBE_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	if (!EXPECT(f != NULL))
		return (struct str){0};
	while ((room = buf_reserve(&text, 64 * KIB))) {
		size_t got = fread(room, 1, 64 * KIB, f);
		if (got == 0)
			break;
		buf_advance(&text, got);
	}
	fclose(f);
	size_t len;
	char *all = buf_take(&text, &len);
	return str_make(all, len);
}

struct section {
	struct str kind, title, body;
};

/* Sections begin with a marked line; what stands before the first is for readers. */
static bool next_section(struct str *rest, struct section *s)
{
	struct str line;

	while (!str_starts(*rest, STR(MARK)))
		if (!str_cut(*rest, '\n', &line, rest))
			return false;
	str_cut(*rest, '\n', &line, rest);
	str_cut(str_skip(line, sizeof(MARK) - 1), ' ', &s->kind, &s->title);
	ssize_t end = str_starts(*rest, STR(MARK)) ? 0 : str_find(*rest, STR("\n" MARK)) + 1;
	if (end == 0 && !str_starts(*rest, STR(MARK)))
		end = (ssize_t)rest->len;
	s->body = str_sub(*rest, 0, (size_t)end);
	*rest = str_skip(*rest, (size_t)end);
	return true;
}

/* kubectl's numbers have been through int64 and float64; ours may be more exact. */
static bool same(const struct cJSON *a, const struct cJSON *b)
{
	int64_t x, y;

	if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
		return false;
	if (json_is(a, JSON_NUMBER))
		return json_int(a, &x) && json_int(b, &y) ? x == y
							  : json_double(a) == json_double(b);
	if (json_is(a, JSON_OBJECT)) {
		json_each (n, a) {
			struct cJSON *other = json_get(b, json_key(n));
			if (!other || !same(n, other))
				return false;
		}
		return true;
	}
	if (json_is(a, JSON_ARRAY)) {
		struct cJSON *other = json_first(b);
		json_each (n, a) {
			if (!same(n, other))
				return false;
			other = json_next(other);
		}
		return true;
	}
	return json_equal(a, b);
}

static void expect_value(struct str text, struct str wanted_json)
{
	struct arena a;
	struct err err = {0};
	struct cJSON *root = NULL, *wanted = NULL;

	arena_init(&a);
	if (EXPECT_OK(json_parse(&a, wanted_json, NULL, &wanted, &err), &err) &&
		EXPECT_OK(yaml_read(&a, text, NULL, &root, &err), &err)) {
		struct cJSON *data = json_get(root, STR("data"));
		if (!same(data, wanted)) {
			struct buf out = BUF_INIT(MIB);
			json_print(&out, data, JSON_COMPACT);
			EXPECT_STR(buf_str(&out), arena_str(&a, str_trim(wanted_json)).at);
			buf_done(&out);
		}
	}
	err_done(&err);
	arena_done(&a);
}

static void expect_error(struct str text, struct str wanted)
{
	struct arena a;
	struct err err = {0};
	struct cJSON *root = NULL;

	arena_init(&a);
	wanted = arena_str(&a, str_trim(wanted));
	if (EXPECT(yaml_read(&a, text, NULL, &root, &err) != 0)) {
		/* Go prints the whole value there; we name the line. */
		if (str_find(wanted, STR("map key")) >= 0)
			EXPECT(str_find(str_from(err_text(&err)), STR("map key")) >= 0);
		else
			EXPECT_TEXT(err_text(&err), wanted.at);
	}
	err_done(&err);
	arena_done(&a);
}

TEST(yaml_is_read_as_kubectl_reads_it)
{
	struct str all = load("read.cases"), rest = all;
	struct section given, wanted;
	int count = 0;

	while (next_section(&rest, &given)) {
		REQUIRE(next_section(&rest, &wanted));
		test_context("%.*s", STRF(given.title));
		struct buf text = BUF_INIT(MIB);
		buf_add_text(&text, HEADER);
		buf_add_str(&text, given.body);
		if (str_eq_text(wanted.kind, "json"))
			expect_value(buf_str(&text), wanted.body);
		else
			expect_error(buf_str(&text), wanted.body);
		buf_done(&text);
		count++;
	}
	test_context_end();
	EXPECT(count > 400);
	mem_free((void *)(uintptr_t)all.at);
}

static void expect_printed(struct str json, struct str wanted)
{
	struct arena a;
	struct err err = {0};
	struct cJSON *data = NULL, *again = NULL;
	struct buf out = BUF_INIT(MIB);

	arena_init(&a);
	if (EXPECT_OK(json_parse(&a, json, NULL, &data, &err), &err)) {
		struct cJSON *root = json_new(&a, JSON_OBJECT);
		json_set(&a, root, STR("data"), data);
		yaml_write(&out, root);
		EXPECT_STR(buf_str(&out), arena_str(&a, wanted).at);
		if (EXPECT_OK(yaml_read(&a, buf_str(&out), NULL, &again, &err), &err))
			EXPECT(same(root, again));
	}
	buf_done(&out);
	err_done(&err);
	arena_done(&a);
}

TEST(yaml_is_printed_as_kubectl_prints_it)
{
	struct str all = load("write.cases"), rest = all;
	struct section given, wanted;
	int count = 0;

	while (next_section(&rest, &given)) {
		REQUIRE(next_section(&rest, &wanted));
		test_context("%.*s", STRF(given.title));
		expect_printed(given.body, wanted.body);
		count++;
	}
	test_context_end();
	EXPECT(count > 600);
	mem_free((void *)(uintptr_t)all.at);
}
