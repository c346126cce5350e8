"""Who lives in the country: people, their names, numbers, addresses and work, and what happens to them from day to day."""
