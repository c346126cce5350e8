"""Commands of those who run the nights and keep the platform going."""
