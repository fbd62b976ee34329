"""What runs a model and what its layers are."""
