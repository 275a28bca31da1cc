/* The authorizer: questions are put together word by word, the caller answers them. */
#include "functions.h"

#include <kube/names.h>

struct question {
	const struct cel_authorizer *authorizer;
	struct cel_check check;
};

struct cel_value cel_authorizer(const struct cel_authorizer *authorizer)
{
	return value_opaque(&cel_authorizer_type, authorizer);
}

struct cel_value cel_resource_check(
	struct arena *a, const struct cel_authorizer *authorizer, const struct cel_check *check)
{
	struct question q = {.authorizer = authorizer, .check = *check};

	q.check.is_resource = true;
	return value_opaque(&cel_resource_check_type, arena_copy(a, &q, sizeof(q)));
}

/* authorizer.serviceAccount() gives one that carries who is asked for; ctx tells them apart. */
struct account {
	struct cel_authorizer authorizer; /* first: is one */
	const struct cel_authorizer *of;
	struct str namespace, name;
};

static void check_account(
	void *ctx, struct arena *a, const struct cel_check *check, struct cel_decision *decision)
{
	const struct account *account = ctx;
	struct cel_check asked = *check;

	asked.account_namespace = account->namespace;
	asked.account = account->name;
	account->of->check(account->of->ctx, a, &asked, decision);
}

static bool is_blank(struct str s)
{
	return str_trim(s).len == 0;
}

struct cel_value run_path(struct call *c)
{
	struct question q = {0};

	if (!arg_is_opaque(c, 0, &cel_authorizer_type) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	if (is_blank(ARG_STR(c, 1)))
		return value_error_text("path must not be empty");
	q.authorizer = c->args[0].opaque;
	q.check.path = ARG_STR(c, 1);
	return value_opaque(&cel_path_check_type, arena_copy(c->arena, &q, sizeof(q)));
}

struct cel_value run_group(struct call *c)
{
	struct question q = {0};

	if (!arg_is_opaque(c, 0, &cel_authorizer_type) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	q.authorizer = c->args[0].opaque;
	q.check.is_resource = true;
	q.check.group = ARG_STR(c, 1);
	return value_opaque(&cel_group_check_type, arena_copy(c->arena, &q, sizeof(q)));
}

struct cel_value run_service_account(struct call *c)
{
	struct name_faults name = {0}, namespace = {0};
	struct account *account;

	if (!arg_is_opaque(c, 0, &cel_authorizer_type) || !arg_is(c, 1, CEL_STRING) ||
		!arg_is(c, 2, CEL_STRING))
		return value_no_overload();
	name_check_dns_subdomain(ARG_STR(c, 2), &name);
	if (name.count)
		return value_error_text("Invalid service account name");
	name_check_dns_label(ARG_STR(c, 1), &namespace);
	if (namespace.count)
		return value_error_text("Invalid service account namespace");
	account = arena_new(c->arena, sizeof(*account));
	account->authorizer = (struct cel_authorizer){.ctx = account, .check = check_account};
	account->of = c->args[0].opaque;
	account->namespace = ARG_STR(c, 1);
	account->name = ARG_STR(c, 2);
	return value_opaque(&cel_authorizer_type, &account->authorizer);
}

struct cel_value run_resource(struct call *c)
{
	struct question *q;

	if (!arg_is_opaque(c, 0, &cel_group_check_type) || !arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	if (is_blank(ARG_STR(c, 1)))
		return value_error_text("resource must not be empty");
	q = arena_copy(c->arena, c->args[0].opaque, sizeof(*q));
	q->check.resource = ARG_STR(c, 1);
	return value_opaque(&cel_resource_check_type, q);
}

/* A copy of the question with one word more. */
#define WORD(function, word)                                                                       \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		struct question *q;                                                                \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_resource_check_type) || !arg_is(c, 1, CEL_STRING))   \
			return value_no_overload();                                                \
		q = arena_copy(c->arena, c->args[0].opaque, sizeof(*q));                           \
		q->check.word = ARG_STR(c, 1);                                                     \
		return value_opaque(&cel_resource_check_type, q);                                  \
	}

WORD(run_subresource, subresource)
WORD(run_namespace, namespace)
WORD(run_name, name)
WORD(run_field_selector, field_selector)
WORD(run_label_selector, label_selector)

struct cel_value run_check(struct call *c)
{
	struct question q;
	struct cel_decision *decision;

	if ((!arg_is_opaque(c, 0, &cel_path_check_type) &&
		    !arg_is_opaque(c, 0, &cel_resource_check_type)) ||
		!arg_is(c, 1, CEL_STRING))
		return value_no_overload();
	q = *(const struct question *)c->args[0].opaque;
	q.check.verb = ARG_STR(c, 1);
	decision = arena_new(c->arena, sizeof(*decision));
	q.authorizer->check(q.authorizer->ctx, c->arena, &q.check, decision);
	return value_opaque(&cel_decision_type, decision);
}

#define ANSWER(function, answer)                                                                   \
	struct cel_value function(struct call *c)                                                  \
	{                                                                                          \
		const struct cel_decision *d;                                                      \
                                                                                                   \
		if (!arg_is_opaque(c, 0, &cel_decision_type))                                      \
			return value_no_overload();                                                \
		d = c->args[0].opaque;                                                             \
		return answer;                                                                     \
	}

ANSWER(run_errored, cel_truth(d->error.len))
ANSWER(run_error, cel_str(d->error))
ANSWER(run_allowed, cel_truth(d->allowed))
ANSWER(run_reason, cel_str(d->reason))
