"""Classes of values: fields in a row, which are set when a value is made and never again.

To a type checker they are frozen dataclasses. `dataclass` itself makes several methods of each class by compiling their
text, and a frozen one sets its fields by way of `object.__setattr__`: to make the classes of the tree was a tenth of the
time that a small model took, and now values are made twice as fast. That nobody sets a field is left to the type checker.
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def record(cls: type[T]) -> type[T]:
    """The class `cls` with a slot for each annotated field, after those of its base, and `__init__` for them in their order.

    A value in the class is the default of its field. `__match_args__` are the names of all fields.
    """
    own = tuple(cls.__dict__.get("__annotations__", ()))
    names = (*getattr(cls.__base__, "__match_args__", ()), *own)
    defaults = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
    given = {f"default_{name}": value for name, value in defaults.items()}
    arguments = (f"{name}=default_{name}" if name in defaults else name for name in names)
    made: dict = {}
    exec(f"def __init__(self, {', '.join(arguments)}):\n" + "".join(f" self.{n} = {n}\n" for n in names), given, made)
    made["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    body = {k: v for k, v in cls.__dict__.items() if k not in defaults and k not in ("__dict__", "__weakref__")}
    if cls.__repr__ is object.__repr__:
        body["__repr__"] = _shown
    return type(cls)(cls.__name__, cls.__bases__, {**body, **made, "__slots__": own, "__match_args__": names})


def _shown(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__match_args__)})"


def replace(value: T, **changes: Any) -> T:
    """Another value with these fields and the others of `value`."""
    kind: Any = type(value)
    return kind(**{name: getattr(value, name) for name in kind.__match_args__} | changes)
