"""The provider `gcp` against our test server for Google Cloud KMS, and against a server between them that lies.

Every case runs through the Rust core (`core/examples/kms_probe.rs`) and through the Python package, whichever are built; `make test-kms` builds both.
"""
