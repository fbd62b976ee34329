"""Charts, named as the field names the plot."""
