"""What the ledger means today: tables computed from it, rebuildable, never the truth."""
