"""From records to profiles with all that is compared of them."""
