"""Runs each example shop against a running server, with a customer who verifies and a reviewer who decides.

usage: tests/with_server.sh <identivia binary> python3 tests/examples.py <identivia binary>
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ["IDENTIVIA_URL"]
TOKEN = os.environ["IDENTIVIA_TOKEN"]
WAIT_SECONDS = 60
SHOPS = {
    "shop-python": [sys.executable, "shop.py"],
    "shop-typescript": ["node", "dist/shop.js"],
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def ask(method, url, body=None, headers=None):
    """Status, headers and text of an answer."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def wait_for(what, find):
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"there is no {what}")


class Program:
    """A child process and the lines that it prints."""

    def __init__(self, arguments, folder, environment):
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", **environment}
        self.child = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(self.child.stdout), daemon=True).start()

    def wait_for_line(self, part):
        return wait_for(f"line with {part!r}", lambda: any(part in line for line in list(self.lines)))

    def stop(self):
        self.child.terminate()
        self.child.wait()


def verify_as_customer_and_reviewer(profile):
    """Makes a verification record with the specimen passport and accepts it. Here a machine token does both."""
    authorization = {"Authorization": f"Bearer {TOKEN}"}
    made = subprocess.run(
        ["curl", "-sf", "--noproxy", "*", f"{SERVER}/api/verification_history/{profile}", "-H", f"Authorization: Bearer {TOKEN}",
         "-F", "liveness_session_id=session-1", "-F", "liveness_confidence=95", "-F", "liveness_status=live",
         "-F", "document_type=passport", "-F", "name=Jane Marie Specimen", "-F", "date_of_birth=1990-01-15",
         "-F", "document_number=A12345678", "-F", f"document_front=@{ROOT}/tests/data/passport.jpg",
         "-F", f"facial_photo=@{ROOT}/tests/data/portrait.jpg"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    record = json.loads(made.stdout)["data"]["id"]
    decision = json.dumps({"verification_status": "verified", "verification": record}).encode()
    headers = {"Content-Type": "application/json", **authorization}
    status, _, text = ask("PATCH", f"{SERVER}/api/profiles/{profile}", decision, headers)
    assert status == 200, text


def post_webhook(shop, secret, event, age=0):
    """Posts an event that is signed with this secret, as if it were that old."""
    body, timestamp = json.dumps(event).encode(), str(int(time.time()) - age)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"evt_test.{timestamp}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "evt_test",
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    return ask("POST", f"{shop}/hook", body, headers)[0]


def draw_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_shop(identivia, name, command):
    secret, port = draw_secret(), free_port()
    shop_url = f"http://127.0.0.1:{port}"
    environment = {
        "IDENTIVIA_URL": SERVER,
        "IDENTIVIA_CLIENT_ID": os.environ["IDENTIVIA_CLIENT_ID"],
        "IDENTIVIA_CLIENT_SECRET": os.environ["IDENTIVIA_CLIENT_SECRET"],
        "IDENTIVIA_WEBHOOK_SECRET": secret,
    }
    programs = [Program(command, ROOT / "examples" / name, {**environment, "PORT": str(port)})]
    try:
        programs[0].wait_for_line("The shop is at")
        forward = [identivia, "events", "forward", "--server", SERVER, "--to", f"{shop_url}/hook"]
        programs.append(Program(forward, os.environ["IDENTIVIA_DATA"], environment))
        programs[1].wait_for_line("Connected")
        walk_through_shop(shop_url, secret, f"{name} <anna> 🪪")
    except BaseException:
        print(f"{name} failed. It and `events forward` said:", *programs[0].lines, *programs[-1].lines, sep="\n")
        raise
    finally:
        for program in programs:
            program.stop()
    print(f"{name}: ok")


def walk_through_shop(shop, secret, user):
    status, headers, _ = ask("POST", f"{shop}/verify", urllib.parse.urlencode({"user": user}).encode())
    assert status == 303, status
    link = urllib.parse.urlparse(headers["Location"])
    assert "token=" in link.query, "the customer gets a link"
    profile = link.path.strip("/").rsplit("/", 1)[-1]

    def customer():
        return json.loads(ask("GET", f"{shop}/customers/{urllib.parse.quote(user)}")[2])

    assert customer()["status"] == "unverified"
    verify_as_customer_and_reviewer(profile)
    wait_for("verified customer", lambda: customer()["status"] == "verified")
    assert customer()["name"] == "Jane Marie Specimen", customer()
    page = ask("GET", f"{shop}/")[2]
    assert "<anna>" not in page and "verified" in page, page

    # What is not signed, signed by others, or old, is refused; what is older than the newest event is not acted upon.
    event = {"type": "profile.status_changed", "data": {"id": profile, "user_id": user, "version": 1}}
    assert ask("POST", f"{shop}/hook", json.dumps(event).encode())[0] == 401
    assert post_webhook(shop, draw_secret(), event) == 401
    assert post_webhook(shop, secret, event, age=400) == 401
    assert post_webhook(shop, secret, event, age=-400) == 401
    # Later events of the profile may arrive meanwhile.
    version = customer()["version"]
    assert version > 1 and post_webhook(shop, secret, event) == 204 and customer()["version"] >= version
    # A record that cannot be read is an error, so that the webhook is sent again.
    event["data"].update(id="a" * 15, version=1_000)
    assert post_webhook(shop, secret, event) == 500 and customer()["version"] < 1_000


def main():
    identivia = str(Path(sys.argv[1]).resolve())
    for name, command in SHOPS.items():
        check_shop(identivia, name, command)


if __name__ == "__main__":
    main()
