"""Which code the model sees, and the prompt that shows it."""
