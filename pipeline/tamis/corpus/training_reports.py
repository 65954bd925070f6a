"""What the report beside a model file says of the texts that it was trained on, where Tamis made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

REPORT = "report.json"
_MOST_BYTES = 100_000_000


def drawn_by(model: Path, sha256: str) -> str:
    """The digest of the examples that the model of that hash learned from; empty where no report tells of it."""
    report = model.parent / REPORT
    try:
        if not model.is_file() or report.stat().st_size > _MOST_BYTES:
            return ""
        told = orjson.loads(report.read_bytes())
        return _of_tokenizer(told, sha256) or _of_classifier(told, sha256)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""  # a file of that name by others


def _of_tokenizer(told: dict[str, Any], sha256: str) -> str:
    own: dict[str, Any] = next(iter(told.get("tokenizers", ())), {})
    return str(told["draw"]["training"]["digest"]) if own.get("sha256") == sha256 else ""


def _of_classifier(told: dict[str, Any], sha256: str) -> str:
    files = (told.get(name) or {} for name in ("model", "quantized"))
    return str(told["examples_hash"]) if any(file.get("sha256") == sha256 for file in files) else ""


def stated(sha256: str, drawn: str) -> str:
    """What a release's identity has of a model: what its card tells of it."""
    return f"{sha256} of {drawn}" if drawn else sha256
