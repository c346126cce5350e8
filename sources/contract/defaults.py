"""What holds where a contract does not say it; what the platform itself is set to stands in `warehouse/settings.py`."""

EXTRACT_MODE = "snapshot"
# Shares of rows, as a contract writes them.
REJECT_THRESHOLD = "0 %"
LARGEST_DROP = "50 %"
# How far back late rows are looked for, by a watermark that is a time, and by one that is a number.
LATENESS = "1 h"
LATENESS_IN_NUMBERS = 1000
SEVERITY = "error"
INTEGER_FORMAT = "i64"
TIME_ZONE = "UTC"
DELIMITER = ","
ENCODING = "utf-8"
# How long a system may be silent in the middle of an answer.
TIMEOUT_SECONDS = 60.0
