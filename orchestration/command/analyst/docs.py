"""`interagency docs`: the catalogue of what is published, as pages to open in a browser."""

from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, stop


def docs(
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the catalogue of the published night below catalogue/ and print where it begins: every table with its meaning,
    classification, freshness, quality, lineage and a query to begin with.
    """
    import webbrowser

    from catalogue.catalogue_pages import write_catalogue
    from warehouse.home import Home
    from warehouse.store.published_nights import DATABASE, current_night

    home = Home.from_environment()
    night = current_night(home)
    if night is None:
        stop(f"nothing is published in {home.root}; run `interagency run` first", NOT_DONE)
    page = write_catalogue(home, night, night.folder / DATABASE)
    typer.echo(str(page))
    if is_opened:
        webbrowser.open(page.as_uri())
