"""Tests of what recipients read by Delta Sharing."""
