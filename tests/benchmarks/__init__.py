"""Times nbexplain beside other packages in the same run: `python -m tests.benchmarks`."""
