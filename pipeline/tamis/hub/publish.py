"""Publishing: a pull request is filled, what the Hub stored is compared file by file, one merge puts it on main.

The Hub merges pull requests, not branches, and a merge is one step: whoever reads main finds the version before or
this one, never a part. What has been done is read from the Hub each time, so an attempt that died is gone on with:
its draft is found by its title, files that are there as they should be are not sent again, and a version that is
there already is left alone. The tag is set last: a tagged version was compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from tamis.cards.data_card import README
from tamis.corpus.manifest import NAME
from tamis.errors import OptionError, PublishError, UserError
from tamis.hub.outgoing import Outgoing, git_oid
from tamis.hub.remote import MAIN, TRIES, Moved, Passing, Remote, Request, StoredFile

HUB_FILES = (".gitattributes",)
"""Files that the Hub itself puts into a repository."""
COMMIT_FILES = 100
COMMIT_BYTES = 5_000_000_000
"""Files and bytes of one commit of the pull request, at most: a commit has to be done within a minute."""
SEND_FILES = 8
SEND_BYTES = 500_000_000
"""Files and bytes that are sent between two moves of the progress bar."""
ROUNDS = 3
"""Attempts to make the stored files the right ones that may bring nothing, one after the other."""
SHOWN = 5


@dataclass(frozen=True)
class PublishOptions:
    """Where a release goes, and how."""

    private: bool | None = None
    """Whether only members may see the repository; None leaves it as it is."""
    gated: str | None = None
    """`auto` or `manual`: readers have to ask first; None leaves it as it is."""
    branch: str | None = None
    """Publish on this branch, and leave main alone."""
    pull_request: bool = False
    """Leave the pull request open for people to merge."""
    tag: str | None = None
    """Name of the tag; None: the version, where it goes to main."""


@dataclass(frozen=True)
class Published:
    """What came of it."""

    status: str
    """`published`, `nothing to do`, or `waiting` for people to merge."""
    url: str
    commit: str
    tag: str | None
    sent_files: int
    sent_bytes: int
    deleted: tuple[str, ...] = ()


class Progress(Protocol):
    """Is told how publishing goes."""

    def step(self, name: str) -> None:
        """A step begins."""

    def sending(self, files: int, bytes: int) -> None:
        """So much is to be sent."""

    def sent(self, files: int, bytes: int) -> None:
        """So much more has been sent."""

    def say(self, message: str) -> None:
        """Something the user should know."""


def publish(outgoing: Outgoing, remote: Remote, options: PublishOptions, progress: Progress) -> Published:
    """Publishes, or goes on with it. Raises UserError (rights, a version that is there with other bytes) or
    PublishError (network, the Hub); main is as it was, or complete."""
    try:
        return _Publishing(outgoing, remote, options, progress).run()
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{remote.url} can't be found with this token: check the name, and that the token may write there"
        ) from error
    except HfHubHTTPError as error:
        raise PublishError(f"{remote.url}: {' '.join(str(error).split())}") from error


class _Publishing:
    def __init__(self, outgoing: Outgoing, remote: Remote, options: PublishOptions, progress: Progress) -> None:
        self.outgoing, self.remote, self.options, self.progress = outgoing, remote, options, progress
        self.wanted = {file.path: file for file in outgoing.files}
        self.git_oids: dict[str, str] = {}
        self.files = self.bytes = 0
        self.deleted: tuple[str, ...] = ()

    @property
    def tag(self) -> str | None:
        """The tag to set."""
        aside = self.options.branch is not None or self.options.pull_request
        return self.options.tag or (None if aside else self.outgoing.manifest.version)

    def run(self) -> Published:
        self.progress.step("looking at the repository")
        user = self.remote.user()
        if not self.remote.exists():
            self.remote.create(self.options.private)
        branches, tags = self.remote.refs()
        for name in dict.fromkeys([self.outgoing.manifest.version, *([self.tag] if self.tag else [])]):
            if name in tags and (commit := self._published(name)):
                return self._done("nothing to do", commit, name)
        # Before any file is there: a pull request can be read by whoever can read the repository.
        self.remote.settings(self.options.private, self.options.gated)
        if self.options.branch is not None:
            return self._on_branch(self.options.branch, branches)
        return self._on_main(user)

    def _published(self, tag: str) -> str | None:
        """The tag's commit when it has these very files. Raises UserError when it has others."""
        commit = self.remote.head(tag)
        wrong, more = self._compare(self.remote.tree(commit))
        if not wrong and not more:
            return commit
        raise UserError(
            f"{self.remote.url} has version {tag} already, with other bytes ({_few([*wrong, *more])} differ). "
            "A version is published once: give the recipe a new `version`, and run again"
        )

    def _on_branch(self, name: str, branches: Mapping[str, str]) -> Published:
        if name == MAIN:
            raise OptionError(f"--branch {MAIN}: leave the option out to publish on {MAIN}, through a pull request")
        if name not in branches:
            self.remote.branch(name, branches[MAIN])
        head = self._fill(name)
        if self.tag:
            self.remote.tag(self.tag, head, self._title())
        return self._done("published", head, self.tag)

    def _on_main(self, user: str) -> Published:
        for attempt in range(1, TRIES + 1):
            base = self.remote.head(MAIN)
            if self._compare(self.remote.tree(base)) == ([], []):
                # An attempt that died between merge and tag.
                if self.tag:
                    self.remote.tag(self.tag, base, self._title())
                return self._done("published", base, self.tag)
            request = self._request(user, base)
            head = self._fill(request.ref)
            if self.remote.head(request.ref) != head:
                self.progress.say(f"pull request {request.number} has changed after it was compared: looking again")
                continue
            if not self.remote.contains(head, self.remote.head(MAIN)):
                self.progress.say(f"{MAIN} has changed meanwhile: request {request.number} is made anew on top of it")
                self.remote.close(request, "main has changed meanwhile; another pull request follows")
                continue
            if self.options.pull_request:
                return self._done("waiting", head, None, f"{self.remote.url}/discussions/{request.number}")
            self.progress.step("merging")
            try:
                self.remote.merge(request)
            except Moved as error:
                self.remote.pause(attempt, error)
                continue
            return self._merged()
        raise PublishError(
            f"{self.remote.url}: {MAIN} changes all the time; publish again when nobody else writes. It holds "
            "nothing of this release"
        )

    def _merged(self) -> Published:
        """Compares main after the merge, and tags it."""
        commit = self.remote.head(MAIN)
        wrong, more = self._compare(self.remote.tree(commit))
        if wrong or more:
            raise PublishError(
                f"{self.remote.url}: {MAIN} was changed by somebody else while this release was merged; it differs in "
                f"{_few([*wrong, *more])}, so no tag was set. Look at its history, then publish again"
            )
        if self.tag:
            self.progress.step("tagging")
            self.remote.tag(self.tag, commit, self._title())
        return self._done("published", commit, self.tag)

    def _request(self, user: str, base: str) -> Request:
        """Our draft, from an attempt before or new, on top of main as it is."""
        self._check_owned(base)
        found = self.remote.request(self._title(), user)
        if found is not None:
            if self.remote.contains(found.ref, base):
                self.progress.say(f"going on with pull request {found.number}")
                return found
            self.remote.close(found, "main has changed meanwhile; another pull request follows")
        manifest = self.outgoing.manifest
        description = (
            f"{manifest.title} {manifest.version}: {len(self.wanted)} files, {self.outgoing.bytes} bytes, put here by "
            f"`tamis publish`, which compares every checksum before it merges.\n\nSHA-256 of `{NAME}`: "
            f"`{self.outgoing.fingerprint}`"
        )
        return self.remote.open_request(self._title(), description, user)

    def _title(self) -> str:
        manifest = self.outgoing.manifest
        return f"{manifest.name} {manifest.version} ({self.outgoing.fingerprint[:12]})"

    def _check_owned(self, base: str) -> None:
        """Every file on main that would be deleted is of an earlier version of this dataset. Raises UserError."""
        more = [path for path in self.remote.tree(base) if path not in self.wanted and path not in HUB_FILES]
        listed: set[str] = set()
        with tempfile.TemporaryDirectory() as folder:
            content = self.remote.read(NAME, base, Path(folder)) if more else None
        if content is not None:
            before = orjson.loads(content)
            if before.get("name") != self.outgoing.manifest.name:
                raise UserError(
                    f"{self.remote.url} holds the dataset {before.get('name')!r}, and this release is one of "
                    f"{self.outgoing.manifest.name!r}. Publish to a repository of its own"
                )
            listed = {file["path"] for file in before.get("files", [])} | {NAME}
        foreign = [path for path in more if path not in listed]
        if foreign:
            raise UserError(
                f"{self.remote.url} has files that no release put there: {_few(foreign)}. A release is all that is in "
                "its repository: move them elsewhere, or publish to another repository"
            )
        self.deleted = tuple(sorted(set(more)))

    def _compare(self, tree: Mapping[str, StoredFile]) -> tuple[list[str], list[str]]:
        """Paths that are missing in a tree or have another content, and paths of what else is in it."""
        wrong = [path for path in self.wanted if path not in tree or not self._same(path, tree[path])]
        return wrong, [path for path in tree if path not in self.wanted and path not in HUB_FILES]

    def _same(self, path: str, stored: StoredFile) -> bool:
        if stored.bytes != self.wanted[path].bytes:
            return False
        if stored.sha256 is not None:
            return stored.sha256 == self.wanted[path].sha256
        if path not in self.git_oids:
            self.git_oids[path] = git_oid(self.outgoing.root / path)
        return stored.git_oid == self.git_oids[path]

    def _fill(self, revision: str) -> str:
        """Makes a revision have these files and no others, and compares what is stored; returns its commit."""
        rounds = failures = 0
        fewest: int | None = None
        while True:
            self.progress.step("comparing what is stored")
            head = self.remote.head(revision)
            wrong, more = self._compare(tree := self.remote.tree(head))
            if not wrong and not more:
                return head
            left = len(wrong) + len(more)
            if fewest is None:
                self.progress.sending(len(wrong), sum(self.wanted[path].bytes for path in wrong))
            if fewest is None or left < fewest:
                rounds, failures, fewest = 0, 0, left
            if rounds >= ROUNDS:
                raise self._stored_wrong(wrong, more, tree)
            try:
                self._send(revision, head, wrong, more)
                rounds += 1
            except (Passing, Moved) as error:
                failures += 1
                if failures >= TRIES:
                    raise self.remote.gave_up("sending files", error) from error
                if isinstance(error, Passing):
                    self.remote.pause(failures, error)
                else:
                    self.progress.say(f"{revision} has changed meanwhile: looking again")

    def _send(self, revision: str, head: str, wrong: Sequence[str], more: Sequence[str]) -> None:
        """Sends files in commits, the card first: the Hub reads it before anything else is sent."""
        self.progress.step("sending files")
        batches = list(
            self._batches(sorted(wrong, key=lambda path: (path != README, path)), COMMIT_FILES, COMMIT_BYTES)
        )
        for number, batch in enumerate(batches or [[]], 1):
            additions = []
            for some in self._batches(batch, SEND_FILES, SEND_BYTES):
                additions += self.remote.send(revision, [(path, self.outgoing.root / path) for path in some])
                size = sum(self.wanted[path].bytes for path in some)
                self.files, self.bytes = self.files + len(some), self.bytes + size
                self.progress.sent(len(some), size)
            last = number >= len(batches)
            part = f", part {number} of {len(batches)}" if len(batches) > 1 else ""
            head = self.remote.commit(revision, head, additions, more if last else (), self._title() + part)

    def _batches(self, paths: Iterable[str], files: int, size: int) -> Iterator[list[str]]:
        batch: list[str] = []
        held = 0
        for path in paths:
            if batch and (len(batch) >= files or held + self.wanted[path].bytes > size):
                yield batch
                batch, held = [], 0
            batch.append(path)
            held += self.wanted[path].bytes
        if batch:
            yield batch

    def _stored_wrong(self, wrong: Sequence[str], more: Sequence[str], tree: Mapping[str, StoredFile]) -> PublishError:
        for path in wrong:
            if path in tree:
                stored = tree[path]
                found = f"SHA-256 {stored.sha256}" if stored.sha256 else f"Git object {stored.git_oid}"
                expected = self.wanted[path].sha256 if stored.sha256 else self.git_oids.get(path, "of another size")
                return PublishError(
                    f"{self.remote.url} has stored {path} with another content than was sent: {found} "
                    f"({stored.bytes} bytes), expected {expected} ({self.wanted[path].bytes} bytes), after {ROUNDS} "
                    f"attempts. {MAIN} is as it was; publish again later, and tell the Hub if it stays so"
                )
        return PublishError(
            f"{self.remote.url} doesn't take {_few([*wrong, *more])}: sent {ROUNDS} times, and not there. {MAIN} is as "
            "it was. A `.gitignore` in the repository may forbid it"
        )

    def _done(self, status: str, commit: str, tag: str | None, url: str | None = None) -> Published:
        deleted = self.deleted if status != "nothing to do" else ()
        return Published(status, url or self.remote.url, commit, tag, self.files, self.bytes, deleted)


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(sorted(paths)[:SHOWN])}{more}"
