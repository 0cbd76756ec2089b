"""Where context comes from, one file per source; each yields candidates with the reason for them."""
