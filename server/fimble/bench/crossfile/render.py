"""The product's ways of showing context, by name."""

from fimble.prompting.context.rendering import RENDERINGS as RENDERERS

__all__ = ["RENDERERS"]
