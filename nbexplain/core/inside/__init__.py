"""What is in the network: activations, evidence, cells; what becomes of the scores without a part of it."""

from nbexplain.core.inside import ablation, activations, cells, evidence  # noqa: F401
