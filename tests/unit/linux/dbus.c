/* Messages of D-Bus. */
#include "test.h"

#include <kube/dbus.h>

#include <string.h>

static const char *const arguments[] = {"shutdown", "kubelet", "", "delay"};
static const struct dbus_call inhibit = {.destination = "org.freedesktop.login1",
	.path = "/org/freedesktop/login1",
	.interface = "org.freedesktop.login1.Manager",
	.member = "Inhibit",
	.texts = arguments,
	.text_count = 4};

TEST(a_call_is_read_as_it_was_written)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct dbus_message m;
	struct str text;
	size_t used;

	/* Wherever it begins, and whatever comes behind it. */
	dbus_print_call(&out, &inhibit, 7);
	size_t len = out.len;
	dbus_print_call(&out, &inhibit, 8);
	REQUIRE(dbus_parse(buf_str(&out), &m, &used, NULL) == 0);
	EXPECT_INT(used, len);
	EXPECT_INT(m.kind, DBUS_CALL);
	EXPECT_INT(m.serial, 7);
	EXPECT_STR(m.destination, "org.freedesktop.login1");
	EXPECT_STR(m.path, "/org/freedesktop/login1");
	EXPECT_STR(m.interface, "org.freedesktop.login1.Manager");
	EXPECT_STR(m.member, "Inhibit");
	EXPECT_STR(m.signature, "ssss");
	struct dbus_body body = dbus_body(&m);
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		REQUIRE(dbus_read_text(&body, &text));
		EXPECT_STR(text, arguments[i]);
	}
	EXPECT(!dbus_read_text(&body, &text));
	REQUIRE(dbus_parse(str_skip(buf_str(&out), len), &m, &used, NULL) == 0);
	EXPECT_INT(m.serial, 8);
}

TEST(a_call_may_end_with_a_number)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct dbus_call call = inhibit;
	struct dbus_message m;
	struct str text;
	uint32_t number;
	size_t used;

	call.text_count = 1;
	call.numbered = true;
	call.number = -2;
	dbus_print_call(&out, &call, 1);
	REQUIRE(dbus_parse(buf_str(&out), &m, &used, NULL) == 0 && used == out.len);
	EXPECT_STR(m.signature, "si");
	struct dbus_body body = dbus_body(&m);
	REQUIRE(dbus_read_text(&body, &text) && dbus_read_u32(&body, &number));
	EXPECT_INT((int32_t)number, -2);
}

TEST(what_is_not_whole_is_waited_for)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct dbus_message m;
	size_t used;

	dbus_print_call(&out, &inhibit, 7);
	for (size_t i = 0; i < out.len; i++) {
		EXPECT_INT(dbus_parse(str_make(out.at, i), &m, &used, NULL), 0);
		EXPECT_INT(used, 0);
	}
}

/* As another machine would send it: the bytes of every number turned round. */
TEST(both_orders_of_bytes_are_read)
{
	struct dbus_message m;
	size_t used;

	EXPECT_INT(
		dbus_parse(str_make("B\4\0\1\0\0\0\4\0\0\0\11\0\0\0\7\10\1g\0\1b\0\0\0\0\0\1", 28),
			&m, &used, NULL),
		0);
	EXPECT_INT(used, 28);
	EXPECT_INT(m.serial, 9);
	EXPECT_STR(m.signature, "b");
	bool yes = false;
	struct dbus_body body = dbus_body(&m);
	EXPECT(dbus_read_bool(&body, &yes) && yes);
}

TEST(nonsense_is_refused)
{
	struct dbus_message m;
	size_t used;

	EXPECT_INT(dbus_parse(STR("HTTP/1.1 200 OK\r\n"), &m, &used, NULL), ERR_SYNTAX);
	/* Fields beyond all measure. */
	EXPECT_INT(dbus_parse(str_make("l\1\0\1\0\0\0\0\1\0\0\0\0\0\0\177", 16), &m, &used, NULL),
		ERR_SYNTAX);
}

TEST(who_logs_in_says_who_it_is)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	dbus_print_login(&out, 1000);
	EXPECT_INT(out.at[0], 0);
	EXPECT_STR(str_skip(buf_str(&out), 1), "AUTH EXTERNAL 31303030\r\n");
}
