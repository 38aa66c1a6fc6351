"""What the ledger means today: rebuildable, never the truth."""
