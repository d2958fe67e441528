"""`tallystick completion`: what makes a shell complete commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from gateway.exits import Exit, Failed

PROGRAM: Final = "tallystick"
VARIABLE: Final = "_TALLYSTICK_COMPLETE"
SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print the completion of SHELL, to be read by it.

    \b
    bash  eval "$(tallystick completion bash)"     in ~/.bashrc
    zsh   eval "$(tallystick completion zsh)"      in ~/.zshrc
    fish  tallystick completion fish | source      in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # a shell that click has ceased to know
        raise Failed(Exit.FAILED, f"{shell}: there is no completion for it")
    made = kind(context.find_root().command, {}, PROGRAM, VARIABLE)
    click.echo(made.source_template % made.source_vars())
