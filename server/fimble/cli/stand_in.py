"""Which model runs here: the one that was chosen or, where a GPU model cannot run, the default one on the CPU."""

from fimble.cli.settings import DEFAULT_MODEL
from fimble.models.card import ModelCard
from fimble.models.catalogue import find_card
from fimble.models.gpu import gpu_obstacle


def runnable(name: str) -> tuple[ModelCard, str]:
    """Returns the card of the model that will run and, where that is another one, a sentence that says why.

    Raises:
        ModelUnknown: there is no such model.
        ModelCardInvalid: its card cannot be read.
        ModelFileWrong: it is a path to something else than a model.
    """
    card = find_card(name)
    if card.backend == "exllamav2" and (obstacle := gpu_obstacle()):
        stand_in = find_card(DEFAULT_MODEL)
        return stand_in, f"{obstacle} {stand_in.name} runs on the CPU instead of {card.name}."
    return card, ""
