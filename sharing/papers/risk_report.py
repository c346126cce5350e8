"""The risk of one release on a page, for whoever signs that it may go: by the Five Safes (Desai, Ritchie, Welpton 2016)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pages.charts import Span, spans
from sharing.agreements.model import Agreement
from sharing.agreements.parties import Party
from sharing.agreements.product import Product
from sharing.papers.paper import Paper, Section, Table, write_page
from sharing.papers.words import purpose_words, span_words
from sharing.release.kept import Release
from warehouse.numbers_for_people import counted, percent, several

KIND = "Risk report"
_NAMES = {
    "singling_out_by_one": "singled out by one column", "singling_out_by_several": "singled out by several columns",
    "linkage": "linked to what is known", "inference": "a protected value guessed", "differencing": "told by two releases",
}  # fmt: skip
_WAYS = {
    "folder": "a file in a folder", "sftp": "a file by SFTP", "s3": "a file in an object store", "delta-sharing": "read from the platform (Delta Sharing)",
}  # fmt: skip


def write_risk_report(
    path: Path, release: Release, agreement: Agreement, parties: dict[str, Party], at: datetime
) -> Path:
    """`agreement` is the version that the release was made under. Raises KeyError where it has no such product."""
    product = agreement.product_of(release.manifest.product)
    if product is None:
        raise KeyError(release.manifest.product)
    return write_page(path, "risk", paper=_paper(release, agreement, product, parties, at), kind=KIND, at=at)


def _paper(release: Release, agreement: Agreement, product: Product, parties: dict[str, Party], at: datetime) -> Paper:
    said = release.manifest
    names = {id_: party.name for id_, party in parties.items()}
    sections = (
        _projects(agreement), _people(agreement, product, said.recipient, names), _settings(release, product), _data(release, product), _outputs(release, product),
    )  # fmt: skip
    figures = (
        ("Rows", counted(said.content.rows)),
        ("Columns", counted(len(product.given))),
        ("Until", said.expires),
        ("State", release.state),
    )
    recipient = names.get(said.recipient, said.recipient)
    return Paper(
        KIND, agreement.id, agreement.version, said.digest, f"{product.id} for {recipient}", release.state, _lead(said.risk, product), figures, sections, at
    )  # fmt: skip


def _lead(risk: dict[str, Any], product: Product) -> str:
    if not risk:
        return "The agreement sets no limit of risk, so none was measured."
    if "table" in risk:
        return f"A table of {several(risk['table']['cells'], 'cell')}; {_protected(risk['table'])}."
    worst = max((one["gain"] for one in risk["attacks"]), default=0.0)
    k = risk["records"]["risk"]["k"] if product.risk.quasi_identifiers else None
    alike = (
        f"At least {several(k, 'record')} {'looks' if k == 1 else 'look'} alike by what a reader may know. "
        if k is not None
        else ""
    )
    return f"{alike}The best attack gains {percent(worst)} over people who are not in it."


def _protected(table: dict[str, Any]) -> str:
    if table["protect"] == "rounding":
        return "each count is rounded to a multiple of 3 by chance"
    return f"{several(table['unsafe'], 'small cell')} and {several(table['hidden'] - table['unsafe'], 'cell')} that would give them away are hidden"


def _projects(agreement: Agreement) -> Section:
    says = (
        f"{agreement.title}: {agreement.purpose_text}", f"By law: {agreement.law}, {agreement.article}. To {purpose_words(agreement.purpose)}.",
        f"From {agreement.valid_from} until {agreement.valid_until}; rows are kept for {span_words(agreement.retention)}.",
    )  # fmt: skip
    return Section("Safe projects", "Is this use of the data allowed?", says)


def _people(agreement: Agreement, product: Product, recipient: str, names: dict[str, str]) -> Section:
    signed = ", ".join(names.get(one, one) for one in agreement.parties)
    consent = (
        "Only people who consented are in it."
        if agreement.needs_consent
        else "The law is the ground; no consent is asked."
    )
    person = (
        "A person signs each release before it goes."
        if product.needs_approval
        else "It goes without a person's signature, as was agreed."
    )
    return Section(
        "Safe people",
        "Can the recipient be trusted to use it so?",
        (f"For {names.get(recipient, recipient)}. The agreement is signed by {signed}.", consent, person),
    )


def _settings(release: Release, product: Product) -> Section:
    sealed = (
        "sealed for the recipient's key alone"
        if release.sealed.suffix == ".age"
        else "kept encrypted here, and given out by addresses that expire"
    )
    way = f"It leaves as {_WAYS[product.destination.by]}, {sealed}."
    return Section(
        "Safe settings",
        "Does how it is handed over keep others out?",
        (way, f"It may be used until {release.manifest.expires}."),
    )


def _data(release: Release, product: Product) -> Section:
    said = release.manifest
    rows = tuple((name, treatment.words, treatment.because or "") for name, treatment in product.columns.items())
    tables = [
        Table(
            "Columns",
            ("Column", "What is done to it", "Why it is kept as it is"),
            rows,
            long=("Why it is kept as it is",),
        )
    ]
    records = said.risk.get("records")
    if records and product.risk.quasi_identifiers:
        tables.append(
            Table(
                "Records that look alike",
                ("Figure", "Found", "Agreed"),
                tuple(_figures(records, product)),
                numbers=("Found", "Agreed"),
            )
        )
    where = f"Rows of {said.relation} of the night of {said.night}" + (
        f" where {said.condition}." if said.condition else "."
    )
    return Section("Safe data", "What could tell of somebody in it?", (where,), tuple(tables))


def _figures(records: dict[str, Any], product: Product) -> Iterator[tuple[str, str, str]]:
    risk, limits = records["risk"], product.risk
    yield f"fewest alike (k) by {', '.join(limits.quasi_identifiers)}", str(risk["k"]), _agreed(limits.k_anonymity)
    yield (
        "records that are the only ones",
        percent(risk["unique_share"]),
        "" if limits.unique_share is None else percent(limits.unique_share),
    )
    for one in risk["sensitive"]:
        yield f"fewest values of {one['column']} among those alike (l)", str(one["l"]), _agreed(limits.l_diversity)
        yield f"distance of {one['column']} from that of all (t)", f"{one['t']:.3f}", _agreed(limits.t_closeness)


def _agreed(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"


def _outputs(release: Release, product: Product) -> Section:
    risk = release.manifest.risk
    if "table" in risk:
        return Section(
            "Safe outputs", "Was it tried to find somebody out?", (f"{_protected(risk['table']).capitalize()}.",)
        )
    attacks = risk.get("attacks", [])
    if not attacks:
        return Section(
            "Safe outputs",
            "Was it tried to find somebody out?",
            ("It was not attacked: the agreement sets no limit of risk.",),
        )
    rows = tuple(
        (
            _name(one),
            percent(one["gain"]),
            f"{percent(one['low'])} to {percent(one['high'])}",
            f"{one['members']['attempts']:,}",
        )
        for one in attacks
    )
    limit = product.risk.attack_gain
    says = (
        "The treatments were tried on one half of the rows and attacked by what a reader may know; the same attack on the other half, which is "
        "not in it, shows what anybody could guess. The gain is what being in it adds.",
        f"{percent(limit)} is agreed." if limit is not None else "The agreement sets no limit.",
    )  # fmt: skip
    return Section(
        "Safe outputs", "Was it tried to find somebody out?", says,
        (Table("Attacks", ("Attack", "Gain", "Between", "Tries"), rows, numbers=("Gain", "Between", "Tries")),),
        picture=_picture(attacks, limit), pictured="Gain of each attack with its interval" + ("; the dashed line is what is agreed" if limit is not None else ""),
    )  # fmt: skip


def _picture(attacks: Sequence[dict[str, Any]], limit: float | None) -> Markup:
    return spans([Span(_name(one), one["gain"], one["low"], one["high"]) for one in attacks], "gain", limit)


def _name(attack: dict[str, Any]) -> str:
    by = f" ({', '.join(attack['columns'])})" if attack["attack"] == "inference" else ""
    return f"{_NAMES[attack['attack']]}{by}"
