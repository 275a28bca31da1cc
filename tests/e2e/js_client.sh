#!/bin/bash
# @kubernetes/client-node, which packaging/setup --tests puts into build/clients, against the server.
here=$(dirname "$0")
. "$here/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
node "$here/js_client.mjs" "$here/../../build/clients" "$kubeconfig"
status=$?
end_apiserver || status=1
exit $status
