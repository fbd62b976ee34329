"""The methods, one file per family. Importing a family registers its methods."""

from nbexplain.core.methods import (  # noqa: F401
    cam,
    gradient,
    leave_one_out,
    lime,
    occlusion,
    shap_deep,
    shap_exact,
    shap_gradient,
    shap_kernel,
    shap_partition,
    shap_permutation,
    shap_tree,
    without,
)
