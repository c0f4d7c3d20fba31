"""From method and path to a route: one dict for fixed paths, a tree of segments for the others."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from clarivum.errors import DeclarationError

T = TypeVar("T")
PARAMETER = "/"  # the key of a parameter among a node's children: no segment can hold it


class Methods(Generic[T]):
    """What one path answers. GET answers HEAD as well; the server leaves the body out."""

    __slots__ = ("allow", "by_method", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.by_method: dict[str, T] = {}
        self.allow = ""

    def add(self, method: str, target: T) -> None:
        self.by_method[method] = target
        if method == "GET":
            self.by_method["HEAD"] = target
        self.allow = ", ".join(sorted(self.by_method))


class _Node(Generic[T]):
    __slots__ = ("children", "methods")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.methods: Methods[T] | None = None


class Router(Generic[T]):
    """Built once. A fixed segment wins over a parameter; a path that matches neither has no methods."""

    def __init__(self, targets: Iterable[tuple[str, str, T]]) -> None:
        self.fixed: dict[bytes, Methods[T]] = {}
        """What answers the paths without parameters, by the path as it is sent."""
        self._root: _Node[T] = _Node()
        for method, path, target in targets:
            methods = self._methods_at(path)
            if method in methods.by_method:
                raise DeclarationError(f"{method} {path} is declared twice")
            methods.add(method, target)

    def find(self, raw_path: bytes) -> tuple[Methods[T] | None, tuple[bytes, ...]]:
        """What answers a path as it was sent, and the raw values of its parameters in order.

        Only parameters may hold escapes: `/%6detrics` is not `/metrics`, as it is not for a proxy that compares paths,
        and `%2F` never makes a segment.
        """
        found = self.fixed.get(raw_path)
        if found is not None:
            return found, ()
        values: list[bytes] = []
        return self._descend(self._root, raw_path.split(b"/")[1:], 0, values), tuple(values)

    def _descend(self, node: _Node[T], segments: list[bytes], at: int, values: list[bytes]) -> Methods[T] | None:
        if at == len(segments):
            return node.methods
        segment = segments[at]
        child = node.children.get(segment.decode("latin-1"))
        if child is not None:
            found = self._descend(child, segments, at + 1, values)
            if found is not None:
                return found
        child = node.children.get(PARAMETER)
        if child is None or not segment:
            return None
        values.append(segment)
        found = self._descend(child, segments, at + 1, values)
        if found is None:
            values.pop()
        return found

    def _methods_at(self, path: str) -> Methods[T]:
        segments = path.split("/")[1:]
        names = tuple(segment[1:-1] for segment in segments if segment.startswith("{"))
        if not names:
            return self.fixed.setdefault(path.encode("ascii"), Methods(()))
        node = self._root
        for segment in segments:
            node = node.children.setdefault(PARAMETER if segment.startswith("{") else segment, _Node())
        if node.methods is None:
            node.methods = Methods(names)
        if node.methods.names != names:
            raise DeclarationError(f"{path} names its parameters differently from another route of the same shape")
        return node.methods
