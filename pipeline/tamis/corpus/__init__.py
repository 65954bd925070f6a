"""The corpus on disk: documents, shards, signals, ledger, manifest; and the declarations they obey."""
