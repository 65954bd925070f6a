"""The `tamis` command. Sub-commands are imported when they are called: `--help` stays quick."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from typing import Any

import click

from tamis import __version__
from tamis.engine.worker import collect_seldom
from tamis.errors import TamisError, did_you_mean

COMMANDS = {
    "init": "Write a recipe to start from.",
    "plan": "Show what a run would read, measure and write. Reads no text.",
    "run": "Make the release of a recipe; what is done already is not done again.",
    "status": "Show the last run of a recipe: rates by stage, rejects, failures.",
    "what-if": "Show what a changed threshold would keep and drop, without running.",
    "mix": "Plan what training sees of every language, category and source, phase by phase.",
    "train-classifier": "Train a fastText classifier, and tell how good it is.",
    "train-tokenizer": "Train a tokenizer on a corpus; judge it by language on unseen texts.",
    "ablate": "Compare variants of a recipe: a small model trained on each.",
    "why": "Tell one document's whole story: what was measured, which rule decided.",
    "diff": "Tell what changed between two releases: documents, rules, sources, licences.",
    "review": "Review samples of a release on a local page: keep, drop, unsure.",
    "stages": "List the stages, or document one: method, options, signals, default rules.",
    "cleaners": "List the cleaners of raw text, or document one: options, examples.",
    "presets": "List the presets (gopher, c4, fineweb, ...), or print one as YAML.",
    "card": "Write the data card of a release again.",
    "verify": "Recompute every checksum and every number of a release.",
    "publish": "Publish a release on the Hugging Face Hub; nothing half done, ever.",
    "copy": "Copy a release to object storage; every file compared, the manifest last.",
    "opt-out-snapshot": "Ask sites for robots.txt and other reservations; the stage opt_out reads the answers.",
    "schema": "Print the JSON Schema of recipes, for editors.",
    "doctor": "Check this installation: packages, models, compiled kernels, folders.",
}
EXIT_CODES = {
    0: "done (also: nothing to do)",
    1: "the run failed, the Hub or a store did, or doctor found something broken",
    2: "a mistake in what was asked: an option, a recipe, a path",
    3: "verify, publish, copy: the release doesn't match its manifest; diff --exit-code: the two differ",
    130: "interrupted; what was finished is kept",
    141: "whoever read the output closed it (as `| head` does)",
}


class _Lazy(click.Group):
    """Finds `tamis NAME` in `tamis.cli.NAME`, and turns errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"tamis.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a near match for a wrong name."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command is called {args[0]!r}.{did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except TamisError as error:
            _tell(error, str(error), ctx)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted: what was finished is kept; the same command goes on from here", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            # The interpreter flushes stdout once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            _tell(error, f"{place}{error.strerror or error}", ctx)
            ctx.exit(1)


def _tell(error: Exception, message: str, ctx: click.Context) -> None:
    """Prints an error on stderr."""
    if ctx.params.get("debug"):
        traceback.print_exception(error)
    # No colour where the user wants none (no-color.org); else click decides by the terminal.
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True, color=color)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tamis")
@click.option(
    "--debug", is_flag=True, envvar="TAMIS_DEBUG", show_envvar=True, help="Print the traceback of an error, too."
)
def cli(debug: bool) -> None:
    """Turn raw text into a published, weighted, tokenized, documented training dataset, from one recipe.

    \b
    tamis init my.yaml            write a recipe to start from
    tamis plan my.yaml            check it, and see what a run would do
    tamis run my.yaml             make its release
    tamis what-if my.yaml --set gopher_quality.keep.words=30,
    tamis verify releases/my-0.1.0
    tamis publish releases/my-0.1.0 --repo me/my --dry-run
    """


def main() -> None:
    """Entry point."""
    collect_seldom()
    # Arrow reads it when it is imported: see `tamis.engine.memory`.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # NumPy's linear algebra is hardly used, but its threads spin while they wait for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cli(prog_name="tamis")
    finally:
        # At its end, Python looks for garbage in all that is left, which takes a fifth of a short run.
        gc.freeze()


if __name__ == "__main__":
    main()
