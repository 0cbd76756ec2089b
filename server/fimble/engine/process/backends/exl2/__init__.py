"""What running ExLlamaV2 0.3.2 correctly takes: building it, checking files, attention without flash-attn."""
