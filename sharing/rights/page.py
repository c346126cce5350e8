"""What is held on a person as a page in plain words and as JSON, both for their owner alone."""

import json
from collections.abc import Iterator
from pathlib import Path

from pages.page import templates
from sharing.papers.paper import Section, Table
from sharing.papers.words import span_words
from sharing.rights.held import Held
from warehouse.files import private_folder, write_text
from warehouse.numbers_for_people import several

_TEMPLATES = templates(Path(__file__).parent / "templates")


def write_report(folder: Path, held: Held) -> list[Path]:
    """The page and the JSON beside it, mode 0600. Named by the platform's own id: a file's name tells nobody who it is. Raises OSError."""
    private_folder(folder)
    stem = f"{held.person.person_id}-{held.night}"
    page, data = folder / f"{stem}.html", folder / f"{stem}.json"
    write_text(data, json.dumps(held.as_data, indent=1, ensure_ascii=False, default=str) + "\n")
    said = {
        "held": held,
        "sections": list(_sections(held)),
        "figures": _figures(held),
        "data": data.name,
        "at": held.at,
    }
    write_text(page, _TEMPLATES.get_template("subject.html.j2").render(**said))
    return [page, data]


def as_json(held: Held) -> str:
    return json.dumps(held.as_data, indent=1, ensure_ascii=False, default=str)


def _figures(held: Held) -> list[tuple[str, int]]:
    return [
        ("Records of agencies", len(held.records)),
        ("Refused records", len(held.rejected)),
        ("Releases with your rows", len(held.given)),
        ("Consents", len(held.consents)),
        ("Looks", len(held.looks)),
    ]


def _sections(held: Held) -> Iterator[Section]:
    identifiers = tuple((kind.replace("_", " "), value) for kind, value in held.person.identifiers)
    yield Section("1", "Who you are here", (f"The platform calls you {held.person.person_id}, at random.",), (Table("Your numbers", ("Kind", "Number"), identifiers),))  # fmt: skip
    yield _records(held)
    yield _kept(held)
    yield _rejected(held)
    yield Section("5", "Where it is used", ("Tables of the published night that have rows of you.",), (Table("Tables", ("Table", "Database", "Rows"), tuple((one.relation, one.database, str(len(one.rows))) for one in held.relations), numbers=("Rows",)),))  # fmt: skip
    yield _released(held)
    consents = tuple(
        (one.consent, one.consumer, one.purpose, one.status.lower(), one.expires, one.life) for one in held.consents
    )
    yield Section("7", "What you agreed to", () if consents else ("No consent of yours is kept.",), (Table("Consents", ("Consent", "For", "Purpose", "Status", "Until", "May be kept"), consents),))  # fmt: skip
    yield _cases(held)
    yield _looks(held)
    yield _rights(held)


def _records(held: Held) -> Section:
    rows = tuple(
        (f"{one.agency}: {one.feed}", name, value, _nights(version.nights))
        for one in held.records
        for version in one.versions
        for name, value in version.fields.items()
    )
    return Section("2", "What agencies sent about you", (), (Table("Records", ("From", "Field", "Value", "On"), rows, long=("Value",)),))  # fmt: skip


def _nights(nights: tuple[str, ...]) -> str:
    return nights[0] if len(nights) == 1 else f"{nights[0]} to {nights[-1]}, {several(len(nights), 'night')}"


def _kept(held: Held) -> Section:
    rows = tuple(
        (feed, one.agreement, f"{one.law}, {one.article}", one.purpose, span_words(one.keeps), one.until)
        for feed, agreements in held.under.items()
        for one in agreements
    )
    headings = ("From", "Agreement", "Law", "Why", "Kept for", "At least until")
    return Section("3", "Under which agreement, and for how long", (), (Table("Agreements", headings, rows, long=("Why",)),))  # fmt: skip


def _rejected(held: Held) -> Section:
    rows = tuple((one.feed, one.night, one.reason, one.record) for one in held.rejected)
    says = () if rows else ("No record of yours was refused.",)
    return Section("4", "What was sent and refused", says, (Table("Refused records", ("From", "On", "Why", "As it was sent"), rows, long=("As it was sent",)),))  # fmt: skip


def _released(held: Held) -> Section:
    rows = tuple(
        (
            f"{one.product} of {one.agreement}", one.recipient, one.night, one.was_in, f"{one.rows:,}",
            "; ".join(f"{name}: {said}" for name, said in one.treatments.items()), one.expires,
        )
        for one in held.given
    )  # fmt: skip
    headings = ("Product", "To", "Night", "Were you in it", "Rows", "What was done to the columns", "May be used until")
    return Section("6", "Who received it", () if rows else ("No release had rows of you.",), (Table("Releases", headings, rows, numbers=("Rows",), long=("What was done to the columns",)),))  # fmt: skip


def _cases(held: Held) -> Section:
    cases = tuple((row.get("match_case_id", "")[:12], row.get("match_type", ""), row.get("detail", ""), row.get("disposition", "")) for row in held.cases)  # fmt: skip
    events = tuple((row.get("event_type", ""), row.get("event_date", ""), row.get("agency", "")) for row in held.events)
    says = () if cases or events else ("There is no case and no life event of you.",)
    return Section(
        "8", "Cases and events of your life", says,
        (
            Table("Cases", ("Case", "Kind", "What does not fit", "Decided"), cases, long=("What does not fit",)),
            Table("Events", ("Event", "Day", "From"), events),
        ),
    )  # fmt: skip


def _looks(held: Held) -> Section:
    rows = tuple((one.at, one.by, one.what, one.purpose) for one in held.looks)
    says = (
        "Each time somebody opened the databases in which people are named, through the platform's own commands. The ledger does not "
        "say whose rows were looked at.",
    )
    return Section("9", "Who looked", says, (Table("Looks", ("When (UTC)", "Who", "How", "For"), rows),))


def _rights(held: Held) -> Section:
    says = [
        f"Your rows are {held.restricted}." if held.restricted else "Your rows are not restricted.",
        "You may ask that a record is corrected, that nothing more leaves, or that what no law keeps is erased.",
    ]
    rows = tuple((one["feed"], one["field"], one["asked"], one["state"]) for one in held.disputed)
    return Section("10", "What you asked for", tuple(says), (Table("Corrections", ("Record of", "Field", "Asked on", "State"), rows),))  # fmt: skip
