"""User and password in a URL ("https://user:password@host/", RFC 3986): what stands between "://" and '@'.

Not taken: a user without password, and what stands for values in manuals and scripts: "user:password" and its like,
variables ("$PASS", "{pass}", "%s"), dots, asterisks.
"""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(
    r"(?<=[A-Za-z0-9]://)(?P<user>[^\s/?#@:<>\"'`{}\[\]\\]{0,64}):(?P<password>[^\s/?#@<>\"'`{}\\]{1,128})"
    r"(?=@[A-Za-z0-9\[_])"
)
_USERS = frozenset(
    {"user", "username", "login", "name", "me", "myuser", "usr", "uid", "user1", "nom", "utilisateur", "benutzer",
     "benutzername", "usuario", "utente", "gebruiker", "utilizador", "usuário", "foo"}
)  # fmt: skip
_PASSWORDS = frozenset(
    {"password", "pass", "passwd", "pwd", "pw", "secret", "mypassword", "userpass", "passwort", "kennwort",
     "motdepasse", "mot_de_passe", "contraseña", "wachtwoord", "senha", "bar", "port", "token"}
)  # fmt: skip
_BLANK = re.compile(r"[$%&(=]|[*.…x_-]+\Z|[A-Z][A-Z_]*\Z", re.ASCII)
_FAKE = re.compile(r"user-[0-9a-f]{8}:example")


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """User and password that begin in text[start:end]; fakes only if told so."""
    found = []
    for match in _CREDENTIALS.finditer(text, start):
        if match.start() >= end:
            break
        if not _stands_for(match["user"], match["password"]) and (reserved_too or not reserved(match.group())):
            found.append(match.span())
    return found


def _stands_for(user: str, password: str) -> bool:
    """Whether these are words or signs in the place of values."""
    if _BLANK.match(password) or _BLANK.match(user):
        return True
    return password.lower() in _PASSWORDS and (user.lower() in _USERS or not user or user == password)


def canonical(value: str) -> str:
    """As it is: passwords have case."""
    return value


def reserved(value: str) -> bool:
    """Whether it is a fake."""
    return _FAKE.fullmatch(value) is not None


def fake(value: str, digest: int) -> str:
    """A made-up user with the password "example"."""
    return f"user-{digest % 16**8:08x}:example"
