"""`fimble bench crossfile`: does code from other files help where the text in the hole uses what they define?

The shipped spots name places in published packages by version, hash and offset; no source text is in here.
"""
