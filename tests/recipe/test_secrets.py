from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from small_recipes import HEAD, SOURCE, STAGE, complaints, load

from tamis.errors import UserError
from tamis.recipe.load import load_recipe
from tamis.recipe.secrets import credential_in, without_credentials
from tamis.stages import STAGES

# Made up, and put together here so that no scanner takes this file for a leak.
SECRETS = [
    "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_" + "11ABCDEFG0abcdefghijklmnopqrst_xyz",
    "glpat-" + "abcdefghijklmnopqrst",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "xoxb-" + "1234567890-abcdefghij",
    "sk-" + "proj-abcdefghijklmnopqrstuvwxyz",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "s3://user:" + "hunter2@bucket/x",
    "redis://:" + "hunter2@host/0",
    "https://example.org/x?to" + "ken=hunter2",
    "https://bucket.example.org/x?a=1&X-Amz-Signature=" + "0123abcd",
    "https://account.example.org/c?sv=2020&sig=" + "abc%3D",
    "DefaultEndpointsProtocol=https;AccountKey=" + "abcd1234==;",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_credentials_are_known_by_their_shape(secret: str) -> None:
    assert credential_in(("card", "contact"), secret) is not None
    assert credential_in(("sources", 0, "path", 1), f"before {secret} after") is not None


@pytest.mark.parametrize(
    "key", ["password", "api_key", "api-key", "token", "auth_token", "secret", "aws_secret_access_key", "credentials"]
)
def test_credentials_are_known_by_their_key(key: str) -> None:
    assert credential_in((key,), "hunter2") == f"a credential under `{key}`"
    assert credential_in(("a", key, 0), "hunter2") is not None
    assert credential_in((key,), 12345) is not None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sources", 0, "path"), "s3://bucket/data/*.jsonl"),
        (("sources", 0, "path"), "https://example.org:8080/x?page=2&monkey=1"),
        (("sources", 0, "path"), "https://${USER}:${PASSWORD}@example.org/x?token=${TOKEN}"),
        (("sources", 0, "url"), "https://example.org/a:b@c"),
        (("sources", 0, "columns", "text"), "token"),
        (("sources", 0, "where", "token"), "a"),
        (("sources", 0, "where", "token", 0), "a"),
        (("sources", 0, "signals", "token", "field"), "n_tokens"),
        (("stages", 0, "tokenize", "tokenizer"), "hub:namespace/name@main/tokenizer.json"),
        (("token",), "${HF_TOKEN}"),
        (("token",), None),
        (("release", "tokens"), True),
        (("card", "contact"), "hf_short and a sk-etch"),
    ],
)
def test_what_is_no_credential(path: tuple[str | int, ...], value: object) -> None:
    assert credential_in(path, value) is None


def test_a_default_of_a_variable_is_looked_at() -> None:
    assert credential_in(("path",), "${TOKEN:-" + SECRETS[0] + "}") == "a Hugging Face token"


@pytest.mark.parametrize("secret", [SECRETS[0], SECRETS[8], SECRETS[9], SECRETS[12]])
@pytest.mark.parametrize(
    "place", ["seed", "language", "license", "path", "option", "epochs", "rule", "key", "for_each", "name of a key"]
)
def test_a_recipe_with_a_credential_is_refused_and_never_echoes_it(secret: str, place: str) -> None:
    quoted = '"' + secret.replace("\n", "\\n") + '"'
    text = {
        "seed": f"{HEAD}seed: {quoted}\n{SOURCE}{STAGE}",
        "language": f"{HEAD}sources:\n  - {{name: a, path: x, license: MIT, language: {quoted}}}\n{STAGE}",
        "license": f"{HEAD}sources:\n  - {{name: a, path: x, license: {quoted}}}\n{STAGE}",
        "path": f"{HEAD}sources:\n  - {{name: a, path: [{quoted}], license: mit}}\n{STAGE}",
        "option": f"{HEAD}{SOURCE}stages:\n  - language: {{modle: {quoted}, keep: {quoted}, max_bytes: {quoted}}}\n",
        "epochs": f"{HEAD}{SOURCE}{STAGE}mix: {{epochs: {{fr--web: {quoted}}}}}\n",
        "rule": f"{HEAD}{SOURCE}stages:\n  - language: {{keep: {{score: [{quoted}]}}, when: {{source: {quoted}}}}}\n",
        "key": f"{HEAD}{SOURCE}{STAGE}password: {quoted}\n",
        "for_each": f"{HEAD}sources:\n  - {{name: 'a-{{x}}', for_each: {{x: [{quoted}]}}, path: x}}\n{STAGE}",
        "name of a key": f"{HEAD}{SOURCE}{STAGE}mix: {{epochs: {{{quoted}: 1}}}}\n",
    }[place]
    found = "\n".join(complaints(text))
    assert "stands in the recipe. Recipes are published: keep it in the environment" in found
    for part in (secret, secret.split("\n")[0].removesuffix(";"), "hunter2", "MIIE"):
        assert part not in found


def test_a_password_of_any_shape_is_not_echoed() -> None:
    text = textwrap.dedent("""\
        name: tiny
        version: "1"
        password: it's "x"
        titel: it's "x"
        """)
    found = "\n".join(complaints(text + SOURCE + STAGE))
    assert "3: a credential under `password` stands in the recipe" in found
    assert "it's" not in found
    # Errors shorten long values: what is left of this one would tell enough.
    found = "\n".join(complaints(HEAD + SOURCE + STAGE + f"title: {{password: {200 * 'hunter2'}}}\n"))
    assert "hunter2" not in found
    found = "\n".join(complaints(HEAD + SOURCE + STAGE + "password: 123456789\n"))
    assert "123456789" not in found


def test_a_key_that_stands_twice_echoes_no_value(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"name: a\nversion: {SECRETS[0]}\nversion: {SECRETS[2]}\n")
    with pytest.raises(UserError, match="'version' stands twice") as caught:
        load_recipe(file, STAGES)
    assert SECRETS[0] not in str(caught.value)
    assert SECRETS[2] not in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    ["card.contact={}", "language.model={}", "languag.model={}", "seed={}", "sources.web.path={}", "{}=1", "{}"],
)
def test_the_command_line_is_not_echoed_either(setting: str) -> None:
    with pytest.raises(UserError) as caught:
        load(HEAD + SOURCE + STAGE, setting.format(SECRETS[0]))
    assert SECRETS[0] not in str(caught.value)


def test_hiding() -> None:
    assert without_credentials("a 'it\\'s' b", ["it's"]) == "a '(hidden)' b"
    assert without_credentials("abc ab", ["ab", "abc", ""]) == "(hidden) (hidden)"
    assert SECRETS[0] not in without_credentials(f"x {SECRETS[0]} y")
