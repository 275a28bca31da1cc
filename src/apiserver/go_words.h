/* Why a call failed, in the words of Go's clients: people have learnt to read those. */
#ifndef KUBE_APISERVER_GO_WORDS_H
#define KUBE_APISERVER_GO_WORDS_H

#include <kube/arena.h>
#include <kube/err.h>

/* Of an error of http_call_start, without the method and the URL that it begins with. */
struct str go_words(struct arena *a, const struct err *err);

/* *err of a call that nobody answered: `Post "https://…": dial tcp 127.0.0.1:1: …`. */
void go_words_unanswered(struct arena *a, struct str url, struct err *err);
/* *err of an answer that began and did not end. */
void go_words_broken(struct arena *a, struct err *err);

#endif
