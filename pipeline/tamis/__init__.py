"""Tamis turns raw text into a published training dataset for language models.

The contract in one sentence: a stage *measures* documents into columns; a `keep` rule decides on
columns; an edit rewrites text by spans; the ledger remembers every document; a release is what the
rules keep.
"""

__version__ = "0.1.0"
