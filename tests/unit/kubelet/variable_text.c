/* Files of variables as upstream reads them. */
#include "test.h"
#include "variable_files.h"

/* What the key is in that file, or (fault) why the file is none. */
static void expect(const char *text, const char *key, const char *wanted, bool fault)
{
	struct arena a;
	struct err err = {0};
	struct str value = {0};

	arena_init(&a);
	EXPECT_INT(variable_find(&a, str_from(text), str_from(key), &value, &err),
		fault ? ERR_INVALID : 0);
	EXPECT_STR(fault ? str_from(err_text(&err)) : value, wanted);
	err_done(&err);
	arena_done(&a);
}

TEST(values_stand_in_quotes)
{
	expect("A='1'\nKEY='two words'\n", "KEY", "two words", false);
	expect("  \tKEY='x' # said why\n", "KEY", "x", false);
	expect("# KEY='no'\n\n \nKEY='$HOME \\n \"x\"'", "KEY", "$HOME \\n \"x\"", false);
	expect("KEY='one\r\nKEY=two\n'\nOTHER='3'", "KEY", "one\nKEY=two\n", false);
	expect("KEY='one\n# two\n'\nOTHER='3'", "OTHER", "3", false);
	expect("A-b.c='x'", "A-b.c", "x", false);
}

TEST(what_is_not_said_is_nothing)
{
	expect("", "KEY", "", false);
	expect("A='1'\n", "KEY", "", false);
	expect("KEY=''\nKEY='2'", "KEY", "", false);
	expect("KEY= 'x'\n", "KEY", "", false);
	expect("A=\t'x'\nKEY='y'", "KEY", "y", false);
	/* What comes behind it does not count. */
	expect("KEY='x'\nno sense", "KEY", "x", false);
}

#define LINE(n) "invalid environment variable format at line " n ": "

TEST(a_fault_is_told_with_its_line)
{
	expect("\nKEY\n", "KEY", LINE("2") "missing '='", true);
	expect("='x'\n", "KEY", LINE("1") "empty variable name", true);
	expect("KEY ='x'\n", "KEY", LINE("1") "whitespace before '=' is not allowed", true);
	expect("KEY=x\n", "KEY", LINE("1") "value must be enclosed in single quotes", true);
	expect("A='\n'b\n", "KEY", LINE("2") "unexpected content after closing quote", true);
	expect("#\nA='\n\n", "KEY",
		"invalid environment variable format starting at line 2: unclosed single quote",
		true);
}
