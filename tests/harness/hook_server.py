"""Webhooks on loopback, over TLS, for tests in shell (hook.sh).

A script is called as SCRIPT CERT KEY DIR; it has a class of Hook whose do_POST answers, and ends with
serve(THAT CLASS), which prints the port and goes on until it is killed.
"""
import http.server
import json
import os
import ssl
import sys

directory = sys.argv[3]


def note(name, text):
    """A line more for DIR/name."""
    with open(os.path.join(directory, name), "a", encoding="utf-8") as f:
        f.write(text + "\n")


def mood():
    """What the test wants of the server, which may change while it runs: DIR/mood."""
    with open(os.path.join(directory, "mood"), encoding="utf-8") as f:
        return f.read().strip()


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, code, body=b"", kind="application/json"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Whoever gives up is no news; what goes wrong in a hook is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(hook):
    server = Server(("127.0.0.1", 0), hook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()
