/*
 * TLS streams on the loop: stream.h's interface over another stream. Handshakes that do
 * public-key work run on WORK_CRYPTO; resumed ones on the loop. Large writes are encrypted on
 * a worker too.
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
