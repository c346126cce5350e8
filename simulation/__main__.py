"""`python -m simulation`: a small country with known truth, and what its agencies send night by night."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from simulation.profile import DEFAULT, ProfileError, load_profile
from simulation.simulate import Served
from simulation.simulate import simulate as make
from simulation.world import Plan


def simulate(
    people: Annotated[int, typer.Option(help="Living people on the first day.", min=50)] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.", min=0)] = 1,
    nights: Annotated[int, typer.Option(help="How many nights.", min=1)] = 3,
    first_night: Annotated[str, typer.Option(help="The first of them, yyyy-mm-dd.")] = "2026-03-02",
    out: Annotated[Path, typer.Option(help="Folder for `truth/` and `extracts/`; what is there under these names is replaced.")] = Path("country"),
    profile: Annotated[Path | None, typer.Option(help="YAML of rates and errors; the project's own where none is named.")] = None,
) -> None:  # fmt: skip
    """Make people, businesses and events with known truth, and each agency's extracts with errors at known places."""
    try:
        plan = Plan(people, seed, nights, date.fromisoformat(first_night), load_profile(profile or DEFAULT))
    except ProfileError as error:
        raise typer.BadParameter(str(error)) from None
    except ValueError:
        raise typer.BadParameter(f"{first_night!r} is not a date; write it as yyyy-mm-dd") from None
    served: list[Served] = []
    try:
        make(plan, out, served.append)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for one in [
        ("night", "agency", "feed", "records"),
        *((one.night, one.agency, one.feed, f"{one.records:,}") for one in served),
    ]:
        typer.echo("\t".join(one))
    typer.echo(f"Truth and extracts: {out.resolve()}")


if __name__ == "__main__":
    typer.run(simulate)
