"""What the platform does to protect the data under agreements: each measure, and whether it is on here. Nothing that it does not do."""

from dataclasses import dataclass

from sharing.papers.facts import Platform
from sharing.papers.paper import Table
from warehouse.keys.platform_key import HOW_TO_SET
from warehouse.settings import settings
from warehouse.store.published_nights import RESTORABLE_NIGHTS

_ON = "on"


@dataclass(frozen=True)
class Measure:
    """`against` is the risk of `sharing.papers.risks` that it lessens."""

    name: str
    does: str
    state: str = _ON
    against: tuple[str, ...] = ()

    @property
    def is_on(self) -> bool:
        return self.state == _ON


def measures(platform: Platform) -> list[Measure]:
    off = f"OFF: {HOW_TO_SET}"
    readers = settings().readers
    return [
        Measure("Only what is agreed", "A column that no agreement in force covers does not land; without one nothing is pulled, built, published or restored.", against=("purpose", "excess")),
        Measure("Signed by every party", "A text that was changed, or that one party did not sign (Ed25519), allows nothing.", against=("purpose",)),
        Measure("Identifiers apart", "What a contract calls personal stands apart from what all readers see, unless lineage or a reviewed reason shows that a column may be open. A build that shows more is not published.", against=("identification", "disclosure")),
        Measure("Pseudonyms", "Shared tables know people by a person_id of the platform's own; a protected source key is replaced by a keyed hash.", against=("identification", "linking")),
        Measure("Encrypted at rest", "What was sent, landed, rejected and accepted of people, history, linkage and both protected databases are encrypted, each feed's night under a key of its own; destroying it erases the night. A feed of people is not pulled without a key.", _ON if platform.has_key else off, ("disclosure", "retention")),
        Measure("Ledger", "Agreements, pulls, verdicts, publications, decisions and questions stand in a log that its keeper cannot change unseen once a witness has cosigned it; what a build reads is held against it.", against=("accuracy", "purpose")),
        Measure("Names and content apart", "Who people are and what is said of them lie in databases apart; linkage reads the first alone. Rows with both lie in a vault, which nobody opens without a grant by another person, with a reason, an end, and an entry in the ledger.", against=("identification", "linking")),
        Measure("For its owner alone", "Every file and folder of the platform is closed to other accounts of the machine" + (f"; the group {readers} may open the published database." if readers else "."), against=("disclosure",)),
        Measure("Nothing personal in messages", "Messages, logs, alerts and reports show no value of a protected column.", against=("disclosure",)),
        Measure("Changes are seen", "Landed and accepted rows, verdicts and records carry a keyed hash; what does not fit it is not read on, and journals of decisions are chained.", against=("accuracy",)),
        Measure("Rows are checked", "Each extract is held against its contract and against other agencies; what does not fit is rejected and sent back, with its reason.", against=("accuracy",)),
        Measure("Leads, no findings", "A match between agencies is given with its grounds and probability, and may be decided by a person.", against=("accuracy", "decisions")),
        Measure("Erasure", "Originals are deleted after the contract's retention, all that was taken after the agreement's once that has ended.", against=("retention",)),
        Measure("Restoring", f"The last {RESTORABLE_NIGHTS} published nights can be restored; readers see one whole night or the other.", against=("loss",)),
    ]  # fmt: skip


def table(found: list[Measure]) -> Table:
    rows = tuple((one.name, one.does, one.state) for one in found)
    return Table("What the platform enforces", ("Measure", "What it does", "State here"), rows, long=("What it does",))
