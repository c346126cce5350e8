"""What goes wrong with a ledger, in words for who keeps it."""


class LedgerError(Exception):
    """The ledger cannot do what was asked: what happened, where, what to do."""


class NotLoggable(LedgerError):
    """What was to be written is no entry: a defect of who wrote it, or a value that does not belong there."""


class LedgerDamaged(LedgerError):
    """The log is not what was written, so nothing is added to it."""


class NotWritten(LedgerError):
    """The disk refused; the log is as it was before."""


class Untrue(LedgerError):
    """A signature, a proof or a checkpoint that does not hold."""
