"""A small shop that has its customers verified by Identivia. It needs Python 3.9 and nothing else.

It creates a profile and sends the customer the link, receives webhooks and verifies their signatures, and reads the record.
"""

import base64
import hashlib
import hmac
import html
import json
import os
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

IDENTIVIA = os.environ.get("IDENTIVIA_URL", "http://127.0.0.1:8000")
CLIENT_ID = os.environ["IDENTIVIA_CLIENT_ID"]
CLIENT_SECRET = os.environ["IDENTIVIA_CLIENT_SECRET"]
WEBHOOK_SECRET = base64.b64decode(os.environ["IDENTIVIA_WEBHOOK_SECRET"].removeprefix("whsec_"))
MAX_BODY_BYTES = 100_000
MAX_AGE_SECONDS = 300

# A real shop has a database. name of the customer -> what the shop knows
customers = {}
customers_lock = Lock()


# --- Calls to Identivia ---


class Identivia:
    """Calls the API with a machine token, and asks for a new token before the old one ends."""

    def __init__(self):
        self.token, self.token_ends = "", 0.0

    def create_profile(self, user_id):
        """Creates a profile, or finds the one that this customer has. `url` in the answer is the customer's link."""
        return self.call("POST", "/api/profiles/create", {"userID": user_id})

    def read_profile(self, profile_id):
        return self.call("GET", f"/api/profiles/{profile_id}")["data"]

    def call(self, method, path, body=None):
        if time.monotonic() > self.token_ends:
            credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            answer = send_json("POST", "/api/auth/token", credentials, {})
            self.token, self.token_ends = answer["access_token"], time.monotonic() + answer["expires_in"] * 0.8
        return send_json(method, path, body, {"Authorization": f"Bearer {self.token}"})


def send_json(method, path, body, headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(IDENTIVIA + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


identivia = Identivia()


# --- Webhooks ---


def is_signed(headers, body):
    """Says whether Identivia has signed the webhook within the last 5 minutes."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS:
        return False
    content = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(WEBHOOK_SECRET, content, hashlib.sha256).digest())
    # While a secret is changed there are two signatures.
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(signature, expected) for signature in signatures)


def handle_event(event):
    """Brings a customer up to date. The same event may come twice, and an older one after a newer one."""
    user, version = event["data"]["user_id"], event["data"]["version"]
    with customers_lock:
        customer = customers.get(user)
        if customer is None or version <= customer["version"]:
            return
    # The event says that something has changed. What counts is the record, and it is read from Identivia itself.
    profile = identivia.read_profile(event["data"]["id"])
    with customers_lock:
        if version > customer["version"]:
            customer.update(version=version, status=profile["status"], name=profile.get("name"))


# --- The shop ---


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            return self.answer(200, render_page(), "text/html; charset=utf-8")
        user = urllib.parse.unquote(self.path.removeprefix("/customers/"))
        with customers_lock:
            customer = customers.get(user) if self.path.startswith("/customers/") else None
            found = json.dumps(customer)
        return self.answer(200 if customer else 404, found, "application/json")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            return self.answer(413)
        body = self.rfile.read(length)
        if self.path == "/verify":
            return self.start_verification(body.decode())
        if self.path == "/hook":
            return self.receive_webhook(body)
        return self.answer(404)

    def start_verification(self, form):
        user = urllib.parse.parse_qs(form).get("user", [""])[0]
        if not user:
            return self.answer(400, "Who are you?")
        profile = identivia.create_profile(user)
        with customers_lock:
            customers.setdefault(user, {"profile": profile["id"], "version": 0, "status": "unverified", "name": None})
        # A shop may also send the link by e-mail. Whoever has it can act as the customer: keep it out of logs.
        return self.answer(303, location=profile["url"])

    def receive_webhook(self, body):
        if not is_signed(self.headers, body):
            return self.answer(401)
        # An error answers 500, and Identivia sends the webhook again. Answer 2xx only for what is stored.
        handle_event(json.loads(body))
        return self.answer(204)

    def answer(self, status, text="", content_type="text/plain; charset=utf-8", location=None):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except Exception as error:  # The caller learns nothing of the cause.
            self.log_error("failed: %s", type(error).__name__)
            self.answer(500)
            self.close_connection = True


def render_page():
    with customers_lock:
        rows = "".join(
            f"<li>{html.escape(user)}: {html.escape(customer['status'])}</li>" for user, customer in customers.items()
        )
    return (
        "<!doctype html><title>Shop</title><h1>Shop</h1><form method=post action=/verify>"
        f"<input name=user placeholder='your name here' required> <button>Verify me</button></form><ul>{rows}</ul>"
    )


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "3000"))
    server = ThreadingHTTPServer(("127.0.0.1", port), Shop)
    print(f"The shop is at http://127.0.0.1:{port}", flush=True)
    server.serve_forever()
