#!/usr/bin/python3
"""A gRPC server that says how it is: grpc_health.py ADDRESS DIRECTORY.

The service NAME (the server itself: "whole") is as DIRECTORY/NAME says: SERVING or NOT_SERVING; one
without a file is not known. Every question is printed."""
import concurrent.futures
import os
import sys

import grpc

WORDS = {"SERVING": b"\x08\x01", "NOT_SERVING": b"\x08\x02"}


def check(request, context):
    name = request[2:].decode() if request else "whole"
    print("asked", name, flush=True)
    path = os.path.join(sys.argv[2], name)
    if not os.path.exists(path):
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    with open(path, encoding="utf-8") as f:
        return WORDS[f.read().strip()]


class Health(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(check)
        return None


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Health(),))
assert server.add_insecure_port(sys.argv[1])
server.start()
print("ready", flush=True)
server.wait_for_termination()
