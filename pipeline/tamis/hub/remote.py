"""One dataset repository of the Hub, as publishing needs it: every call is tried again where that can help, and an
error says what to do.

The Hub's client tries its own calls again only where they read or store content; the rest is tried again here.
A call that changes something is written so that doing it twice does no harm: its answer may be what got lost.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from tamis import __version__
from tamis.errors import InputError, PublishError, UserError

MAIN = "main"
KIND = "dataset"
TRIES = 5
LONGEST_WAIT = 60.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Status codes of a Hub that will answer otherwise in a while."""
# The base of what the client's HTTP library raises, whichever it is: httpx before version 2, httpx2 since.
_NETWORK: type[Exception] = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
_Result = TypeVar("_Result")


class Passing(Exception):
    """Something failed that may go well in a while."""


class Moved(Exception):
    """Somebody else has changed the branch in the meantime."""


@dataclass(frozen=True)
class StoredFile:
    """A file as the Hub has it."""

    bytes: int
    sha256: str | None
    """Of a large file; None for one that lies in Git itself."""
    git_oid: str


@dataclass(frozen=True)
class Request:
    """A pull request of ours."""

    number: int
    status: str
    """draft, open, closed or merged."""

    @property
    def ref(self) -> str:
        """The revision that its commits are on."""
        return f"refs/pr/{self.number}"


class Remote:
    """A dataset repository. Errors are UserError (rights, names) or PublishError (network, the Hub)."""

    def __init__(
        self,
        repo: str,
        endpoint: str | None = None,
        wait: Callable[[float], None] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.repo, self._wait, self._say = repo, wait or time.sleep, say
        self.api = HfApi(endpoint=endpoint, library_name="tamis", library_version=__version__)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self.api.endpoint}/datasets/{self.repo}"

    def user(self) -> str:
        """Whose token it is."""
        try:
            return str(self._again("asking whose token this is", self.api.whoami)["name"])
        except LocalTokenNotFoundError:
            raise InputError(
                f"no token for {self.api.endpoint}: set HF_TOKEN, or log in once with `hf auth login`. "
                "It needs the right to write to the repository"
            ) from None

    def exists(self) -> bool:
        """Whether it is there, and may be seen."""
        try:
            self._again("looking for the repository", self.api.repo_info, self.repo, repo_type=KIND)
        except RepositoryNotFoundError:
            return False
        return True

    def create(self, private: bool | None) -> None:
        """Makes it, unless it is there."""
        visibility: dict[str, Any] = {} if private is None else {"private": private}
        self._again(
            "making the repository", self.api.create_repo, self.repo, repo_type=KIND, exist_ok=True, **visibility
        )

    def settings(self, private: bool | None, gated: str | bool | None) -> None:
        """Sets who may see it, and whether readers have to ask first."""
        wanted: dict[str, Any] = {
            key: value for key, value in (("private", private), ("gated", gated)) if value is not None
        }
        if wanted:
            self._again("changing its settings", self.api.update_repo_settings, self.repo, repo_type=KIND, **wanted)

    def refs(self) -> tuple[dict[str, str], frozenset[str]]:
        """Commits of branches by name, and the names of tags."""
        found = self._again("reading its branches", self.api.list_repo_refs, self.repo, repo_type=KIND)
        branches = {ref.name: ref.target_commit for ref in found.branches}
        return branches, frozenset(ref.name for ref in found.tags)

    def head(self, revision: str) -> str:
        """The commit that a revision is at."""
        info = self._again("reading a revision", self.api.repo_info, self.repo, repo_type=KIND, revision=revision)
        return str(info.sha)

    def tree(self, revision: str) -> dict[str, StoredFile]:
        """Every file of a revision."""

        def listed() -> dict[str, StoredFile]:
            found = {}
            for file in self.api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type=KIND):
                if isinstance(file, RepoFile):
                    sha256 = file.lfs.sha256 if file.lfs is not None else None
                    found[file.path] = StoredFile(file.size, sha256, file.blob_id)
            return found

        return self._again("listing its files", listed)

    def contains(self, revision: str, commit: str) -> bool:
        """Whether a commit is in the history of a revision."""
        commits = self._again(
            "reading its history", self.api.list_repo_commits, self.repo, repo_type=KIND, revision=revision
        )
        return any(one.commit_id == commit for one in commits)

    def read(self, path: str, revision: str, folder: Path) -> bytes | None:
        """The content of a small file; None where there is none. `folder` is for the client's own files."""
        try:
            found = self._again(
                f"reading {path}", self.api.hf_hub_download, self.repo, path, repo_type=KIND, revision=revision,
                local_dir=folder,
            )  # fmt: skip
        except EntryNotFoundError:
            return None
        return Path(found).read_bytes()

    def branch(self, name: str, commit: str) -> None:
        """Makes a branch, unless it is there."""
        self._again(
            f"making branch {name}", self.api.create_branch, self.repo, branch=name, revision=commit, repo_type=KIND,
            exist_ok=True,
        )  # fmt: skip

    def tag(self, name: str, commit: str, message: str) -> None:
        """Tags a commit. Raises PublishError when the tag is at another one."""

        def tagged() -> str:
            self.api.create_tag(
                self.repo, tag=name, tag_message=message, revision=commit, repo_type=KIND, exist_ok=True
            )
            # The client takes every 409 as "it is there": it may be one of two writers at once.
            try:
                return str(self.api.repo_info(self.repo, repo_type=KIND, revision=name).sha)
            except RevisionNotFoundError as error:
                raise Passing(f"{self.api.endpoint} doesn't have the tag {name} yet") from error

        at = self._again(f"tagging {name}", tagged)
        if at != commit:
            raise PublishError(f"{self.url}: tag {name} is at commit {at}, not at {commit}, where it was to be set")

    def request(self, title: str, author: str) -> Request | None:
        """The newest pull request with that title and author which isn't closed."""

        def listed() -> list[Request]:
            found = self.api.get_repo_discussions(self.repo, repo_type=KIND, discussion_type="pull_request")
            return [Request(one.num, one.status) for one in found if (one.title, one.author) == (title, author)]

        ours = [one for one in self._again("looking for its pull request", listed) if one.status in ("draft", "open")]
        return max(ours, key=lambda one: one.number, default=None)

    def open_request(self, title: str, description: str, author: str) -> Request:
        """A new draft pull request."""

        def opened() -> Request:
            # Where the answer got lost, it is there already.
            found = self.request(title, author)
            if found is not None:
                return found
            made = self.api.create_pull_request(self.repo, title=title, description=description, repo_type=KIND)
            return Request(made.num, made.status)

        return self._again("opening a pull request", opened)

    def close(self, request: Request, why: str) -> None:
        """Closes a pull request."""
        self._again(
            "closing a pull request", self.api.change_discussion_status, self.repo, request.number,
            new_status="closed", comment=why, repo_type=KIND,
        )  # fmt: skip

    def merge(self, request: Request) -> None:
        """Merges a pull request into main. Raises Moved when the Hub sees a conflict; main is as it was then."""

        def status() -> str:
            details = self.api.get_discussion_details(self.repo, request.number, repo_type=KIND)
            return str(details.status)

        def merged() -> None:
            now = status()
            if now == "draft":
                self.api.change_discussion_status(self.repo, request.number, new_status="open", repo_type=KIND)
            if now != "merged":
                self.api.merge_pull_request(self.repo, request.number, repo_type=KIND)

        self._again("merging", merged, once_more=False)

    def send(self, revision: str, files: Sequence[tuple[str, Path]]) -> list[CommitOperationAdd]:
        """Stores the content of some files; they are in no commit yet. Raises Passing."""
        additions = [CommitOperationAdd(path, source) for path, source in files]
        self._once(
            self.api.preupload_lfs_files, self.repo, additions, repo_type=KIND, revision=revision, free_memory=False
        )
        return additions

    def commit(
        self, revision: str, parent: str, additions: Sequence[CommitOperationAdd], deleted: Sequence[str], message: str
    ) -> str:
        """One commit on top of `parent`; returns its id. Raises Passing or Moved."""
        operations = [*additions, *(CommitOperationDelete(path, is_folder=False) for path in deleted)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = self._once(
                self.api.create_commit, self.repo, operations, commit_message=message, repo_type=KIND,
                revision=revision, parent_commit=parent,
            )  # fmt: skip
        for warning in caught:
            if "metadata in README.md" in str(warning.message):
                self._say(" ".join(str(warning.message).split()))
        return str(made.oid)

    def _again(
        self, doing: str, call: Callable[..., _Result], *args: object, once_more: bool = True, **options: Any
    ) -> _Result:
        """Calls until it goes well, a few times at most; `once_more`: after a conflict, too, else it raises Moved."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(call, *args, **options)
            except (Passing, Moved) as error:
                if isinstance(error, Moved) and not once_more:
                    raise
                if attempt == TRIES:
                    raise self.gave_up(doing, error) from error
                self.pause(attempt, error)
        raise AssertionError

    def gave_up(self, doing: str, error: Exception) -> PublishError:
        """The error after the last attempt."""
        return PublishError(
            f"{doing} failed {TRIES} times: {error}. What is stored at {self.url} stays there, and no half of a "
            "release is on its main branch: the same command goes on from here"
        )

    def pause(self, attempt: int, error: Exception) -> None:
        """Waits before the next attempt: as long as the Hub asks for, else longer each time."""
        asked = getattr(error.__cause__, "response", None)
        header = asked.headers.get("Retry-After", "") if asked is not None else ""
        seconds = float(header) if header.isdigit() else min(2.0**attempt, LONGEST_WAIT)
        self._say(f"{error}; trying again in {seconds:.0f} s")
        self._wait(seconds)

    def _once(self, call: Callable[..., _Result], *args: object, **options: object) -> _Result:
        try:
            return call(*args, **options)
        except (RepositoryNotFoundError, EntryNotFoundError, RevisionNotFoundError, LocalTokenNotFoundError):
            raise
        except HfHubHTTPError as error:
            raise self._told(error) from error
        except _NETWORK as error:
            raise Passing(f"no answer from {self.api.endpoint} ({type(error).__name__})") from error
        except (json.JSONDecodeError, KeyError) as error:  # KeyError: the client misses a field of the answer
            raise Passing(f"no proper answer from {self.api.endpoint}") from error
        except ValueError as error:
            if "metadata in README.md" in str(error):
                raise UserError(f"the Hub doesn't take the card: {' '.join(str(error).split())}") from error
            raise
        except RuntimeError as error:
            cause = error.__cause__
            if isinstance(cause, HfHubHTTPError):
                raise self._told(cause) from cause
            if cause is None or isinstance(cause, _NETWORK):
                raise Passing(f"{error} ({type(cause or error).__name__})") from error
            raise

    def _told(self, error: HfHubHTTPError) -> Exception:
        status = error.response.status_code if error.response is not None else 0
        said = " ".join((error.server_message or "").split())
        if status in PASSING:
            return Passing(f"{self.api.endpoint} answers {status}{f' ({said})' if said else ''}")
        if status in (409, 412):
            return Moved(said or str(status))
        if status == 401:
            return UserError(
                f"{self.api.endpoint} doesn't know the token: set another HF_TOKEN, or log in again with "
                "`hf auth login`"
            )
        if status == 403:
            return UserError(
                f"the token may not do this at {self.url} (403{f': {said}' if said else ''}): it needs the right to "
                "write to the repository and to make one in its namespace. Make such a token in the Hub's settings"
            )
        return PublishError(f"{self.url}: the Hub refuses ({status}){f': {said}' if said else ''}")
