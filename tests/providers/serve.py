"""Stands in for the outside services of the tests, all on one port: Rekognition, its stream, STS, OpenAI, Fingerprint.

usage: serve.py --port N
"""

import argparse
import os
import select
import socket
import struct
import sys
import threading
import time
import traceback
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import control
from namespaces import Call, Namespaces
from wire import Answer, Request, json_answer

LONGEST_WAIT = 120
CHUNK = 64 * 1024
STREAM = "/start-face-liveness-session-websocket"


def provider_name(request):
    if request.path.startswith("/v4/"):
        return "fingerprint"
    if request.path.startswith(("/v1/", "/openai/")):
        return "openai"
    if request.method == "POST" and request.path == "/":
        return "rekognition" if "x-amz-target" in request.headers else "sts"
    return None


def answer(request, namespaces):
    """Returns the answer, and how far the clock of the one who answers is ahead."""
    if request.path.startswith("/_/") and not is_trapped(request):
        return control.answer(request, namespaces), 0
    name = provider_name(request)
    if name is None:
        return fallen_through(request, namespaces), 0
    provider = control.provider(name)
    call = Call(name, request, namespaces.of(provider.namespace_key(request)))
    try:
        found = provided(provider, call)
    except Exception as reason:
        # A mistake of this program, or of the test that has told it what to answer.
        traceback.print_exc()
        call.problems.append(f"the fake failed: {reason!r}")
        found = json_answer(500, {"error": repr(reason)})
    return found, call.namespace.clock_ahead


def provided(provider, call):
    try:
        provider.examine(call)
    finally:
        call.fault, call.scripted_answer = call.namespace.next_fault(call.provider, call.operation)
        with call.namespace.lock:
            call.namespace.calls.append(call)

    def truth():
        return call.refusal or provider.answer(call)

    return truth() if call.fault == "ok" else provider.FAULTS[call.fault](call, truth)


def is_trapped(request):
    """`GET /_/trap` by itself asks how many have followed the redirect, which has more to it."""
    return request.path == "/_/trap" and (request.method != "GET" or bool(request.query))


def fallen_through(request, namespaces):
    """Nobody should ask for these. Who follows a redirect may have lost the key, so that any test is to see it."""
    if is_trapped(request):
        name, seen_by = "trap", namespaces.all()
        control.hit_trap()
    else:
        name, seen_by = "unknown", [namespaces.of(request.headers.get("api-key") or request.bearer())]
    for space in seen_by:
        call = Call(name, request, space, problems=[f"there is no {request.method} {request.target}"])
        with space.lock:
            space.calls.append(call)
    return json_answer(404, {"error": "not found"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self):
        headers = {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers}
        if "transfer-encoding" in headers:
            self.close_connection = True
            self.send_whole(Answer(411), 0)
            return
        body = self.rfile.read(int(headers.get("content-length", 0)))
        request = Request(self.command, self.path, headers, body)
        if request.path == STREAM and headers.get("upgrade", "").lower() == "websocket":
            self.close_connection = True
            control.provider("streaming").serve(self.connection, request, self.server.namespaces)
            return
        found, ahead = answer(request, self.server.namespaces)
        getattr(self, f"send_{found.sending}")(found, ahead)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    def head(self, found, ahead, length):
        headers = {"Date": formatdate(time.time() + ahead, usegmt=True), **found.headers, **length}
        lines = [f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "\r\n"]).encode()

    def whole_head(self, found, ahead):
        return self.head(found, ahead, {"Content-Length": str(len(found.body))})

    def send_whole(self, found, ahead):
        self.wfile.write(self.whole_head(found, ahead) + found.body)

    def send_chunked(self, found, ahead):
        self.wfile.write(self.head(found, ahead, {"Transfer-Encoding": "chunked"}))
        for start in range(0, len(found.body), CHUNK):
            part = found.body[start : start + CHUNK]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def send_slow(self, found, ahead):
        self.close_connection = True
        self.wfile.write(self.whole_head(found, ahead))
        for index in range(min(len(found.body), LONGEST_WAIT)):
            self.wfile.write(found.body[index : index + 1])
            if self.is_left_within(1):
                return

    def send_hang(self, _found, _ahead):
        self.close_connection = True
        self.is_left_within(LONGEST_WAIT)

    def send_reset(self, _found, _ahead):
        self.reset()

    def send_reset_mid_body(self, found, ahead):
        self.wfile.write(self.whole_head(found, ahead) + found.body[: len(found.body) // 2])
        self.is_left_within(0.1)  # Otherwise the reset could overtake what was sent.
        self.reset()

    def is_left_within(self, seconds):
        return bool(select.select([self.connection], [], [], seconds)[0])

    def reset(self):
        """Closes so that the other side gets RST: the server itself would say goodbye first."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, *_arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.namespaces = Namespaces()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    server = Server(parser.parse_args().port)
    print(f"Serving providers on http://127.0.0.1:{server.server_port}", flush=True)
    # It listens already; who asks before a model is loaded waits for it.
    threading.Thread(target=control.load_all, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
