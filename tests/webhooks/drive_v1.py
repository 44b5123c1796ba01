# Asks the `v1` example of docs/webhook-signatures.md about each line of standard input, and prints accepted or refused.
import json
import sys

from example import read_webhook
from standardwebhooks import WebhookVerificationError

for line in sys.stdin:
    webhook = json.loads(line)
    try:
        read_webhook(webhook["key"], webhook["headers"], webhook["body"])
        print("accepted")
    except WebhookVerificationError:
        print("refused")
