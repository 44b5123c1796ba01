"""Drives serve.py with the providers' own clients: what they take for the real thing, the tests may take for it too.

usage: check.py
"""

import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import check_aws  # noqa: F401
import check_faults  # noqa: F401
import check_fingerprint  # noqa: F401
import check_openai  # noqa: F401
import check_streaming  # noqa: F401
import harness


def passes(function):
    try:
        function()
    except Exception:
        traceback.print_exc()
        print(f"{function.__name__}: FAILED")
        return False
    print(f"{function.__name__}: ok")
    return True


def main():
    os.environ["NO_PROXY"] = "127.0.0.1"
    began = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("serve.py")), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        harness.use(server.stdout.readline().strip().removeprefix("Serving providers on "))
        listening = time.monotonic() - began
        harness.ask("GET", "/_/ready", timeout=60)
        loaded = time.monotonic() - began
        print(f"It listened after {listening:.2f} s, and all models were loaded after {loaded:.2f} s.")
        results = [passes(function) for function in harness.checks]
    finally:
        server.kill()
        server.wait()
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
