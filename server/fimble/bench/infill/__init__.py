"""How well holes in functions are filled, told by running the tests of HumanEval-Infilling."""
