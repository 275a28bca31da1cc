#include <kube/list.h>

#include <test.h>

struct item {
	int number;
	struct link link;
};

static void expect_numbers(const struct list *l, const char *wanted)
{
	char text[32];
	size_t len = 0;
	list_each (k, l)
		text[len++] = (char)('0' + LIST_ENTRY(k, struct item, link)->number);
	EXPECT_STR(str_make(text, len), wanted);
	/* And backwards, over the other half of the links. */
	size_t back = 0;
	for (const struct link *k = list_last(l); k && k != &l->head; k = k->prev)
		back += LIST_ENTRY(k, const struct item, link)->number ==
			text[len - 1 - back] - '0';
	EXPECT_INT(back, len);
}

TEST(list_keeps_order_at_both_ends)
{
	struct list l = {0};
	struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
	EXPECT(list_empty(&l));
	EXPECT(!list_first(&l) && !list_last(&l) && !list_pop(&l));
	list_push(&l, &b.link);
	list_push(&l, &c.link);
	list_push_front(&l, &a.link);
	expect_numbers(&l, "123");
	EXPECT(list_first(&l) == &a.link);
	EXPECT(list_last(&l) == &c.link);
	EXPECT(list_pop(&l) == &a.link);
	EXPECT(!link_linked(&a.link));
	expect_numbers(&l, "23");
	list_push(&l, &a.link);
	expect_numbers(&l, "231");
}

TEST(list_elements_remove_themselves)
{
	struct list l;
	list_init(&l);
	struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
	for (int i = 0; i < 3; i++)
		list_push(&l, &items[i].link);
	EXPECT(link_linked(&items[1].link));
	link_remove(&items[1].link);
	link_remove(&items[1].link);
	EXPECT(!link_linked(&items[1].link));
	expect_numbers(&l, "13");
	link_remove(&items[0].link);
	link_remove(&items[2].link);
	EXPECT(list_empty(&l));
	list_push_front(&l, &items[1].link);
	expect_numbers(&l, "2");
}

TEST(list_each_safe_lets_elements_go)
{
	struct list l = {0};
	struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
	for (int i = 0; i < 4; i++)
		list_push(&l, &items[i].link);
	list_each_safe (k, &l) {
		if (LIST_ENTRY(k, struct item, link)->number % 2 == 0)
			link_remove(k);
	}
	expect_numbers(&l, "13");
	list_each_safe (k, &l)
		link_remove(k);
	EXPECT(list_empty(&l));
	list_each_safe (k, &l)
		EXPECT(!k);
}

TEST(list_moves_all_elements_of_another)
{
	struct list from = {0}, to = {0};
	struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
	list_move_all(&to, &from);
	EXPECT(list_empty(&to));
	list_push(&from, &items[0].link);
	list_push(&from, &items[1].link);
	list_move_all(&to, &from);
	EXPECT(list_empty(&from));
	expect_numbers(&to, "12");
	list_push(&from, &items[2].link);
	list_push(&from, &items[3].link);
	list_move_all(&to, &from);
	expect_numbers(&to, "1234");
	link_remove(&items[2].link);
	expect_numbers(&to, "124");
	list_push(&from, &items[2].link);
	expect_numbers(&from, "3");
}
