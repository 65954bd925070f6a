"""Token files as trainers read them, one module a format; `contract` says what a format is."""

from tamis.tokens.formats import ds, mds, megatron, npy
from tamis.tokens.formats.contract import Format

FORMATS: dict[str, Format] = {one.FORMAT.name: one.FORMAT for one in (megatron, ds, npy, mds)}
"""Every format, by its name in recipes."""
