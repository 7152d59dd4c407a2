"""A KMS that does what it is asked, and whose requests a test can hold back: it shows what a program does while its KMS is slow.

It speaks the KMS JSON protocol for Encrypt and Decrypt. A ciphertext is a number under which the plaintext is kept.
"""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .counting_proxy import POLL_SECONDS

HOLD_SECONDS = 60


class HonestKms:
    """Use as a context manager. `plaintexts` is everything it was given to encrypt."""

    def __init__(self):
        self.plaintexts: list[bytes] = []
        self._contexts: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._held = threading.Semaphore(0)
        handler = type("Handler", (_Handler,), {"kms": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self) -> None:
        """Requests that come from now on are not answered before `release`."""
        self._open.clear()

    def wait_for_held(self) -> None:
        """Returns once a request is being held."""
        assert self._held.acquire(timeout=HOLD_SECONDS), "no request came"

    def answer_new(self) -> threading.Event:
        """Requests that come from now on are answered; those that are held stay held until the event is set."""
        held, self._open = self._open, threading.Event()
        self._open.set()
        return held

    def release(self) -> None:
        self._open.set()

    def __enter__(self) -> "HonestKms":
        threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="honest-kms", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()

    def pass_gate(self) -> None:
        gate = self._open
        if not gate.is_set():
            self._held.release()
            gate.wait(HOLD_SECONDS)

    def encrypt(self, question: dict) -> dict:
        with self._lock:
            self.plaintexts.append(base64.b64decode(question["Plaintext"]))
            self._contexts.append(question.get("EncryptionContext", {}))
            number = len(self.plaintexts) - 1
        return {"KeyId": question["KeyId"], "CiphertextBlob": base64.b64encode(b"number %d" % number).decode()}

    def decrypt(self, question: dict) -> dict | None:
        number = int(base64.b64decode(question["CiphertextBlob"]).removeprefix(b"number "))
        if self._contexts[number] != question.get("EncryptionContext", {}):
            return None
        return {"KeyId": question["KeyId"], "Plaintext": base64.b64encode(self.plaintexts[number]).decode()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    kms: HonestKms

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.kms.pass_gate()
        operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
        answer = {"Encrypt": self.kms.encrypt, "Decrypt": self.kms.decrypt}[operation](question)
        status, body = (200, answer) if answer else (400, {"__type": "InvalidCiphertextException"})
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments) -> None:
        pass
