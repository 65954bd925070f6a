"""Tokenizers: loading, encoding, training; token columns and what ends a document."""
