"""Readers turn source files into record batches of documents, and count what they can't read."""
