"""Whether a product may leave: its agreement is in force, each column is treated or open, and every source allows the purpose."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import sqlglot
from sqlglot import exp

from catalogue.lineage import HISTORY, MARTS
from catalogue.protection import Protection
from sharing.agreements.lint import is_harmless
from sharing.agreements.model import Agreement
from sharing.agreements.product import Kind, Product, Treatment
from sharing.policy.policy import Action, Policy, Question
from sharing.policy.purposes_of_marts import Purposes, Use
from sharing.release.errors import NotReleased

_VERSIONED = f"{HISTORY}."
# Which records are of one person: the platform's own, of random ids.
_LINKED = "linkage/"


@dataclass(frozen=True)
class Covered:
    """What decides: the policy of today, and what is known of each column of the night's relations."""

    policy: Policy
    protection: Protection
    on: date

    def agreement(self, id_: str) -> Agreement:
        """Raises NotReleased where it is not in force, and AgreementError where there is none."""
        broken = next((one.why for one in self.policy.register.broken if f"{id_}.yaml" in one.why), None)
        if broken is not None:
            raise NotReleased(f"the agreement {id_} cannot be used: {broken}")
        signed = self.policy.register.by_id(id_)
        refusal = signed.refusal(self.on)
        if refusal is not None:
            raise NotReleased(f"agreement {id_} {refusal}")
        return signed.agreement

    def check(self, agreement: Agreement, product: Product) -> None:
        """Raises NotReleased with every column that may not leave as it is agreed, and the path of its lineage."""
        if product.rows is not None and not is_harmless(product.rows):
            raise NotReleased(f"{product.id}: rows: is no condition on columns alone; `interagency agreements lint`")
        key = self._key(product)
        found = list(self._exposed(key, product)) or list(self._foreign(key, agreement, product))
        if found:
            raise NotReleased(f"{product.id}: {'; '.join(found)}")

    def _key(self, product: Product) -> str:
        key = product.relation
        if key.startswith(_VERSIONED):
            key = f"{MARTS}.{key.removeprefix(_VERSIONED)}"
        if key not in self.protection.lineage.resources:
            raise NotReleased(
                f"{product.id}: nobody can say of which agencies' fields {product.relation} is made, so it does not leave; name a mart"
            )
        return key

    def _exposed(self, key: str, product: Product) -> Iterator[str]:
        for name, treatment in product.given.items():
            path = self._why_protected(key, name) if treatment.kind == Kind.KEEP and not treatment.because else None
            if path is not None:
                yield (
                    f"{name} is protected ({path}) and kept as it is; treat it, or write the clause that lets it leave (`because`)"
                )
        for name in condition_columns(product.rows):
            path = None if _is_kept_by_law(product.columns.get(name)) else self._why_protected(key, name)
            if path is not None:
                yield f"rows: the condition tells {name}, which is protected ({path}); choose rows by a column that is open"

    def _why_protected(self, key: str, column: str) -> str | None:
        return self.protection.why_protected(key, column.lower())

    def _foreign(self, key: str, agreement: Agreement, product: Product) -> Iterator[str]:
        """Sources whose agreements are not in force, or do not allow the purpose."""
        purposes = Purposes(self.policy, self.protection.lineage, self.on)
        lineage = self.protection.lineage
        asked = [*product.given, *condition_columns(product.rows)]
        uses = [purposes.use(key, column) for column in dict.fromkeys(name.lower() for name in asked)]
        for use in (*uses, purposes.rows_by(key)):
            for feed, fields in _by_feed(use):
                # What the platform writes beside a row begins so, and no contract's column does.
                asked_for = frozenset(name for name in fields if name != "*" and not name.startswith("_"))
                question = Question("", Action.RELEASE, feed, asked_for, agreement.purpose, self.on)
                refusal = self.policy.may(question).refusal
                if refusal is not None:
                    label = lineage.resources[key].label
                    yield f"{label}.{use.column} is made of {feed} ({', '.join(sorted(fields))}): {refusal}"


def condition_columns(rows: str | None) -> list[str]:
    """The columns that a condition reads, by their names."""
    if rows is None:
        return []
    found = (column.name for column in sqlglot.parse_one(rows, dialect="duckdb").find_all(exp.Column))
    return list(dict.fromkeys(found))


def _is_kept_by_law(treatment: Treatment | None) -> bool:
    return treatment is not None and treatment.kind == Kind.KEEP and treatment.because is not None


def _by_feed(use: Use) -> Iterable[tuple[str, frozenset[str]]]:
    found: dict[str, set[str]] = {}
    for field in use.fields:
        feed, _, name = field.partition(": ")
        if feed.startswith(_LINKED):
            continue
        found.setdefault(feed, set()).add(name)
    return [(feed, frozenset(names)) for feed, names in sorted(found.items())]
