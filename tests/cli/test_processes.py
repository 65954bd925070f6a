"""The command as a process of its own: what it imports, pipes, signals, terminals."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_place import Place

IMPORTED = "import json, sys; sys.stderr.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
HEAVY = {"numba", "llvmlite", "scipy", "matplotlib", "tokenizers"}


def environment(**more: str) -> dict[str, str]:
    """This one's, without what a terminal or a user may have set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "TAMIS_WORK")}
    return {**kept, "TERM": "xterm", **more}


def command(*arguments: str) -> list[str]:
    """`tamis ARGUMENTS` by this interpreter."""
    return [sys.executable, "-m", "tamis.cli.main", *arguments]


def modules_after(*arguments: str) -> tuple[set[str], str, float]:
    """Packages a command has imported when it ends, its stdout, and how long it took."""
    code = (
        "import sys\nfrom tamis.cli.main import cli\n"
        f"try:\n    cli({list(arguments)!r}, prog_name='tamis')\nexcept SystemExit as end:\n    code = end.code\n"
        f"{IMPORTED}\nsys.exit(code)"
    )
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1])), done.stdout, time.monotonic() - begin


def test_help_imports_nothing_heavy() -> None:
    for arguments in (["--help"], ["--version"], ["run", "--help"], ["stages", "--help"]):
        modules, out, seconds = modules_after(*arguments)
        assert "tamis" in out
        assert not modules & (HEAVY | {"polars", "pyarrow", "numpy", "pydantic", "rich"})
        assert seconds < 20, "a fraction of a second, on a machine with nothing else to do"


def test_nothing_to_do_compiles_and_draws_nothing(made: Place) -> None:
    modules, out, seconds = modules_after("run", made.recipe, "--work", made.work, "--out", made.out)
    assert out.startswith("nothing to do")
    assert not modules & HEAVY
    assert seconds < 60, "two seconds, on a machine with nothing else to do"


def test_the_installed_command_is_the_module() -> None:
    script = Path(sys.executable).with_name("tamis")
    if not script.exists():
        pytest.skip("run from a source tree: there is no script")
    by_script, by_module = (
        subprocess.run(line, capture_output=True, text=True, env=environment(), timeout=120)
        for line in ([str(script), "--help"], command("--help"))
    )
    assert by_script.returncode == by_module.returncode == 0
    assert by_script.stdout == by_module.stdout


def test_a_closed_pipe_ends_quietly(made: Place) -> None:
    plan = shlex.join(command("plan", made.recipe, "--work", made.work))
    shell = f"{plan} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=environment(), timeout=120)
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.slow
def test_stdout_of_a_failed_verification_says_so_in_a_pipe(made: Place, tmp_path: Path) -> None:
    release = tmp_path / "tiny-1"
    subprocess.run(["cp", "-r", str(made.release), str(release)], check=True)
    (release / "README.md").write_text("")
    done = subprocess.run(
        command("verify", str(release)), capture_output=True, text=True, env=environment(), timeout=120
    )
    assert done.returncode == 3 and "README.md" in done.stdout and done.stderr == ""


@pytest.mark.slow
def test_an_interrupted_run_says_so_and_goes_on(place: Place) -> None:
    options = ["run", place.recipe, "--work", place.work, "--out", place.out]
    process = subprocess.Popen(
        command(*options, "--workers", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A test run that is itself in the background has SIGINT ignored, and its children with it.
        env=environment(), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    record = Path(place.work, "runs/tiny.json")
    deadline = time.monotonic() + 120
    while not record.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == "" and "interrupted: what was finished is kept" in err and "Traceback" not in err
    assert json.loads(record.read_bytes())["state"] == "interrupted"
    assert place.run("--quiet").exit_code == 0


def on_a_terminal(*arguments: str, columns: int = 80, **variables: str) -> tuple[int, str]:
    """Exit code and all output of a command whose stdout and stderr are a terminal."""
    keeper, terminal = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), stdin=terminal, stdout=terminal, stderr=terminal,
        env=environment(COLUMNS=str(columns), **variables),
    )  # fmt: skip
    os.close(terminal)
    output = b""
    while select.select([keeper], [], [], 120)[0]:
        try:
            piece = os.read(keeper, 65536)
        except OSError:  # the terminal's other side is closed
            break
        if not piece:
            break
        output += piece
    os.close(keeper)
    return process.wait(120), output.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_terminal_sees_progress_then_the_summary(place: Place) -> None:
    code, output = on_a_terminal("run", place.recipe, "--work", place.work, "--out", place.out, "--workers", "1")
    assert code == 0
    for phase in ("ingest", "measure 1/2", "release", "card"):
        assert phase in output
    assert "2/2" in output and "\x1b[" in output
    assert output.rstrip().splitlines()[-1].startswith("read ")


@pytest.mark.slow
def test_colours_are_for_those_who_want_them() -> None:
    code, output = on_a_terminal("run", "none.yaml")
    assert code == 2 and output.startswith("\x1b[31m\x1b[1merror:\x1b[0m none.yaml: no such recipe")
    code, output = on_a_terminal("run", "none.yaml", NO_COLOR="1")
    assert code == 2 and output.startswith("error: none.yaml: no such recipe")
    assert "\x1b[3" not in on_a_terminal("stages", NO_COLOR="1")[1]


@pytest.mark.slow
def test_eighty_columns_are_enough(made: Place) -> None:
    work = ("--work", made.work)
    for arguments in (
        ["--help"], ["stages"], ["stages", "gopher_repetition"], ["plan", made.recipe, *work, "--rules"],
        ["status", made.recipe, *work],
    ):  # fmt: skip
        code, output = on_a_terminal(*arguments, NO_COLOR="1", TERM="dumb")
        assert code == 0
        assert max(map(len, output.splitlines())) <= 80
