#!/bin/sh
# kubectl of Debian 12 against the server: two hundred commands and what they print.
# packaging/setup --tests puts it there.
here=$(dirname "$0")
exec /usr/bin/python3 -B "$here/kubectl_session.py" "$1" "$here/../../build/clients/kubectl"
