"""Which code besides the text around the cursor a model sees: collect, rank, fit, render, each a step of its own."""
