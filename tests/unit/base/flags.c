#include "test.h"

#include <kube/flags.h>
#include <kube/time.h>

#include <stdio.h>

static const struct flag_gate gates[] = {
	{.name = "NewThing", .stage = "ALPHA"},
	{.name = "OtherThing", .stage = "ALPHA", .on = true},
	{.name = "NearlyDone", .stage = "BETA", .on = true},
	{.name = "Done", .stage = "", .on = true, .locked = true},
	{.name = NULL},
};

/* One of every kind, and what comes of a command line. */
struct all {
	struct arena arena;
	struct str text, address, old;
	bool on, watch, quiet;
	int64_t port, verbosity, timeout, memory;
	double ratio;
	struct flag_list list, files, rest;
	struct flag_map labels, features;
	struct flag flags[20];
	struct err err;
};

static void all_init(struct all *o)
{
	memset(o, 0, sizeof(*o));
	arena_init(&o->arena);
	struct flag table[] = {
		FLAG_STRING("bind-address", &o->address, "0.0.0.0", "IP", "Address to listen on."),
		FLAG_STRING("text", &o->text, NULL, "TEXT", "Any text."),
		FLAG_BOOL("anonymous-auth", &o->on, "true", "Requests without credentials."),
		FLAG_INT("secure-port", &o->port, "6443", "PORT", "Port for HTTPS."),
		FLAG_DOUBLE("ratio", &o->ratio, "0.5", "NUMBER", "A share."),
		FLAG_DURATION("request-timeout", &o->timeout, "1m0s", "How long."),
		FLAG_QUANTITY("memory", &o->memory, "64Mi", "BYTES", "How much."),
		FLAG_LIST("list", &o->list, "a,b", "NAMES", "Names."),
		FLAG_STRINGS("filename", &o->files, NULL, "FILE", "A file; repeatable."),
		FLAG_MAP("labels", &o->labels, NULL, "Labels."),
		FLAG_GATES("feature-gates", &o->features, gates, "Switches."),
		{.name = "v",
			.kind = FLAG_KIND_INT,
			.target = &o->verbosity,
			.letter = 'v',
			.value_name = "LEVEL",
			.help = "Log level."},
		{.name = "watch",
			.kind = FLAG_KIND_BOOL,
			.target = &o->watch,
			.letter = 'w',
			.help = "Go on watching.",
			.group = "Output"},
		{.name = "quiet",
			.kind = FLAG_KIND_BOOL,
			.target = &o->quiet,
			.letter = 'q',
			.help = "Say less.",
			.group = "Output",
			.hidden = true},
		{.name = "old",
			.kind = FLAG_KIND_STRING,
			.target = &o->old,
			.deprecated = "use --text",
			.help = "Gone soon."},
		FLAG_END,
	};
	memcpy(o->flags, table, sizeof(table));
	flags_init(o->flags, &o->arena);
}

static void all_done(struct all *o)
{
	err_done(&o->err);
	arena_done(&o->arena);
}

/* Words in one text, separated by `|`. */
static int parse(struct all *o, const char *line)
{
	static char words[64 * 1024];
	char *argv[64];
	int argc = 0;
	struct str rest = str_from(line), word;
	char *at = words;

	while (line[0] && str_next(&rest, '|', &word)) {
		argv[argc++] = at;
		memcpy(at, word.at, word.len);
		at[word.len] = '\0';
		at += word.len + 1;
	}
	err_done(&o->err);
	return flags_parse(o->flags, &o->arena, argc, argv, &o->rest, &o->err);
}

static void expect_error(const char *line, const char *wanted)
{
	struct all o;

	all_init(&o);
	test_context("%s", line);
	EXPECT_INT(parse(&o, line), ERR_USAGE);
	EXPECT_TEXT(err_text(&o.err), wanted);
	test_context_end();
	all_done(&o);
}

static void expect_list(const struct flag_list *list, const char *wanted)
{
	struct buf joined = BUF_INIT(MIB);

	for (size_t i = 0; i < list->count; i++)
		buf_print(&joined, "%s%.*s", i ? "|" : "", STRF(list->items[i]));
	EXPECT_STR(buf_str(&joined), wanted);
	buf_done(&joined);
}

static void expect_map(const struct flag_map *map, const char *wanted)
{
	struct buf joined = BUF_INIT(MIB);

	for (size_t i = 0; i < map->count; i++)
		buf_print(&joined, "%s%.*s=%.*s", i ? "|" : "", STRF(map->items[i].key),
			STRF(map->items[i].value));
	EXPECT_STR(buf_str(&joined), wanted);
	buf_done(&joined);
}

TEST(defaults_hold_until_something_is_given)
{
	struct all o;

	all_init(&o);
	EXPECT_INT(parse(&o, ""), 0);
	EXPECT_STR(o.address, "0.0.0.0");
	EXPECT_STR(o.text, "");
	EXPECT(o.on && !o.watch);
	EXPECT_INT(o.port, 6443);
	EXPECT(o.ratio == 0.5);
	EXPECT_INT(o.timeout, MINUTE);
	EXPECT_INT(o.memory, 64 << 20);
	expect_list(&o.list, "a|b");
	EXPECT_INT(o.files.count + o.labels.count + o.features.count + o.rest.count, 0);
	for (struct flag *f = o.flags; f->name; f++)
		EXPECT(!f->set && !f->from_line);
	all_done(&o);
}

TEST(values_stand_behind_an_equals_sign_or_in_the_next_word)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--bind-address=::1|--secure-port|8443|--ratio=1e-3|--request-timeout|"
			    "1h2m3.5s|"
			    "--memory=1Gi|--text=a=b=c|--anonymous-auth=false|--watch"),
		&o.err);
	EXPECT_STR(o.address, "::1");
	EXPECT_INT(o.port, 8443);
	EXPECT(o.ratio == 1e-3);
	EXPECT_INT(o.timeout, HOUR + 2 * MINUTE + 3500 * MSEC);
	EXPECT_INT(o.memory, 1 << 30);
	EXPECT_STR(o.text, "a=b=c");
	EXPECT(!o.on && o.watch);
	EXPECT(o.flags[0].set && o.flags[0].from_line);
	EXPECT_OK(parse(&o, "--text=|--secure-port=-0x1F|--secure-port=1_000"), &o.err);
	EXPECT_STR(o.text, "");
	EXPECT_INT(o.port, 1000);
	all_done(&o);
}

TEST(underscores_in_names_read_as_dashes)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--secure_port=1|--anonymous_auth=0"), &o.err);
	EXPECT_INT(o.port, 1);
	EXPECT(!o.on);
	all_done(&o);
}

TEST(booleans_take_no_second_word)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--watch|false"), &o.err);
	EXPECT(o.watch);
	expect_list(&o.rest, "false");
	all_done(&o);
}

TEST(letters_take_values_and_combine)
{
	static const char *const lines[] = {
		"-v4", "-v|4", "-v=4", "--v=4", "--v|4", "-wqv4", "-wv=4", "-qwv|4"};
	struct all o;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		all_init(&o);
		EXPECT_OK(parse(&o, lines[i]), &o.err);
		EXPECT_INT(o.verbosity, 4);
		EXPECT(o.watch == (strchr(lines[i], 'w') != NULL));
		all_done(&o);
	}
	all_init(&o);
	EXPECT_OK(parse(&o, "-w=false|-q"), &o.err);
	EXPECT(!o.watch && o.quiet);
	all_done(&o);
}

TEST(two_dashes_end_the_flags)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "x|-|--watch|y|--|--quiet|--|-z"), &o.err);
	EXPECT(o.watch && !o.quiet);
	expect_list(&o.rest, "x|-|y|--quiet|--|-z");
	all_done(&o);
}

TEST(words_that_nobody_asked_for_are_errors)
{
	struct all o;
	char *argv[] = {"--watch", "x"};

	all_init(&o);
	EXPECT_INT(flags_parse(o.flags, &o.arena, 2, argv, NULL, &o.err), ERR_USAGE);
	EXPECT_TEXT(err_text(&o.err), "unexpected argument \"x\"");
	all_done(&o);
}

TEST(errors_are_worded_as_upstream)
{
	expect_error("--foo", "unknown flag: --foo");
	expect_error("--secure-prot=1", "unknown flag: --secure-prot; did you mean --secure-port?");
	expect_error(
		"--bindaddress=1", "unknown flag: --bindaddress; did you mean --bind-address?");
	expect_error("--quiett", "unknown flag: --quiett");
	expect_error("-x", "unknown shorthand flag: 'x' in -x");
	expect_error("-wxv", "unknown shorthand flag: 'x' in -xv");
	expect_error("--secure-port", "flag needs an argument: --secure-port");
	expect_error("-wv", "flag needs an argument: 'v' in -v");
	expect_error("---x", "bad flag syntax: ---x");
	expect_error("--=x", "bad flag syntax: --=x");
	expect_error("--secure-port=x", "invalid argument \"x\" for \"--secure-port\" flag: "
					"strconv.ParseInt: parsing \"x\": invalid syntax");
	expect_error("--secure-port=99999999999999999999",
		"invalid argument \"99999999999999999999\" for \"--secure-port\" flag: "
		"strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
	expect_error("-vx", "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: "
			    "parsing \"x\": invalid syntax");
	expect_error("--watch=maybe", "invalid argument \"maybe\" for \"-w, --watch\" flag: "
				      "strconv.ParseBool: parsing \"maybe\": invalid syntax");
	expect_error("--ratio=", "invalid argument \"\" for \"--ratio\" flag: strconv.ParseFloat: "
				 "parsing \"\": invalid syntax");
	expect_error("--ratio=1e999", "invalid argument \"1e999\" for \"--ratio\" flag: "
				      "strconv.ParseFloat: parsing \"1e999\": value out of range");
	expect_error("--request-timeout=5x", "invalid argument \"5x\" for \"--request-timeout\" "
					     "flag: time: unknown unit \"x\" in duration \"5x\"");
	expect_error("--labels=a",
		"invalid argument \"a\" for \"--labels\" flag: a must be formatted as key=value");
	expect_error("--text=\t\"|--foo\x01\xff", "unknown flag: --foo\x01\xff");
}

TEST(lists_read_as_comma_separated_values)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--list=x,y"), &o.err);
	expect_list(&o.list, "x|y");
	EXPECT_OK(parse(&o, "--list=\"p,q\",\"r\"\"s\"|--list=|--list=,"), &o.err);
	expect_list(&o.list, "x|y|p,q|r\"s||");
	all_done(&o);
	all_init(&o);
	EXPECT_OK(parse(&o, "--list="), &o.err);
	expect_list(&o.list, "");
	all_done(&o);
	/* The columns are what kubectl says of the same values. */
	expect_error("--list=a\"b", "invalid argument \"a\\\"b\" for \"--list\" flag: "
				    "parse error on line 1, column 2: bare \" in non-quoted-field");
	expect_error("--list=\"ab",
		"invalid argument \"\\\"ab\" for \"--list\" flag: "
		"parse error on line 1, column 4: extraneous or missing \" in quoted-field");
	expect_error("--list=x,\"a\"b,c",
		"invalid argument \"x,\\\"a\\\"b,c\" for \"--list\" flag: "
		"parse error on line 1, column 5: extraneous or missing \" in quoted-field");
}

TEST(repeated_strings_keep_their_commas)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--filename=a,b|--filename|\"c\"|--filename="), &o.err);
	expect_list(&o.files, "a,b|\"c\"|");
	all_done(&o);
}

TEST(maps_add_up_and_later_values_replace)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(parse(&o, "--labels=a=1,b=2|--labels=c=x,y|--labels=a=3|--labels=\"d=p,q\",e=f=g|"
			    "--labels="),
		&o.err);
	expect_map(&o.labels, "a=3|b=2|c=x,y|d=p,q|e=f=g");
	/* A faulty value leaves what was there. */
	EXPECT_INT(parse(&o, "--labels=z=1,y"), 0);
	EXPECT_INT(parse(&o, "--labels=a=9,b=9,y"), ERR_USAGE);
	EXPECT_STR(o.labels.items[0].value, "3");
	all_done(&o);
}

TEST(feature_gates_are_checked_and_answered)
{
	struct all o;

	all_init(&o);
	EXPECT(!flags_gate(&o.features, gates, "NewThing"));
	EXPECT_OK(parse(&o, "--feature-gates= NewThing = true "
			    ",,NearlyDone=f|--feature-gates=Done=true"),
		&o.err);
	expect_map(&o.features, "NewThing=true|NearlyDone=false|Done=true");
	EXPECT(flags_gate(&o.features, gates, "NewThing"));
	EXPECT(flags_gate(&o.features, gates, "OtherThing"));
	EXPECT(!flags_gate(&o.features, gates, "NearlyDone"));
	EXPECT(flags_gate(&o.features, gates, "Done"));
	all_done(&o);

	all_init(&o);
	EXPECT_OK(
		parse(&o, "--feature-gates=AllAlpha=true,AllBeta=false,OtherThing=false"), &o.err);
	EXPECT(flags_gate(&o.features, gates, "NewThing"));
	EXPECT(!flags_gate(&o.features, gates, "OtherThing"));
	EXPECT(!flags_gate(&o.features, gates, "NearlyDone"));
	EXPECT(flags_gate(&o.features, gates, "Done"));
	all_done(&o);

#define FOR(value) "invalid argument \"" value "\" for \"--feature-gates\" flag: "
	expect_error("--feature-gates=X=true", FOR("X=true") "unrecognized feature gate: X");
	expect_error("--feature-gates=Done=false",
		FOR("Done=false") "cannot set feature gate Done to "
				  "false, feature is locked to true");
	expect_error("--feature-gates=NewThing", FOR("NewThing") "missing bool value for NewThing");
	expect_error("--feature-gates=NewThing=maybe",
		FOR("NewThing=maybe") "invalid value of NewThing=maybe, err: strconv.ParseBool: "
				      "parsing \"maybe\": invalid syntax");
#undef FOR
}

static void expect_quantity(const char *text, int64_t wanted)
{
	struct all o;
	char line[128];

	all_init(&o);
	snprintf(line, sizeof(line), "--memory=%s", text);
	test_context("%s", text);
	EXPECT_OK(parse(&o, line), &o.err);
	EXPECT_INT(o.memory, wanted);
	test_context_end();
	all_done(&o);
}

static void expect_no_quantity(const char *text, const char *why)
{
	char line[128], wanted[256];

	snprintf(line, sizeof(line), "--memory=%s", text);
	snprintf(wanted, sizeof(wanted), "invalid argument \"%s\" for \"--memory\" flag: %s", text,
		why);
	expect_error(line, wanted);
}

TEST(quantities_are_whole_numbers_with_suffixes)
{
	static const char range[] = "quantity is out of range";
	static const char whole[] = "quantity must be a whole number";
	static const char suffix[] = "unable to parse quantity's suffix";
	static const char shape[] = "quantities must match the regular expression "
				    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

	expect_quantity("0", 0);
	expect_quantity("64Mi", 64 << 20);
	expect_quantity("2k", 2000);
	expect_quantity("1Ki", 1024);
	expect_quantity("1M", 1000000);
	expect_quantity("3G", 3000000000);
	expect_quantity("1Ti", INT64_C(1) << 40);
	expect_quantity("1P", INT64_C(1000000000000000));
	expect_quantity("7Ei", INT64_C(7) << 60);
	expect_quantity("9E", INT64_C(9000000000000000000));
	expect_quantity("1e3", 1000);
	expect_quantity("1E3", 1000);
	expect_quantity("1.5Ki", 1536);
	expect_quantity("0.5k", 500);
	expect_quantity(".5k", 500);
	expect_quantity("5.k", 5000);
	expect_quantity("2000m", 2);
	expect_quantity("3000000000n", 3);
	expect_quantity("1.50e1", 15);
	expect_quantity("100e-2", 1);
	expect_quantity("-1Ki", -1024);
	expect_quantity("+1", 1);
	expect_quantity("0e999999", 0);
	expect_quantity("0.000000000000000000000000000000000000000000000000Ei", 0);
	expect_quantity("9223372036854775807", INT64_MAX);
	expect_quantity("-9223372036854775808", INT64_MIN);
	expect_quantity("-8Ei", INT64_MIN);
	expect_quantity("0.0000000000000000000000001e25", 1);
	expect_no_quantity("100m", whole);
	expect_no_quantity("0.1Ki", whole);
	expect_no_quantity("1.5", whole);
	expect_no_quantity("1u", whole);
	expect_no_quantity("8Ei", range);
	expect_no_quantity("9223372036854775808", range);
	expect_no_quantity("10E", range);
	expect_no_quantity("1e19", range);
	expect_no_quantity("1e999999999", range);
	expect_no_quantity("123456789012345678901234567890123456789", range);
	expect_no_quantity("", shape);
	expect_no_quantity("Mi", shape);
	expect_no_quantity(".", shape);
	expect_no_quantity("-", shape);
	expect_no_quantity("1.2.3", suffix);
	expect_no_quantity("1 Mi", suffix);
	expect_no_quantity("1mi", suffix);
	expect_no_quantity("1e", suffix);
	expect_no_quantity("1e5Mi", suffix);
	expect_no_quantity("1KB", suffix);
}

TEST(words_over_the_limit_are_refused)
{
	static char *argv[5000];
	char word[] = "x";
	struct all o;

	all_init(&o);
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = word;
	EXPECT_INT(
		flags_parse(o.flags, &o.arena, ARRAY_LEN(argv), argv, &o.rest, &o.err), ERR_USAGE);
	EXPECT_TEXT(err_text(&o.err), "more than 4096 arguments");
	EXPECT_OK(flags_parse(o.flags, &o.arena, 4096, argv, &o.rest, &o.err), &o.err);
	EXPECT_INT(o.rest.count, 4096);
	all_done(&o);
}

TEST(lists_over_the_limit_are_refused)
{
	struct buf line = BUF_INIT(MIB);
	struct all o;

	all_init(&o);
	buf_add_text(&line, "--list=x");
	for (int i = 1; i < 4096; i++)
		buf_add_text(&line, ",x");
	EXPECT_OK(parse(&o, buf_text(&line)), &o.err);
	EXPECT_INT(o.list.count, 4096);
	EXPECT_INT(parse(&o, "--list=x"), ERR_USAGE);
	EXPECT(str_ends(str_from(err_text(&o.err)), STR("more than 4096 values")));
	EXPECT_INT(o.list.count, 4096);
	all_done(&o);
	buf_done(&line);
}

/* ---- config files ---- */

static int config(struct all *o, const char *yaml)
{
	err_done(&o->err);
	return flags_parse_config(o->flags, &o->arena, str_from(yaml), &o->err);
}

static void expect_config_error(const char *yaml, const char *wanted)
{
	struct all o;

	all_init(&o);
	EXPECT_INT(config(&o, yaml), ERR_USAGE);
	EXPECT_TEXT(err_text(&o.err), wanted);
	all_done(&o);
}

TEST(config_files_set_flags_of_every_kind)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(config(&o, "bindAddress: 1.2.3.4\nsecure-port: 8443\nratio: 1e-3\n"
			     "request_timeout: 90s\nmemory: 128Mi\nanonymousAuth: off\n"
			     "list: [x, 'y,z', 3]\nfilename:\n- a\nlabels: {a: 1, b: true}\n"
			     "featureGates:\n  NewThing: true\nv: 4\ntext: ~\n"),
		&o.err);
	EXPECT_STR(o.address, "1.2.3.4");
	EXPECT_INT(o.port, 8443);
	EXPECT(o.ratio == 1e-3);
	EXPECT_INT(o.timeout, 90 * SEC);
	EXPECT_INT(o.memory, 128 << 20);
	EXPECT(!o.on);
	expect_list(&o.list, "x|y,z|3");
	expect_list(&o.files, "a");
	expect_map(&o.labels, "a=1|b=true");
	EXPECT(flags_gate(&o.features, gates, "NewThing"));
	EXPECT_INT(o.verbosity, 4);
	EXPECT(o.flags[0].set && !o.flags[0].from_line);
	EXPECT(!o.flags[1].set);
	all_done(&o);
}

TEST(config_values_may_be_written_as_on_the_command_line)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(config(&o,
			  "list: x,y\nlabels: a=1,b=2\nfeatureGates: NewThing=true\nfilename: a,b\n"
			  "memory: 1048576\n"),
		&o.err);
	expect_list(&o.list, "x|y");
	expect_map(&o.labels, "a=1|b=2");
	expect_list(&o.files, "a,b");
	EXPECT_INT(o.memory, 1 << 20);
	all_done(&o);
}

TEST(the_command_line_wins_over_the_file_in_either_order)
{
	static const char yaml[] = "securePort: 1\nlist: [f, g]\nlabels: {f: 1}\nv: 9\n";
	static const char line[] = "--secure-port=2|--list=l|--list=m|--labels=l=2";
	struct all o;

	for (int line_first = 0; line_first < 2; line_first++) {
		all_init(&o);
		if (line_first)
			EXPECT_OK(parse(&o, line), &o.err);
		EXPECT_OK(config(&o, yaml), &o.err);
		if (!line_first)
			EXPECT_OK(parse(&o, line), &o.err);
		EXPECT_INT(o.port, 2);
		expect_list(&o.list, "l|m");
		expect_map(&o.labels, "l=2");
		EXPECT_INT(o.verbosity, 9);
		all_done(&o);
	}
}

TEST(config_errors_name_the_line)
{
	expect_config_error("v: 1\nsecurePrt: 2\n",
		"line 2: unknown key \"securePrt\"; did you mean secure-port?");
	expect_config_error("zzz: 2\n", "line 1: unknown key \"zzz\"");
	expect_config_error("v: 1\n\nsecurePort: x\n",
		"line 3: invalid value for \"securePort\": "
		"strconv.ParseInt: parsing \"x\": invalid syntax");
	expect_config_error(
		"v: [1]\n", "line 1: invalid value for \"v\": a single value is wanted, not array");
	expect_config_error("labels: [a]\n",
		"line 1: invalid value for \"labels\": a single value is wanted, not array");
	expect_config_error("list: [[a]]\n",
		"line 1: invalid value for \"list\": a single value is wanted, not array");
	expect_config_error("featureGates: {Done: no}\n",
		"line 1: invalid value for \"featureGates\": "
		"cannot set feature gate Done to false, feature is locked to true");
	expect_config_error("v: 1\nv: 2\n", "line 2: key \"v\" is given twice");
	expect_config_error("- v\n", "a mapping of flag names is wanted, not array");
	expect_config_error("v: [\n", "yaml: line 1: did not find expected node content");
}

TEST(two_spellings_of_a_name_are_one_key)
{
	expect_config_error(
		"securePort: 1\nsecure-port: 2\n", "line 2: key \"secure-port\" is given twice");
}

TEST(gates_in_a_file_may_be_any_word_for_true)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(config(&o, "featureGates: {NewThing: t, NearlyDone: '0', AllAlpha: off}\n"),
		&o.err);
	EXPECT(flags_gate(&o.features, gates, "NewThing"));
	EXPECT(!flags_gate(&o.features, gates, "NearlyDone"));
	EXPECT(!flags_gate(&o.features, gates, "OtherThing"));
	all_done(&o);
}

TEST(an_empty_config_file_is_fine)
{
	struct all o;

	all_init(&o);
	EXPECT_OK(config(&o, ""), &o.err);
	EXPECT_OK(config(&o, "# nothing\n---\n"), &o.err);
	all_done(&o);
}

TEST(config_files_over_the_limit_are_refused)
{
	struct buf yaml = BUF_INIT(2 * MIB);
	struct all o;

	all_init(&o);
	while (yaml.len <= MIB)
		buf_add_text(&yaml, "# nothing nothing nothing\n");
	EXPECT_INT(config(&o, buf_text(&yaml)), ERR_USAGE);
	all_done(&o);
	buf_done(&yaml);
}

/* ---- help and suggestions ---- */

TEST(help_is_aligned_wrapped_and_grouped)
{
	static const struct flag_gate few[] = {
		{.name = "A", .stage = "ALPHA"},
		{.name = "B", .stage = "BETA", .on = true},
		{.name = "L", .on = true, .locked = true},
		{.name = "G", .on = true},
		{.name = NULL},
	};
	struct str s;
	struct flag_list l;
	struct flag_map m;
	int64_t i;
	bool b;
	struct flag flags[] = {
		FLAG_STRING("bind-address", &s, "0.0.0.0", "IP-ADDRESS",
			"The address on which to listen, which may be one of the node's own or all "
			"of them at "
			"once, as it does by default."),
		FLAG_STRING("empty", &s, "", "TEXT", "Nothing by default."),
		{.name = "v",
			.letter = 'v',
			.kind = FLAG_KIND_INT,
			.target = &i,
			.fallback = "0",
			.value_name = "LEVEL",
			.help = "Log level.",
			.group = "Log"},
		FLAG_INT("port", &i, "6443", "PORT", "First line.\nSecond line."),
		FLAG_BOOL("on", &b, "true", "A switch."),
		FLAG_BOOL("off", &b, "false", "Another."),
		FLAG_DURATION("timeout", &i, "60s", "How long."),
		FLAG_QUANTITY("memory", &i, "64Mi", "BYTES", "How much."),
		FLAG_LIST("names", &l, "a,b", "NAMES", "Names."),
		FLAG_GATES("gates", &m, few, "Switches."),
		{.name = "quiet",
			.letter = 'q',
			.kind = FLAG_KIND_BOOL,
			.target = &b,
			.help = "Say less.",
			.group = "Log"},
		{.name = "hidden", .kind = FLAG_KIND_BOOL, .target = &b, .hidden = true},
		{.name = "old", .kind = FLAG_KIND_BOOL, .target = &b, .deprecated = "gone"},
		FLAG_END,
	};
	struct buf out = BUF_INIT(MIB);

	flags_print_help(flags, &out);
	EXPECT_STR(buf_str(&out),
		"      --bind-address IP-ADDRESS   The address on which to listen, which may "
		"be\n"
		"                                  one of the node's own or all of them at once,\n"
		"                                  as it does by default. (default \"0.0.0.0\")\n"
		"      --empty TEXT                Nothing by default.\n"
		"      --port PORT                 First line.\n"
		"                                  Second line. (default 6443)\n"
		"      --on                        A switch. (default true)\n"
		"      --off                       Another.\n"
		"      --timeout DURATION          How long. (default 1m0s)\n"
		"      --memory BYTES              How much. (default 64Mi)\n"
		"      --names NAMES               Names. (default [a,b])\n"
		"      --gates NAME=BOOL,...       Switches. Options are:\n"
		"                                  A=true|false (ALPHA - default=false)\n"
		"                                  B=true|false (BETA - default=true)\n"
		"                                  G=true|false (default=true)\n"
		"\nLog flags:\n\n"
		"  -v, --v LEVEL   Log level.\n"
		"  -q, --quiet     Say less.\n");
	buf_done(&out);
}

TEST(help_breaks_words_that_do_not_fit_at_their_end)
{
	struct str s;
	char help[160];
	struct flag flags[] = {FLAG_STRING("x", &s, NULL, "X", help), FLAG_END};
	struct buf out = BUF_INIT(MIB);

	memset(help, 'y', sizeof(help));
	memcpy(help + 120, " z", 3);
	flags_print_help(flags, &out);
	EXPECT(str_ends(buf_str(&out), STR("yyy\n              z\n")));
	buf_done(&out);
}

TEST(values_print_as_they_are_given)
{
	struct str name = STR("x"), items[] = {STR("a"), STR("b")};
	struct flag_pair pairs[] = {{STR("k"), STR("1")}, {STR("l"), STR("")}};
	struct flag_list list = {items, 2};
	struct flag_map map = {pairs, 2};
	bool on = true;
	int64_t number = -5, time = 90 * SEC;
	double ratio = 0.5;
	const struct flag flags[] = {FLAG_STRING("s", &name, NULL, "X", ""),
		FLAG_BOOL("b", &on, NULL, ""), FLAG_INT("i", &number, NULL, "N", ""),
		FLAG_DOUBLE("d", &ratio, NULL, "N", ""), FLAG_DURATION("t", &time, NULL, ""),
		FLAG_LIST("l", &list, NULL, "L", ""), FLAG_MAP("m", &map, NULL, ""), FLAG_END};
	struct buf out = BUF_INIT(MIB);

	for (const struct flag *f = flags; f->name; f++) {
		flags_print_value(f, &out);
		buf_add_char(&out, ' ');
	}
	EXPECT_STR(buf_str(&out), "x true -5 0.5 1m30s a,b k=1,l= ");
	buf_done(&out);
}

static void expect_nearest(const char *word, const char *wanted)
{
	static const char *const names[] = {
		"kubelet", "kubectl", "proxy", "apiserver", "version", "dns", ""};
	const char *found = flags_nearest(str_from(word), names, ARRAY_LEN(names));

	test_context("%s", word);
	EXPECT_TEXT(found ? found : "(none)", wanted);
	test_context_end();
}

TEST(the_nearest_name_is_found_when_one_is_near)
{
	expect_nearest("kubelt", "kubelet");
	expect_nearest("kubeclt", "kubectl");
	expect_nearest("proxi", "proxy");
	expect_nearest("vesrion", "version");
	expect_nearest("VERSION", "version");
	expect_nearest("api-server", "apiserver");
	expect_nearest("dsn", "dns");
	expect_nearest("proxy", "proxy");
	expect_nearest("scheduler", "(none)");
	expect_nearest("x", "(none)");
	expect_nearest("", "(none)");
	expect_nearest(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"(none)");
	EXPECT(flags_nearest(STR("x"), NULL, 0) == NULL);
}
