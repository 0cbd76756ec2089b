"""What runs a model: llama.cpp, and a scripted one for tests and demos."""
