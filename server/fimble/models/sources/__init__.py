"""Where model files come from: a file on this machine, Hugging Face, or parts on a Python package index.

Each module delivers one file into a staging folder or raises `SourceFailed`; whether it is the right file is
decided elsewhere, by its checksum.
"""
