"""`fimble bench replay`: a typist at the same keys with Fimble, with llama.vim's policy, and with an oracle."""
