"""The contract of a benchmark's feed: what differs is the server, the columns, and how many rejects it allows."""

from collections.abc import Iterable

_CONTRACT = """apiVersion: v3.2.0
kind: DataContract
id: bench-{feed}
name: A feed to measure
version: 1.0.0
servers: [{{server: bench, {server}}}]
schema:
  - name: {feed}
    properties: [{properties}]
slaProperties:
  - {{property: frequency, value: 1, unit: d}}
  - {{property: timeOfAvailability, value: "02:00"}}
  - {{property: latency, value: 1, unit: h}}
  - {{property: retention, value: 1, unit: d}}
customProperties: [{{property: rejectThreshold, value: "{threshold}"}}]
"""


def contract_text(feed: str, server: str, properties: Iterable[str], threshold: str = "0 %") -> str:
    """`server` and each of the `properties` in flow style, without their braces."""
    columns = ", ".join(f"{{{column}}}" for column in properties)
    return _CONTRACT.format(feed=feed, server=server, properties=columns, threshold=threshold)
