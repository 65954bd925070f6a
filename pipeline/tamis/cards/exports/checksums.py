"""`SHA256SUMS`: checksums of all files of a release, for `sha256sum -c`.

It covers what the manifest lists but itself; the manifest lists it in turn, so the manifest's own checksum, in a tag
or a message, stands for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tamis.cards.view import View

NAME = "SHA256SUMS"


def render(view: View, rendered: Mapping[str, bytes]) -> bytes:
    """A line a file, by path: those of the run from the manifest, those of the card as they were `rendered`."""
    sums = {file.path: file.sha256 for file in view.manifest.files if file.path != NAME}
    sums |= {path: hashlib.sha256(content).hexdigest() for path, content in rendered.items()}
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items())).encode()
