"""Our own KMS endpoint that is broken on purpose: it holds no key, forwards nothing and protects nothing.

It speaks just enough of the KMS JSON protocol to be wrong in one chosen way at a time.
"""

import base64
import json
import os
import re
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

REQUEST_SECONDS = 45  # nothing here takes longer, whatever the client does
MAXIMUM_REQUEST_BYTES = 1 << 20
OTHER_KEY = "arn:aws:kms:eu-central-1:000000000000:key/ffffffff-ffff-4fff-8fff-ffffffffffff"


@dataclass(frozen=True)
class _Question:
    operation: str
    body: dict
    plaintext: bytes  # what an honest KMS would answer to Decrypt


class FaultyKms:
    """Use as a context manager. `fault` is a name in `FAULTS`; `operations` is what it was asked, in order.

    `plaintext` is what Decrypt answers where the fault lies elsewhere, so that nothing but the fault is wrong.
    """

    def __init__(self, fault: str, plaintext: bytes = bytes(64)):
        if fault not in FAULTS:
            raise ValueError(f"no fault is called {fault}")
        self.fault = fault
        self.operations: list[str] = []
        self._plaintext = plaintext
        self._connections: list[socket.socket] = []
        self._closing = threading.Event()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "FaultyKms":
        # A port that is bound and not listened on refuses connections and cannot be taken by anybody else meanwhile.
        if self.fault != "closed_port":
            self._listener.listen(64)
            threading.Thread(target=self._accept, name="faulty-kms", daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._closing.set()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(REQUEST_SECONDS)
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (question := self._read(connection)) is not None:
                self.operations.append(question.operation)
                FAULTS[self.fault](self, connection, question)
        except OSError:
            pass  # the client gave up, or the test is over
        finally:
            connection.close()

    def _read(self, connection: socket.socket) -> _Question | None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk or len(received) > MAXIMUM_REQUEST_BYTES:
                return None
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        while len(body) < min(int(length[1]) if length else 0, MAXIMUM_REQUEST_BYTES):
            chunk = connection.recv(65536)
            if not chunk:
                return None
            body += chunk
        operation = re.search(rb"(?i)x-amz-target: *TrentService\.(\w+)", head)
        return _Question(operation[1].decode() if operation else "?", json.loads(body or b"{}"), self._plaintext)

    def _wait_for_the_end(self) -> None:
        self._closing.wait(REQUEST_SECONDS)


Answer = Callable[[FaultyKms, socket.socket, _Question], None]


def _send(connection: socket.socket, status: str, body: bytes, headers: str = "", length: int | None = None) -> None:
    connection.sendall(
        f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-requestid: {uuid.uuid4()}\r\n"
        f"{headers}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body
    )


def _refuse(error: str, message: str = "refused on purpose", status: str = "400 Bad Request") -> Answer:
    """An AWS error answer, `{ARN}` in the message replaced by the key asked for."""

    def answer(_kms: FaultyKms, connection: socket.socket, question: _Question) -> None:
        text = message.replace("{ARN}", question.body.get("KeyId", ""))
        _send(connection, status, json.dumps({"__type": error, "message": text}).encode())

    return answer


def _succeed(**changes: object) -> Answer:
    """A right answer but for `changes`; a callable change is given the question."""

    def answer(_kms: FaultyKms, connection: socket.socket, question: _Question) -> None:
        right = {"KeyId": question.body.get("KeyId"), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        if question.operation == "Encrypt":
            right["CiphertextBlob"] = _base64(os.urandom(152))
        else:
            right["Plaintext"] = _base64(question.plaintext)
        for field, change in changes.items():
            if field in right:
                right[field] = change(question) if callable(change) else change
        _send(connection, "200 OK", json.dumps(right).encode())

    return answer


def _body(content: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> Answer:
    def answer(_kms: FaultyKms, connection: socket.socket, _question: _Question) -> None:
        _send(connection, status, content, headers, length)
        if length is not None:
            raise ConnectionAbortedError("the rest of the body never comes")

    return answer


def _never_answer(kms: FaultyKms, _connection: socket.socket, _question: _Question) -> None:
    kms._wait_for_the_end()


def _trickle(kms: FaultyKms, connection: socket.socket, _question: _Question) -> None:
    """A byte at a time for ever: every read succeeds, so only a deadline over the whole answer ends it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 1000000\r\n\r\n")
    deadline = time.monotonic() + REQUEST_SECONDS
    while time.monotonic() < deadline and not kms._closing.wait(0.05):
        connection.sendall(b" ")


def _endless(kms: FaultyKms, connection: socket.socket, _question: _Question) -> None:
    """As fast as the client reads: it must stop reading at its limit."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    deadline = time.monotonic() + REQUEST_SECONDS
    while time.monotonic() < deadline and not kms._closing.is_set():
        connection.sendall(chunk)


def _reset(_kms: FaultyKms, connection: socket.socket, _question: _Question) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 300\r\n\r\n{\"Key")
    # Lingering for zero seconds makes close() send RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError("reset on purpose")


def _speak_another_protocol(_kms: FaultyKms, connection: socket.socket, _question: _Question) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    raise ConnectionAbortedError("nothing more comes")


def _flip_bit(question: _Question) -> str:
    return _base64(bytes([question.plaintext[0] ^ 1]) + question.plaintext[1:])


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


FAULTS: dict[str, Answer] = {
    "closed_port": _never_answer,
    "never_answers": _never_answer,
    "trickles": _trickle,
    "resets": _reset,
    "endless_body": _endless,
    "garbage": _body(bytes(range(256)) * 2),
    "not_http": _speak_another_protocol,
    "empty_body": _body(b""),
    "truncated_body": _body(b'{"KeyId":"arn:aws:', length=300),
    "wrong_shape": _body(b'{"KeyId":["a"],"CiphertextBlob":{"b":1},"Plaintext":7}'),
    "missing_fields": _body(b"{}"),
    "redirects": _body(b"", "302 Found", "Location: http://127.0.0.1:9/elsewhere\r\n"),
    "internal_error": _body(b"Internal Server Error", "500 Internal Server Error"),
    "service_unavailable": _body(b"", "503 Service Unavailable"),
    "names_another_key": _succeed(KeyId=OTHER_KEY),
    "wrong_plaintext": _succeed(Plaintext=_flip_bit),
    "short_plaintext": _succeed(Plaintext=lambda question: _base64(question.plaintext[:63])),
    "empty_ciphertext": _succeed(CiphertextBlob=""),
    "oversized_ciphertext": _succeed(CiphertextBlob=lambda _: _base64(os.urandom(1025))),
    "largest_ciphertext": _succeed(CiphertextBlob=lambda _: _base64(os.urandom(1024))),
    "throttled": _refuse("ThrottlingException", "Rate exceeded"),
    "access_denied": _refuse("AccessDeniedException"),
    "unknown_credentials": _refuse("UnrecognizedClientException"),
    "invalid_signature": _refuse("InvalidSignatureException"),
    "expired_token": _refuse("ExpiredTokenException"),
    "disabled": _refuse("DisabledException", "{ARN} is disabled."),
    "disabled_pending_deletion": _refuse("DisabledException", "{ARN} is pending deletion."),
    "pending_deletion": _refuse("KMSInvalidStateException", "{ARN} is pending deletion."),
    "pending_replica_deletion": _refuse("KMSInvalidStateException", "{ARN} is pending replica deletion."),
    "pending_import": _refuse("KMSInvalidStateException", "{ARN} is pending import."),
    "key_store_disconnected": _refuse("KMSInvalidStateException", "{ARN} is unavailable."),
    "replica_creating": _refuse("KMSInvalidStateException", "{ARN} is creating."),
    "not_found": _refuse("NotFoundException", "Key '{ARN}' does not exist"),
    "invalid_ciphertext": _refuse("InvalidCiphertextException", ""),
    "incorrect_key": _refuse("IncorrectKeyException"),
    "key_unavailable": _refuse("KeyUnavailableException", status="500 Internal Server Error"),
    "dependency_timeout": _refuse("DependencyTimeoutException", status="503 Service Unavailable"),
    "unheard_of_error": _refuse("BrandNewException"),
    "unheard_of_refusal": _refuse("BrandNewException", status="403 Forbidden"),
}
