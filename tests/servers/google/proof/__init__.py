"""Proof that Google's own clients work with the test server, and are refused where they should be."""
