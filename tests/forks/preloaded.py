"""A WSGI application that opens its vault when it is loaded: with gunicorn --preload that is once, before the workers are forked."""

import os

import libvault

vault = libvault.open(os.environ["LIBVAULT_CONFIG"])
# The vault is in use before the fork: its store, its cache, its connections to the KMS.
for organization in ("org_managed", "org_local", "org_kms"):
    vault.encrypt(b"x", {"organization_id": organization})


def application(environ, start_response):
    """Encrypts what it is sent for the organization in the path, and answers with the worker's process id and the envelope."""
    context = {"organization_id": environ["PATH_INFO"].strip("/")}
    data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    envelope = vault.encrypt(data, context)
    assert vault.decrypt(envelope, context) == data
    key = vault.create_data_key(context).key
    body = f"{os.getpid()} {envelope.hex()} {key.hex()}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
