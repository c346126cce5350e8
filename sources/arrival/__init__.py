"""What arrives: what is asked of a connector, what it brought, its limits, totals and manifest."""
