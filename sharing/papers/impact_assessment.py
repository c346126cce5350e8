"""A draft of a data protection impact assessment: article 35(7), a to d, with what the platform knows, and what people have to write."""

from collections.abc import Sequence

from sharing.agreements.register import Signed
from sharing.papers import measures, risks, told
from sharing.papers.facts import Platform, Reached, by_id, personal, reached, unused
from sharing.papers.paper import Paper, Section, Table, ToWrite
from sharing.papers.processing_record import where_it_goes
from sharing.papers.words import purpose_words, state_words
from warehouse.numbers_for_people import NOTHING, several

KIND = "Draft impact assessment"
INTRO = (
    "Drafts of data protection impact assessments (Regulation (EU) 2016/679, article 35) of the agreements on personal data. A draft "
    "holds what is known; it becomes an assessment when the controllers have written what is marked, and have judged."
)


def assessments(platform: Platform) -> list[Paper]:
    """One for each agreement with columns about people."""
    return [assessment(platform, signed) for signed in by_id(platform.register) if personal(platform, signed.agreement)]


def assessment(platform: Platform, signed: Signed) -> Paper:
    one = signed.agreement
    facts = risks.Facts.of(platform, one)
    places = reached(platform, one)
    return Paper(
        KIND, one.id, one.version, one.digest, one.title, state_words(signed, platform.at.date()), _lead(platform, facts),
        (
            ("Personal columns", str(len(facts.personal))), ("Of special categories", str(len(facts.special))),
            ("Identifiers", str(len(facts.identifiers))), ("People", facts.people_words), ("Feeds of others joined", str(len(facts.joined))),
        ),
        (_whether(platform, signed, facts), _description(platform, signed, facts), where_it_goes(platform, places), _open(places),
         _necessity(platform, signed, places), _risks(platform, signed, facts), _measures(platform, signed), _advice(platform, signed)),
        platform.at,
    )  # fmt: skip


def _lead(platform: Platform, facts: risks.Facts) -> str:
    if not facts.personal:
        return "No column that is kept is classified as about people; an assessment is not called for by what is known."
    counted = f"{several(len(facts.personal), 'column')} about people ({len(facts.special)} of special categories)"
    joined = (
        f"joined with {several(len(facts.joined), 'feed')} of others"
        if platform.protection
        else "joined with what is not known yet"
    )
    return f"{counted}, {joined}. A draft: what is marked has yet to be written."


def _whether(platform: Platform, signed: Signed, facts: risks.Facts) -> Section:
    """What article 35(3) and the guidelines of the data protection authorities (WP 248) look at, as far as it is known."""
    rows = (
        ("Special categories, or very personal data", ", ".join(facts.special) or "none is classified so"),
        ("On a large scale", f"{facts.people_words} people" if facts.people_words != NOTHING else "no night with people is published"),
        ("Data sets are matched or combined", ", ".join(facts.joined) or "not by any shared table that was built here"),
        ("Identifiers that other registers use too", ", ".join(facts.identifiers) or "none is declared"),
        ("Onward use for other purposes", ", ".join(map(purpose_words, signed.agreement.onward_use)) or "none is agreed on"),
    )  # fmt: skip
    recipient = platform.name_of(signed.agreement.recipient)
    asked = (
        ToWrite(
            recipient,
            "whether people are monitored, evaluated or decided about, and whether vulnerable people are among them",
        ),
        ToWrite(recipient, "whether an assessment is required, and why or why not"),
    )
    return Section(
        "35(1) and (3)",
        "Whether an assessment is required",
        tables=(Table("Criteria", ("Criterion", "What is known"), rows, long=("What is known",)),),
        to_write=asked,
    )


def _description(platform: Platform, signed: Signed, facts: risks.Facts) -> Section:
    one = signed.agreement
    of_night = (
        f"Counts are of the published night of {platform.night}."
        if platform.people
        else "No night with people in it is published here."
    )
    says = (
        one.purpose_text,
        f"Every night {platform.name_of(one.recipient)} pulls {several(len(one.feeds), 'feed')} of {platform.name_of(one.provider)}, "
        "refuses what breaks the contract, harmonises the rest into shared tables, links records of the same person across agencies, "
        f"and publishes what may be seen. {of_night}",
        f"Legal basis: {one.law}, {one.article}.",
    )
    tables = (
        told.parties(platform, one),
        told.feeds(platform, one),
        told.personal_columns(platform, one),
        told.products(platform, one),
    )
    asked = ToWrite(
        platform.name_of(one.recipient), "the context: how people are related to the agencies, and what they expect"
    )
    return Section("35(7)(a)", "Systematic description", says, tables, (asked,))


def _open(places: Sequence[Reached]) -> Section:
    """What a reviewer let readers see although it is made of protected columns; it stands beside the models."""
    rows = tuple((f"{place.relation}.{column}", why) for place in places for column, why in place.open_because)
    says = "Columns that all readers see although protected ones went into them, with the reviewer's reason."
    if not rows:
        says = "No column that is made of protected ones is open to all readers, as far as anything was built here."
    return Section(
        "Besides",
        "What is open all the same",
        (says,),
        (Table("Open", ("Column", "Why it may be"), rows, long=("Why it may be",)),),
    )


def _necessity(platform: Platform, signed: Signed, places: Sequence[Reached]) -> Section:
    one = signed.agreement
    consent = "consent of each person is required" if one.needs_consent else "no consent of people is required"
    dates = f"from {one.valid_from} until {one.valid_until}, to be reviewed on {one.review_on}"
    left = unused(platform, one, places) if platform.protection else []
    needless = [name for name, serves in left if serves is None]
    rows = tuple((name, serves or "not known") for name, serves in left)
    recipient = platform.name_of(one.recipient)
    asked = [
        ToWrite(recipient, f"what each of these is needed for: {', '.join(needless)}") if needless else None,
        ToWrite(recipient, "why the purposes cannot be reached with fewer columns, fewer people or less detail"),
        ToWrite(
            platform.name_of(one.provider),
            "how people are informed, and how they have access, correction and objection",
        ),
    ]
    return Section(
        "35(7)(b)", "Necessity and proportionality",
        (f"The agreement covers these columns alone, {dates}; {consent}.", _use(platform, needless)),
        (Table("Agreed on, and no table beyond staging has a value of it", ("Column", "Serves all the same"), rows),),
        tuple(item for item in asked if item is not None),
    )  # fmt: skip


def _use(platform: Platform, needless: Sequence[str]) -> str:
    if platform.protection is None:
        return "No night was built here yet: which columns are used is not known."
    if not needless:
        return "Every agreed column serves something that is known."
    serve = "serves" if len(needless) == 1 else "serve"
    return f"What {several(len(needless), 'column')} {serve} is not known: agree on less by a further version, or say what for."


def _risks(platform: Platform, signed: Signed, facts: risks.Facts) -> Section:
    are_on = [measure for measure in measures.measures(platform) if measure.is_on]
    rows = tuple(
        (risk.name, risk.known(facts), ", ".join(one.name for one in are_on if risk.id in one.against) or "nothing that is on", "to be written", "to be written")
        for risk in risks.RISKS
    )  # fmt: skip
    headings = ("Risk to people", "What is known", "Lessened by", "Likelihood", "Severity")
    asked = (
        ToWrite(
            platform.name_of(signed.agreement.recipient),
            "the likelihood and severity of each risk, and risks that are not listed",
        ),
        ToWrite(
            platform.name_of(signed.agreement.provider),
            "what it would mean for people if this data came to light or were wrong",
        ),
    )
    return Section(
        "35(7)(c)",
        "Risks to rights and freedoms",
        ("Who could be harmed, and by what.",),
        (Table("Risks", headings, rows, long=("What is known", "Lessened by")),),
        asked,
    )


def _measures(platform: Platform, signed: Signed) -> Section:
    asked = (
        ToWrite(
            platform.name_of(signed.agreement.recipient),
            "measures outside of the platform, and who sees to what is off",
        ),
        ToWrite(
            platform.name_of(signed.agreement.recipient),
            "the risk that is left, and whether the authority is to be consulted (article 36)",
        ),
    )
    return Section(
        "35(7)(d)", "Measures envisaged", tables=(measures.table(measures.measures(platform)),), to_write=asked
    )


def _advice(platform: Platform, signed: Signed) -> Section:
    one = signed.agreement
    asked = tuple(
        ToWrite(f"the data protection officer of {platform.name_of(name)}", "advice, with its date (article 35(2))")
        for name in one.controllers
    )
    views = ToWrite(
        platform.name_of(one.recipient),
        "the views of people or of those who speak for them, or why they were not asked (article 35(9))",
    )
    decided = ToWrite("each controller", "the decision, with name and date")
    return Section(
        "35(2), (9), (11)",
        "Advice, views and review",
        (f"To be reviewed with the agreement on {one.review_on}, and whenever the risk changes.",),
        (),
        (*asked, views, decided),
    )
