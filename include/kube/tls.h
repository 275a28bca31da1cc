/*
 * TLS streams on the loop: stream.h's interface over another stream. Handshakes that do
 * public-key work run on WORK_CRYPTO; resumed ones on the loop, unless very many come at once.
 * Large writes are encrypted on a worker too, slice by slice, beside reads.
 *
 * The end of what is read (n = 0) is close_notify, or, as in Go, the end of the stream below
 * between two records; inside a record that is ERR_CLOSED. stream_finish sends close_notify and
 * finishes the stream below; stream_close tries close_notify and does not wait for it. An idle
 * stream holds mbedTLS's record buffers (some 37 KiB of heap in all) and none of its own.
 */
#ifndef KUBE_TLS_H
#define KUBE_TLS_H

#include <kube/env.h>
#include <kube/tls_engine.h>

/*
 * Take the stream below in any case: on failure it is closed after an alert was tried. *tls is
 * set on success only and belongs to the scope.
 */
void tls_accept(struct env *env, struct op *op, struct scope *scope, struct stream *below,
	struct tls_config *config, struct stream **tls);
void tls_connect(struct env *env, struct op *op, struct scope *scope, struct stream *below,
	struct tls_config *config, struct str host, const struct tls_session *resume,
	struct stream **tls);

bool stream_is_tls(const struct stream *s);
/* Views that live as long as the stream. */
void tls_stream_info(const struct stream *tls, struct tls_info *info);
struct tls_session *tls_stream_take_session(struct stream *tls);

#endif
