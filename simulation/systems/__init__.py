"""The systems that the simulated agencies run: real servers on loopback."""
