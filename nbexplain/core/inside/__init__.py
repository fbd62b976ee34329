"""What is in the network: activations, and later weights and more."""
