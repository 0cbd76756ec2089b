"""The benchmarks that users run: `fimble bench`."""
