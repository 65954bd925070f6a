"""The `tamis` command. Sub-commands are imported when they are called: `--help` stays quick."""

from __future__ import annotations

import importlib
import os
import sys

import click

from tamis import __version__
from tamis.errors import TamisError

COMMANDS = {
    "init": "Write a recipe to start from.",
    "plan": "Show what a run would read, measure and write. Reads no text.",
    "run": "Make the release of a recipe; what is done already is not done again.",
    "status": "Show the last run of a recipe: rates by stage, rejects, failures.",
    "what-if": "Show what a changed threshold would keep and drop, without running.",
    "why": "Tell one document's whole story: what was measured, which rule decided.",
    "stages": "List the stages, or document one: method, options, signals, default rules.",
    "card": "Write the data card of a release again.",
    "verify": "Recompute every checksum and every number of a release.",
    "schema": "Print the JSON Schema of recipes, for editors.",
    "doctor": "Check this installation: packages, models, compiled kernels, folders.",
}


class _Lazy(click.Group):
    """Finds `tamis NAME` in `tamis.cli.NAME`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"tamis.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Exit codes: 0 done (also: nothing to do), 1 the run failed, 2 a mistake in what was asked,
3 a release doesn't match its manifest, 130 interrupted.""",
)
@click.version_option(__version__, prog_name="tamis")
@click.option("--debug", is_flag=True, help="Print the traceback of an error, too.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Turn raw text into a published, weighted, tokenized, documented training dataset, from one recipe.

    \b
    tamis init my.yaml            write a recipe to start from
    tamis run my.yaml             make its release
    tamis what-if my.yaml --set gopher_quality.keep.words=30,
    tamis verify releases/my-1.0.0
    """
    ctx.obj = {"debug": debug}


def main() -> None:
    """Entry point: runs a command and turns errors into messages and exit codes."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("interrupted: what was finished is kept; the same command goes on from here", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TamisError as error:
        if "--debug" in sys.argv or os.environ.get("TAMIS_DEBUG"):
            raise
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted: what was finished is kept; the same command goes on from here", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # `tamis ... | head` closed our output: not an error.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
