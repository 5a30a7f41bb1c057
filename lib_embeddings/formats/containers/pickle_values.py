"""What a pickle can name and finish: stand-ins for the classes and functions of other programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

Globals = Mapping[tuple[str, str], object]
PersistentLoad = Callable[[object], object]


class Rebuilder:
    """A stand-in for a callable that pickles name: our function, which builds plain values."""

    __slots__ = ("build",)

    def __init__(self, build: Callable[..., object]) -> None:
        self.build = build


class Stateful(ABC):
    """A value that a pickle finishes with BUILD; the state is data like any other."""

    @abstractmethod
    def set_state(self, state: object) -> None:
        """Take what is worth keeping of *state*."""


def build(named: object, arguments: object) -> object:
    """Call the stand-in that a pickle named. Anything but a stand-in is refused."""
    if type(named) is not Rebuilder or type(arguments) is not tuple:
        raise TypeError
    return named.build(*arguments)
