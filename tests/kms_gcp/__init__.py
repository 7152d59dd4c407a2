"""The provider `gcp` against our test server for Google Cloud KMS, and against somebody between them who lies.

Every case runs through the Rust core (`core/examples/kms_probe.rs`); what a binding makes of refusals is in the suite (`providers/`).
"""
