"""The pages: what people see of a ledger; server-rendered, read-only, without a script."""
