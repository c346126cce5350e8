"""The tax authority: this month's declarations of pay as a CSV file in Windows-1252 with its control file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.planted_errors import Extract, Sent
from simulation.errors.spelling import in_windows_1252
from simulation.extracts.night import Night, money_text, respelled, written
from simulation.random_numbers import Integers
from simulation.world import jobs_as_known

AGENCY = "tax_authority"
ENCODING = "cp1252"


def extracts(night: Night) -> list[Extract]:
    known, world = night.known(AGENCY), night.world
    jobs = jobs_as_known(world, night.day)
    person = world.jobs.person[jobs]
    surname, given, home = known.surname(person), known.given(person), known.home(person)
    cents = world.jobs.monthly_cents[jobs]
    national = pc.if_else(
        pa.array(night.chance("tax knows the national number", person) < night.share("national_number_known_to_tax")),
        known.ids("national", person), None,
    )  # fmt: skip
    table = pa.table({
        "DECLARATION": night.record_numbers("declarations", jobs, 9),
        "PERIOD": pa.array([night.period] * len(jobs), pa.string()),
        "TAX_NUMBER": known.ids("tax", person),
        "NATIONAL_NUMBER": national,
        "SURNAME": respelled(surname, in_windows_1252),
        "GIVEN_NAMES": respelled(given, in_windows_1252),
        "BIRTH_DATE": written(known.people.birth_day[person], "%d.%m.%Y"),
        "STREET": home["street"],
        "HOUSE": home["house_number"],
        "POSTCODE": home["postcode"],
        "TOWN": home["town"],
        "EMPLOYER_VAT": world.businesses.vat_number.take(pa.array(world.jobs.business[jobs])),
        "GROSS_INCOME": money_text(cents, ","),
        "TAX_WITHHELD": money_text(_withheld(cents), ","),
        "IBAN": known.ids("iban", person),
    })  # fmt: skip
    named = {"SURNAME": surname, "GIVEN_NAMES": given}
    return [Extract(AGENCY, "income", table, person, jobs, "dd.MM.yyyy", ENCODING, named)]


def _withheld(cents: Integers) -> Integers:
    """A fifth of what is above an allowance of 654 a month."""
    return np.maximum(cents - 65_400, 0) // 5


def write(folder: Path, night: Night, sent: dict[str, Sent]) -> None:
    """`income_yyyymmdd.csv` and `income_yyyymmdd.ctl`, which states the count and the sum of GROSS_INCOME."""
    table, stem = sent["income"].table, f"income_{night.on:%Y%m%d}"
    fields = [pc.fill_null(pc.cast(column.combine_chunks(), pa.string()), "") for column in table.columns]
    lines = pc.binary_join_element_wise(*[_quoted(field) for field in fields], ";").to_pylist()
    content = "".join(f"{line}\r\n" for line in [";".join(table.column_names), *lines])
    (folder / f"{stem}.csv").write_bytes(content.encode(ENCODING))
    total = pc.sum(pc.cast(pc.replace_substring(table["GROSS_INCOME"], ",", ""), pa.int64())).as_py() or 0
    control = (
        f"DATE={night.on:%Y%m%d}\r\nCOUNT={len(table)}\r\nSUM_GROSS={money_text(np.array([total]), ',')[0].as_py()}\r\n"
    )
    (folder / f"{stem}.ctl").write_bytes(control.encode(ENCODING))


def _quoted(field: pa.Array) -> pa.Array:
    needs = pc.match_substring_regex(field, '[;"\r\n]')
    doubled = pc.binary_join_element_wise('"', pc.replace_substring(field, '"', '""'), '"', "")
    return pc.if_else(needs, doubled, field)
