"""How all that people open looks: one style, one frame, one way to draw a chart."""
