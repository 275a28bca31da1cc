/*
 * Expressions in the configuration of who asks and who may: CEL over one variable (the claims of a
 * token, a user, an access review), as these files need it.
 */
#ifndef KUBE_APISERVER_EXPRESSION_H
#define KUBE_APISERVER_EXPRESSION_H

#include <kube/arena.h>
#include <kube/json.h>

enum expression_about {
	ABOUT_CLAIMS,  /* `claims`: a map from text to anything */
	ABOUT_USER,    /* `user`: username, uid, groups, extra */
	ABOUT_REQUEST, /* `request`: the spec of a SubjectAccessReview */
	EXPRESSION_ABOUTS
};

/* All of one configuration; they end with it. */
struct expressions;
struct expressions *expressions_new(void);
void expressions_free(struct expressions *e); /* NULL is fine */

struct expression;
/* NULL: *why, in the arena, says what is wrong with it, in upstream's words. */
const struct expression *expression_compile(struct expressions *e, enum expression_about about,
	struct str text, bool wants_bool, struct arena *a, struct str *why);

enum expression_result {
	RESULT_ERROR, /* text says why */
	RESULT_NULL,
	RESULT_BOOL,
	RESULT_TEXT,
	RESULT_TEXTS, /* a list of nothing but texts */
	RESULT_OTHER
};
struct expression_value {
	enum expression_result kind;
	bool b;
	struct str text;
	struct str *texts;
	size_t count;
};
/* What it says lives in the arena, or in the tree. */
void expression_evaluate(const struct expression *e, struct arena *a, const struct cJSON *variable,
	struct expression_value *v);

#endif
