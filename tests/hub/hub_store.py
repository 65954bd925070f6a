"""A dataset repository as the Hub has it: commits over trees of blobs, branches, tags, pull requests, large files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HEX = "0123456789abcdef"


class Refused(Exception):
    """The Hub's answer to what it doesn't do."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Blob:
    """A file's content: in Git itself, or large, by the checksum of what is stored."""

    data: bytes | None
    """None where only the content store has it."""
    large: str | None = None
    """SHA-256 of the stored bytes; None for a file in Git."""
    bytes: int = 0

    @property
    def oid(self) -> str:
        """Git's id: of a large file, that of its pointer."""
        content = self.data if self.large is None else f"oid sha256:{self.large}\nsize {self.bytes}\n".encode()
        assert content is not None
        return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


Tree = Mapping[str, Blob]


@dataclass(frozen=True)
class Commit:
    """One commit."""

    oid: str
    parents: tuple[str, ...]
    tree: Tree
    title: str


@dataclass
class PullRequest:
    """A pull request; its commits are on `refs/pr/N`."""

    number: int
    title: str
    description: str
    author: str
    status: str
    merged: str | None = None


@dataclass
class Repo:
    """One repository. Every method is one step: nobody sees half of it."""

    name: str
    visibility: str = "public"
    gated: str | bool = False
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    requests: dict[int, PullRequest] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 that was promised -> the bytes that were stored."""
    mains: list[Tree] = field(default_factory=list)
    """The tree of main after each change of it."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._add("main", Commit(self._oid("initial"), (), {".gitattributes": Blob(b"*.bin filter=lfs\n")}, "initial"))

    def _oid(self, seed: str) -> str:
        return hashlib.sha1(f"{self.name} {seed} {len(self.commits)}".encode()).hexdigest()

    def _add(self, ref: str, commit: Commit) -> str:
        self.commits[commit.oid] = commit
        self.branches[ref] = commit.oid
        if ref == "main":
            self.mains.append(commit.tree)
        return commit.oid

    def head(self, revision: str) -> str:
        """The commit of a branch, a tag, a pull request or a commit's own id."""
        with self.lock:
            for known in (self.branches, self.tags):
                if revision in known:
                    return known[revision]
            if revision in self.commits:
                return revision
        raise Refused(404, f"no revision {revision}", "RevisionNotFound")

    def tree(self, revision: str) -> Tree:
        """Files of a revision."""
        return self.commits[self.head(revision)].tree

    def history(self, revision: str) -> list[Commit]:
        """Commits that a revision is made of, the newest first."""
        found: dict[str, Commit] = {}
        todo = [self.head(revision)]
        while todo:
            oid = todo.pop(0)
            if oid not in found:
                found[oid] = self.commits[oid]
                todo += self.commits[oid].parents
        return list(found.values())

    def store(self, promised: str, data: bytes) -> None:
        """Keeps a large file."""
        with self.lock:
            self.large[promised] = data

    def commit(
        self, ref: str, added: Mapping[str, Blob], deleted: Sequence[str], title: str, parent: str | None
    ) -> str:
        """One commit on a branch."""
        with self.lock:
            head = self.branches.get(ref)
            if head is None:
                raise Refused(404, f"no branch {ref}", "RevisionNotFound")
            if parent is not None and head != parent:
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            tree = {path: blob for path, blob in self.commits[head].tree.items() if path not in deleted}
            if len(tree) != len(self.commits[head].tree) - len(deleted):
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            return self._add(ref, Commit(self._oid(title), (head,), {**tree, **added}, title))

    def branch(self, name: str, start: str) -> None:
        """A new branch."""
        with self.lock:
            if name in self.branches:
                raise Refused(409, "Reference already exists")
            self.branches[name] = self.head(start)

    def tag(self, name: str, revision: str) -> None:
        """A new tag."""
        with self.lock:
            if name in self.tags:
                raise Refused(409, "Tag reference exists already")
            self.tags[name] = self.head(revision)

    def open(self, title: str, description: str, author: str) -> PullRequest:
        """A draft pull request, at main as it is."""
        with self.lock:
            number = len(self.requests) + 1
            self.requests[number] = PullRequest(number, title, description, author, "draft")
            self.branches[f"refs/pr/{number}"] = self.branches["main"]
            return self.requests[number]

    def merge(self, number: int) -> str:
        """Puts a pull request on main: one commit, or nothing."""
        with self.lock:
            request, ref = self.requests[number], f"refs/pr/{number}"
            if request.status != "open":
                raise Refused(400, f"a pull request that is {request.status} can't be merged")
            main, theirs = self.branches["main"], self.branches[ref]
            base = next(one for one in self.history(ref) if one.oid in {c.oid for c in self.history("main")}).tree
            ours, new = dict(self.commits[main].tree), self.commits[theirs].tree
            for path in {*base, *new}:
                if base.get(path) == new.get(path):
                    continue
                if ours.get(path) != base.get(path):
                    raise Refused(409, f"{path} conflicts")
                ours.pop(path, None)
                if path in new:
                    ours[path] = new[path]
            oid = self._add("main", Commit(self._oid("merge"), (main, theirs), ours, f"merge {request.title}"))
            request.status, request.merged = "merged", oid
            return oid
