#!/bin/bash
# python3-kubernetes of Debian 12, against the server.
here=$(dirname "$0")
. "$here/../harness/apiserver.sh"
start_apiserver "$1" || exit 1
/usr/bin/python3 -B "$here/python_client.py" "$kubeconfig"
status=$?
end_apiserver || status=1
exit $status
