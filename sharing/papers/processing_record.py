"""The record of processing activities of each agreement: what Regulation (EU) 2016/679 asks for in article 30(1), a to g."""

from collections.abc import Sequence

from sharing.agreements.register import Signed
from sharing.papers import measures, told
from sharing.papers.facts import SHARED, Held, Platform, Reached, by_id, personal, reached, without_contract
from sharing.papers.paper import Paper, Section, ToWrite
from sharing.papers.words import state_words
from sources.contract.model import CLASSIFICATIONS
from warehouse.numbers_for_people import several

KIND = "Record of processing"
INTRO = (
    "The record of processing activities under each sharing agreement, as article 30(1) of Regulation (EU) 2016/679 asks for it: "
    "written from agreements, contracts and lineage. What only people know is marked as to be written."
)
SPECIAL = CLASSIFICATIONS[-1]


def records(platform: Platform) -> list[Paper]:
    """One for each agreement that can be read, also for those that have ended: what was taken may still be kept."""
    return [record(platform, signed) for signed in by_id(platform.register)]


def record(platform: Platform, signed: Signed) -> Paper:
    one = signed.agreement
    about_people, places = personal(platform, one), reached(platform, one)
    special = [item for item in about_people if item.column.classification == SPECIAL]
    return Paper(
        KIND, one.id, one.version, one.digest, one.title, state_words(signed, platform.at.date()), _lead(about_people, special),
        (
            ("Personal columns", str(len(about_people))), ("Of special categories", str(len(special))), ("Feeds", str(len(one.feeds))),
            ("Shared tables", str(len([place for place in places if place.schema in SHARED]))), ("Products", str(len(one.products))),
        ),
        (_controllers(platform, signed), _purposes(signed), _people(platform, signed), _data(platform, signed), _recipients(platform, signed),
         _transfers(platform, signed), _erasure(platform, signed), _measures(platform, signed), where_it_goes(platform, places)),
        platform.at,
    )  # fmt: skip


def _lead(about_people: Sequence[Held], special: Sequence[Held]) -> str:
    if not about_people:
        return "No column of it that is kept is about people, as the contracts classify them."
    besides = f", {len(special)} of them of special categories" if special else ""
    feeds = len({one.feed for one in about_people})
    return f"{several(len(about_people), 'column')} about people of {several(feeds, 'feed')}{besides}."


def _controllers(platform: Platform, signed: Signed) -> Section:
    missing = tuple(
        ToWrite(platform.name_of(name), "its data protection officer, and its representative where it has one")
        for name in signed.agreement.controllers
    )
    return Section(
        "30(1)(a)", "Controllers and contacts", tables=(told.parties(platform, signed.agreement),), to_write=missing
    )


def _purposes(signed: Signed) -> Section:
    one = signed.agreement
    consent = (
        "Each person must have consented." if one.needs_consent else "The agreement asks for no consent of people."
    )
    return Section(
        "30(1)(b)", "Purposes", (one.purpose_text, f"Legal basis: {one.law}, {one.article}. {consent}"), (told.purposes(one),)
    )  # fmt: skip


def _people(platform: Platform, signed: Signed) -> Section:
    of_night = f" Counts are of the published night of {platform.night}." if platform.people else ""
    asked = ToWrite(
        platform.name_of(signed.agreement.provider),
        "the categories of people in each feed, such as residents or employees",
    )
    return Section(
        "30(1)(c)", "Categories of data subjects", (f"What the contracts say of whom the feeds are about.{of_night}",),
        (told.feeds(platform, signed.agreement),), (asked,) if personal(platform, signed.agreement) else (),
    )  # fmt: skip


def _data(platform: Platform, signed: Signed) -> Section:
    one, unknown = signed.agreement, without_contract(platform, signed.agreement)
    says = [
        "Every column that a contract classifies as personal or as of a special category.",
        told.other_columns(platform, one),
    ]
    if unknown:
        says.append(f"Agreed on, and described by no contract here: {', '.join(unknown)}.")
    asked = [ToWrite(platform.name_of(one.provider), f"what is in {', '.join(unknown)}")] if unknown else []
    return Section(
        "30(1)(c)", "Categories of personal data", tuple(says), (told.personal_columns(platform, one),), tuple(asked)
    )


def _recipients(platform: Platform, signed: Signed) -> Section:
    one = signed.agreement
    receiving = f"{platform.name_of(one.recipient)} receives the feeds."
    given_on = (
        "What may be given on, and to whom:" if one.products else "Nothing may be given on to others by this agreement."
    )
    asked = ToWrite(platform.name_of(one.recipient), "which of its staff and which processors see the protected tables")
    return Section("30(1)(d)", "Recipients", (receiving, given_on), (told.products(platform, one),), (asked,))


def _transfers(platform: Platform, signed: Signed) -> Section:
    one = signed.agreement
    by = (
        f"by {several(len(one.products), 'product')} of (d) alone"
        if one.products
        else "nowhere: no product is agreed on"
    )
    asked = ToWrite(
        platform.name_of(one.recipient),
        "whether a recipient or processor is in a third country, and by which safeguards",
    )
    return Section(
        "30(1)(e)", "Transfers to third countries", (f"From the platform this data leaves {by}.",), (), (asked,)
    )


def _erasure(platform: Platform, signed: Signed) -> Section:
    one = signed.agreement
    asked = ToWrite(
        platform.name_of(one.recipient), "how long earlier versions of shared tables (history) and backups are kept"
    )
    return Section(
        "30(1)(f)", "Envisaged time limits for erasure",
        ("Times count from the pull. Once no agreement on a feed is in force, its rows are read no further.",),
        (told.erasure(platform, one),), (asked,),
    )  # fmt: skip


def _measures(platform: Platform, signed: Signed) -> Section:
    by = platform.name_of(signed.agreement.recipient)
    asked = ToWrite(
        by, "measures outside of the platform: rooms, machines, encryption of disks, staff, backups, incidents"
    )
    found = measures.measures(platform)
    return Section(
        "30(1)(g)", "Technical and organisational measures", tables=(measures.table(found),), to_write=(asked,)
    )


def where_it_goes(platform: Platform, places: Sequence[Reached]) -> Section:
    if platform.protection is None:
        return Section("Besides", "Where it goes", ("No night was built here yet, so lineage knows nothing of it.",))
    shared = [place for place in places if place.schema in SHARED]
    says = (
        "The shared tables that hold what was made of these columns, by the lineage of the models as they were built."
    )
    return Section("Besides", "Where it goes", (says,), (told.destinations(shared),))
