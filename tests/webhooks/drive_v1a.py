# Asks the `v1a` example of docs/webhook-signatures.md about each line of standard input, and prints accepted or refused.
import json
import sys

from example import verify_webhook

for line in sys.stdin:
    webhook = json.loads(line)
    print("accepted" if verify_webhook(webhook["key"], webhook["headers"], webhook["body"].encode()) else "refused")
