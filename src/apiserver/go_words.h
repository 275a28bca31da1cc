/* Why a call failed, in the words of Go's clients: people have learnt to read those. */
#ifndef KUBE_APISERVER_GO_WORDS_H
#define KUBE_APISERVER_GO_WORDS_H

#include <kube/arena.h>
#include <kube/err.h>

/* Of an error of http_call_start, without the method and the URL that it begins with. */
struct str go_words(struct arena *a, const struct err *err);

#endif
