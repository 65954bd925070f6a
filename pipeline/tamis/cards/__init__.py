"""The data card of a release, and the proof that it is true: views of the manifest and the ledger."""
