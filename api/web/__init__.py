"""The pages: what people see of a ledger; server-rendered, whole without a script."""
