"""What the trees of an estimator are, read from the estimator itself: one file per package that grows them."""
