"""bqplot charts, named as the field names the plot."""
