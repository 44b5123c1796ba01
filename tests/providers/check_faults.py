"""Checks what all providers have in common: their faults, and that many ask at once."""

import concurrent.futures
import contextlib
import http.client
import json
import socket
import time
import urllib.parse

import harness
from harness import KNOWN_EVENT, ask, ask_provider, aws, calls, check, known_faults, new_key, problems, raises, refused
from harness import script

NEVER_ENDING = {"hang", "slow_body"}
CLOCKS = {"clock_skew", "clock_skew_forever"}


@check
def every_fault_can_be_had():
    for name, known in known_faults().items():
        assert len(known) >= 20
        for fault in set(known) - NEVER_ENDING - CLOCKS:
            key = new_key("sk-")
            script(key, name, fault, answer="scripted")
            with contextlib.suppress(ConnectionResetError, http.client.IncompleteRead):
                ask_provider(name, key)
            [call] = calls(key)
            assert call["fault"] == fault and not call["problems"], call
            assert ask_provider(name, key)[0] == 200, (name, fault)


@check
def connections_break():
    for name in known_faults():
        key = new_key("sk-")
        script(key, name, "reset", "reset_mid_body")
        for _ in range(2):
            with raises(ConnectionResetError):
                ask_provider(name, key)
    key = new_key("fp")
    script(key, "fingerprint", "hang", "slow_body")
    for _ in range(2):
        began = time.monotonic()
        with raises(TimeoutError):
            read_events_for(key, 1.5)
        assert time.monotonic() - began > 1.4


def read_events_for(key, seconds):
    """Reads for so long at most, however much comes meanwhile."""
    deadline = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(harness.base).port)) as connection:
        lines = f"GET /v4/events/{KNOWN_EVENT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
        connection.sendall(lines.encode())
        while True:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            assert connection.recv(65536), "it was answered"


@check
def bodies_are_spoiled():
    whole = {name: ask_provider(name, new_key("sk-"))[2] for name in known_faults()}
    for name, body in whole.items():
        key = new_key("sk-")
        xml = body.startswith(b"<")
        script(key, name, "huge", "huge_chunked", "truncated_json", "not_utf8", "wrong_types", "empty", "wrong_json")
        for _ in range(2):
            found = ask_provider(name, key)[2]
            assert len(found) > 10_000_000 and (xml or json.loads(found))
        assert abs(len(ask_provider(name, key)[2]) - len(body) // 2) < 10
        with raises(UnicodeDecodeError):
            ask_provider(name, key)[2].decode()
        found = ask_provider(name, key)[2]
        assert (b">7<" if xml else b": 7") in found
        assert ask_provider(name, key)[2] == b"" and json.loads(ask_provider(name, key)[2]) == ["unexpected", 7, None]


@check
def redirects_lead_into_a_trap():
    for name in known_faults():
        key, before = new_key("sk-"), json.loads(ask("GET", "/_/trap")[2])
        script(key, name, "redirect", "redirect_307")
        status, headers, _ = ask_provider(name, key)
        assert status == 302 and headers["Location"].startswith("http://169.254.169.254/")
        status, headers, _ = ask_provider(name, key)
        assert status == 307 and headers["Location"].startswith(f"{harness.base}/_/trap")
        ask("GET", headers["Location"].removeprefix(harness.base))
        assert json.loads(ask("GET", "/_/trap")[2]) == before + 1 and calls(key)[-1]["provider"] == "trap"


@check
def paths_are_known():
    key = new_key("sk-")
    for path in ("/v1/completions", "/v3/events/1", "/v4/visitors/1", "/openai/v2/models"):
        assert ask("GET", path, headers={"Authorization": f"Bearer {key}"})[0] == 404
        assert path in problems(key)


@check
def eight_ask_at_once():
    def one(number):
        key = new_key()
        clients = [aws("rekognition", key) for _ in range(4)]
        script(key, "rekognition", "throttled")
        with refused("ThrottlingException"):
            clients[0].create_face_liveness_session()
        return len({client.create_face_liveness_session(ClientRequestToken="t")["SessionId"] for client in clients})

    hanging = new_key("fp")
    script(hanging, "fingerprint", then="hang")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(ask_provider, "fingerprint", hanging, 3) for _ in range(8)]
        assert list(pool.map(one, range(8))) == [1] * 8
        assert not any(each.done() for each in waiting), "they took too long"
        for each in waiting:
            with raises(TimeoutError):
                each.result()
    key = new_key()
    client = aws("rekognition", key)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        same = pool.map(lambda _: client.create_face_liveness_session(ClientRequestToken="t")["SessionId"], range(8))
        assert len(set(same)) == 1 and len(calls(key)) == 8
