"""A command of two options, as small as click makes them."""

import click


@click.group()
def cli() -> None:
    """Say hello."""


@cli.command()
@click.option("--name", help="Whom to greet.")
@click.option("--count", type=int, default=1, help="How often.")
def hello(name: str, count: int) -> None:
    """Say hello so many times."""
    for _ in range(count):
        click.echo(f"Hello {name}")


cli(prog_name="hello")
