"""What all pages have in common: one style, one frame, one way to draw a chart."""
