"""What a release would give away: figures of disclosure risk, what causes them, what mends them, and attacks. Knows no place of a release."""
