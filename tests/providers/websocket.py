"""Speaks WebSocket, as a server, on a connection whose first request is read already."""

import contextlib
import time

from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

LONGEST_MESSAGE = 4 * 1024 * 1024


class Gone(Exception):
    """The client has closed; the code is its own."""

    def __init__(self, code):
        super().__init__(f"The client has closed with {code}.")
        self.code = code


class WebSocket:
    def __init__(self, connection, request, date):
        self.connection = connection
        self.protocol = ServerProtocol(max_size=LONGEST_MESSAGE)
        headers = [f"{name}: {text}" for name, text in request.headers.items()]
        head = "\r\n".join([f"{request.method} {request.target} HTTP/1.1", *headers, "", ""])
        self.protocol.receive_data(head.encode())
        [asked] = self.protocol.events_received()
        response = self.protocol.accept(asked)
        del response.headers["Date"]
        response.headers["Date"] = date
        self.protocol.send_response(response)
        self._flush()

    def messages(self, until):
        """Gives each message as bytes, text or not; ends with `Gone` or, when that time has come, TimeoutError."""
        parts = []
        while True:
            self.connection.settimeout(max(0.001, until - time.time()))
            data = self.connection.recv(65536)
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()
            for frame in self.protocol.events_received():
                if frame.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                    parts.append(bytes(frame.data))
                    if frame.fin:
                        yield b"".join(parts)
                        parts.clear()
            self._flush()
            if not data or self.protocol.state is not State.OPEN:
                said = self.protocol.close_rcvd
                raise Gone(said.code if said else 1006)

    def send(self, data):
        self.protocol.send_binary(data)
        self._flush()

    def close(self, code):
        """Says goodbye and waits a moment for the other side's: what it still sends would reset the connection."""
        with contextlib.suppress(OSError):
            if self.protocol.state is State.OPEN:
                self.protocol.send_close(code)
                self._flush()
            self.connection.settimeout(2)
            while self.protocol.state is not State.CLOSED and (data := self.connection.recv(65536)):
                self.protocol.receive_data(data)
                self._flush()

    def _flush(self):
        for data in self.protocol.data_to_send():
            if data:
                self.connection.sendall(data)
