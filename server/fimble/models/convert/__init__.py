"""Makes model folders that ExLlamaV2 loads, from a GGUF file or from random numbers, for tests and measurements.

Nothing here needs a GPU, torch or transformers.
"""
