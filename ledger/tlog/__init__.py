"""The transparency log: bytes in, proofs out; it knows nothing of cases, and does no I/O."""
