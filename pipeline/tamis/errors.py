"""Everything Tamis raises on purpose.

    TamisError
    +-- UserError                a mistake in what was asked; printed without traceback, exit code 2
    |   +-- RecipeError          a recipe is wrong; carries file and line
    |   +-- OptionError          a command-line option is wrong
    |   +-- InputError           a source, model or path can't be found or read
    +-- RunError                 the work failed; exit code 1
    |   +-- TaskFailed           shards that failed after their retries
    |   +-- TooManyRejects       more unreadable input than --max-rejects allows
    |   +-- StoreError           a record in the work folder or release doesn't match its file
    |   +-- Locked               another run holds the work folder
    |   +-- PublishError         the Hub can't be reached, refuses, or stored something else
    +-- VerifyError              a release doesn't match its manifest; exit code 3

An error says where, what it got, what is allowed, and what to do. Raise the specific one; catch only
to add context.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TamisError(Exception):
    """Base of everything Tamis raises on purpose."""

    exit_code = 1


class UserError(TamisError):
    """A mistake in what was asked."""

    exit_code = 2


class RecipeError(UserError):
    """A recipe is wrong. The message starts with `file:line:`."""


class OptionError(UserError):
    """A command-line option is wrong."""


class InputError(UserError):
    """A source, model or path can't be found or read."""


class RunError(TamisError):
    """The work failed."""


class TaskFailed(RunError):
    """Shards that failed after their retries; the others are done and kept."""


class TooManyRejects(RunError):
    """More unreadable input than `--max-rejects` allows."""


class StoreError(RunError):
    """A record in the work folder or in a release doesn't match its file."""


class Locked(RunError):
    """Another run holds the work folder."""


class PublishError(RunError):
    """The Hub can't be reached, refuses, or stored something else than was sent."""


class VerifyError(TamisError):
    """A release doesn't match its manifest."""

    exit_code = 3


def did_you_mean(got: str, allowed: Iterable[str]) -> str:
    """The tail of an error about a name: a near match if there is one, and what is allowed."""
    names = sorted(allowed)
    near = difflib.get_close_matches(got, names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    return f"{hint} (allowed: {shown})"
