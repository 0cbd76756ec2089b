"""What becomes of suggestions: how many are accepted and kept, kept locally, and what is learnt from it."""
