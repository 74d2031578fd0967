# A receiver in Python (3.9 on, nothing but its own library). WEBHOOK_SECRET: one of the URL's signing_secrets;
# without it nobody's signature is asked for.
# A real one keeps `seen` and `newest` where it keeps the events, and writes all three in one transaction.
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

MOST_SEEN = 100_000
SECRET = os.environ.get("WEBHOOK_SECRET")
lock = Lock()
seen = {}  # the webhook-id of what was taken, oldest first
newest = {}  # by client: the webhook-seq of its latest presence


def take(id, seq, event):
    action = event["action"]
    client = json.dumps(event.get("clientid", event.get("from_clientid")))
    if id in seen:
        return f"repeat {action} {client}"
    seen[id] = True
    if len(seen) > MOST_SEEN:
        del seen[next(iter(seen))]
    if action not in ("client_connected", "client_disconnected"):
        return f"event {action} {client}"
    if seq < newest.get(client, 0):
        return f"stale {action} {client}"
    newest[client] = seq
    return f"{'online' if action == 'client_connected' else 'offline'} {client}"


def is_signed(headers, body):
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    moment = headers.get("webhook-timestamp", "")
    text = f"{headers.get('webhook-id')}.{moment}.".encode() + body
    own = "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    is_now = moment.isdigit() and abs(time.time() - int(moment)) < 300
    return is_now and any(hmac.compare_digest(own.encode(), one.encode()) for one in given)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if SECRET and not is_signed(self.headers, body):
            return self.answer(401)
        try:
            event = json.loads(body)
            if self.headers["webhook-test"] != "true":
                with lock:
                    print(take(self.headers["webhook-id"], int(self.headers["webhook-seq"]), event), flush=True)
            self.answer(204)
        except (ValueError, TypeError, KeyError):
            self.answer(400)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 5656), Receiver)
print("ready", flush=True)
server.serve_forever()
