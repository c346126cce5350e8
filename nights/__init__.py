"""What adds up from night to night: what landed, what was accepted, what changed, what is kept, and for how long."""
