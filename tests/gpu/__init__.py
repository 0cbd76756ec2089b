"""Tests on an NVIDIA card; `scripts/gpu-check` runs them on a bare machine."""
