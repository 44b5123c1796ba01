"""An SMTP server for tests: keeps each accepted message as one JSON line.

usage: smtp_server.py --port PORT --certificate FILE --key FILE --messages FILE

It offers STARTTLS, and sign-in only behind it. Addresses that begin with "refused" get 550, those that begin with "later" get 451.
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl

from aiosmtpd.handlers import AsyncMessage
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = b"identivia", b"smtp-user-secret"


class KeepMessages(AsyncMessage):
    """Parses what was accepted as an e-mail program does, and writes it down."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("refused"):
            return "550 5.1.1 No such address"
        if address.startswith("later"):
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def prepare_message(self, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.identivia = {
            "encrypted": session.ssl is not None,
            "signed_in": bool(session.authenticated),
            "to": envelope.rcpt_tos,
        }
        return message

    async def handle_message(self, message):
        kept = dict(message.identivia)
        kept["headers"] = {name.lower(): str(value) for name, value in message.items()}
        kept["text"] = message.get_content()
        with open(self.path, "a", encoding="utf-8") as messages:
            messages.write(json.dumps(kept) + "\n")


def authenticate(_server, _session, _envelope, _mechanism, login):
    is_known = isinstance(login, LoginPassword) and (login.login, login.password) == (USER, PASSWORD)
    return AuthResult(success=is_known, handled=is_known)


async def serve(arguments):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments.certificate, arguments.key)

    def protocol():
        return SMTP(KeepMessages(arguments.messages), tls_context=tls, authenticator=authenticate, loop=loop)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", arguments.port)
    print(f"Serving SMTP on {arguments.port}", flush=True)
    async with server:
        await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
for name in ("--certificate", "--key", "--messages"):
    parser.add_argument(name, required=True)
asyncio.run(serve(parser.parse_args()))
