/* Files of variables as upstream reads them. */
#include "test.h"
#include "variable_files.h"

static void expect(const char *text, const char *key, const char *wanted)
{
	struct arena a;
	struct err err = {0};
	struct str value;

	arena_init(&a);
	EXPECT_INT(variable_find(&a, str_from(text), str_from(key), &value, &err), 0);
	EXPECT_STR(value, wanted);
	err_done(&err);
	arena_done(&a);
}

static void expect_fault(const char *text, const char *wanted)
{
	struct arena a;
	struct err err = {0};
	struct str value;

	arena_init(&a);
	EXPECT_INT(variable_find(&a, str_from(text), STR("KEY"), &value, &err), ERR_INVALID);
	EXPECT_TEXT(err_text(&err), wanted);
	err_done(&err);
	arena_done(&a);
}

TEST(values_stand_in_quotes)
{
	expect("A='1'\nKEY='two words'\n", "KEY", "two words");
	expect("  \tKEY='x' # said why\n", "KEY", "x");
	expect("# KEY='no'\n\n \nKEY='$HOME \\n \"x\"'", "KEY", "$HOME \\n \"x\"");
	expect("KEY='one\r\nKEY=two\n'\nOTHER='3'", "KEY", "one\nKEY=two\n");
	expect("KEY='one\n# two\n'\nOTHER='3'", "OTHER", "3");
	expect("A-b.c='x'", "A-b.c", "x");
}

TEST(what_is_not_said_is_nothing)
{
	expect("", "KEY", "");
	expect("A='1'\n", "KEY", "");
	expect("KEY=''\nKEY='2'", "KEY", "");
	expect("KEY= 'x'\n", "KEY", "");
	expect("A=\t'x'\nKEY='y'", "KEY", "y");
	/* What comes behind it does not count. */
	expect("KEY='x'\nno sense", "KEY", "x");
}

TEST(a_fault_is_told_with_its_line)
{
	expect_fault("\nKEY\n", "invalid environment variable format at line 2: missing '='");
	expect_fault(
		"='x'\n", "invalid environment variable format at line 1: empty variable name");
	expect_fault("KEY ='x'\n", "invalid environment variable format at line 1: whitespace "
				   "before '=' is not allowed");
	expect_fault("KEY=x\n", "invalid environment variable format at line 1: value must be "
				"enclosed in single quotes");
	expect_fault("A='\n'b\n", "invalid environment variable format at line 2: unexpected "
				  "content after closing quote");
	expect_fault("#\nA='\n\n",
		"invalid environment variable format starting at line 2: unclosed "
		"single quote");
}
