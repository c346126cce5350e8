"""What a data steward reads: static pages made from the record of each night."""
