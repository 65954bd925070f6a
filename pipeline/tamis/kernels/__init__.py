"""Compiled loops over Arrow text buffers: UTF-8 bytes in, numbers out, no Python object per document."""
