/* What the halves of WebSocket share. */
#ifndef KUBE_NET_WEBSOCKET_FRAME_H
#define KUBE_NET_WEBSOCKET_FRAME_H

#include <kube/websocket.h>

#define WEBSOCKET_CONTROL_MAX 125 /* bytes in a control frame */

#endif
