"""The same person or body across agencies: one id for each, from night to night. Works on any tables; knows no agency."""

from linkage.accuracy import measure, thresholds, write_chart
from linkage.compare.explain import explain
from linkage.declare.entity import Entity, LinkageConfigError, load_entity
from linkage.resolve import resolve

__all__ = ["Entity", "LinkageConfigError", "explain", "load_entity", "measure", "resolve", "thresholds", "write_chart"]
