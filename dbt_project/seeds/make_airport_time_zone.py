"""Write airport_time_zone.csv from the PyPI package airportsdata 20260905 (MIT licence). Run by hand when the package moves on."""

import csv
from pathlib import Path

import airportsdata

SEED = Path(__file__).with_name("airport_time_zone.csv")
FAA_CODE_LENGTH = 3  # longer location identifiers belong to private fields, which no agency here reports on


def rows() -> list[tuple[str, str, str, str, str]]:
    """Airports with an IATA code or a public FAA location identifier, in a stable order."""
    kept = []
    for airport in airportsdata.load("ICAO").values():
        faa_code = airport["lid"] if len(airport["lid"]) == FAA_CODE_LENGTH else ""
        if airport["iata"] or faa_code:
            # Four decimals of a degree are eleven metres.
            position = f"{airport['lat']:.4f}", f"{airport['lon']:.4f}"
            kept.append((airport["iata"], faa_code, airport["tz"], *position))
    return sorted(kept)


if __name__ == "__main__":
    with SEED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("iata_code", "faa_code", "time_zone", "latitude_deg", "longitude_deg"))
        writer.writerows(rows())
