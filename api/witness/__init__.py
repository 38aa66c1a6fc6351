"""A witness of logs: a small program of its own that supervision or inspection runs (C2SP)."""
