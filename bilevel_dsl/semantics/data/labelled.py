"""Values from outside that know their labels: dictionaries, and the axes of pandas and xarray objects.

None of these libraries is needed: what has the attributes of one of their objects is read as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ..nodes.ir import Dim
from .files import Unreadable
from .matching import KEYS, Matched, told


@dataclass(frozen=True)
class _Axis:
    """The keys along one axis of an array: labels or tuples; `name` where the axis has one."""

    keys: list
    name: str = ""

    @property
    def arity(self) -> int:
        return len(self.keys[0]) if self.keys and isinstance(self.keys[0], tuple) else 1

    @property
    def is_default(self) -> bool:
        """0, 1, 2, ..., as a pandas object has where nobody named the rows."""
        return self.arity == 1 and not any(isinstance(k, str) for k in self.keys) and self.keys == [*range(len(self.keys))]


def has_labels(value: object) -> bool:
    return isinstance(value, Mapping) or _is_pandas(value) or _is_xarray(value)


def by_label(value, dims: tuple[Dim, ...], name: str):
    """The entries in the order of the dimensions.

    Raises:
        Unreadable: labels are missing, unknown or doubled.
    """
    if isinstance(value, Mapping):
        if any(isinstance(k, tuple) for k in value) or dims and dims[0].arity > 1:
            value = _flattened(value)
            return _placed(np.array(list(value.values()), dtype=object), [_Axis(list(value))], dims, name)
        return _by_row(value, dims, name)
    axes, array = _axes(value)
    if all(d.members is None for d in dims) and all(axis.is_default for axis in axes):
        return array
    return _placed(array, axes, dims, name)


# --- dictionaries -------------------------------------------------------------------------------


def _flattened(value: Mapping) -> dict[tuple, object]:
    """Nested dictionaries as one with tuples of keys."""
    out = {}
    for key, inner in value.items():
        head = key if isinstance(key, tuple) else (key,)
        for tail, entry in _flattened(inner).items() if isinstance(inner, Mapping) else [((), inner)]:
            out[(*head, *tail)] = entry
    return out


def _by_row(value: Mapping, dims: tuple[Dim, ...], name: str):
    """{"north": 1, ...} as a list in the order of the labels."""
    if not dims or dims[0].labels is None:
        raise Unreadable(
            f"the value of `{name}` from outside has labels, but `{name}` is not indexed by any",
            'a set of labels is declared as `set ROAD = {"north", "south"};`',
        )
    value = {str(k): v for k, v in value.items()}
    unknown = [k for k in value if k not in dims[0].labels]
    missing = [k for k in dims[0].labels if k not in value]
    if unknown or missing:
        wrong = f'"{unknown[0]}" is not a label' if unknown else f'"{missing[0]}" is missing'
        raise Unreadable(
            f"the value of `{name}` from outside does not fit"
            f"{f' the set `{dims[0].set_name}`' if dims[0].set_name else ''}: {wrong}",
            f"the labels are {', '.join(map(_quoted, dims[0].labels[:8]))}{', ...' if len(dims[0].labels) > 8 else ''}",
        )
    rows = [value[k] for k in dims[0].labels]
    return [_by_row(row, dims[1:], name) if isinstance(row, Mapping) else row for row in rows]


def _quoted(label: str) -> str:
    return f'"{label}"'


# --- axes ---------------------------------------------------------------------------------------


def _is_pandas(value: object) -> bool:
    return hasattr(value, "to_numpy") and hasattr(value, "index") and not callable(value.index)


def _is_xarray(value: object) -> bool:
    return hasattr(value, "dims") and hasattr(value, "coords") and hasattr(value, "values")


def _axes(value) -> tuple[list[_Axis], np.ndarray]:
    if _is_pandas(value):
        parts = [value.index, value.columns] if hasattr(value, "columns") else [value.index]
        return [_Axis(list(p)) for p in parts], np.asarray(value.to_numpy())
    axes = []
    for k, dim in enumerate(value.dims):
        keys = value.coords[dim].values.tolist() if dim in value.coords else list(range(value.shape[k]))
        axes.append(_Axis(keys, str(dim)))
    return axes, np.asarray(value.values)


def _placed(array: np.ndarray, axes: list[_Axis], dims: tuple[Dim, ...], name: str) -> np.ndarray:
    """The entries of an array with labelled axes, each of which is for one dimension or several."""
    axes, array = _ordered(axes, array, dims)
    groups = _grouped(axes, dims, name)
    places = [_places(axis, group, name) for axis, group in zip(axes, groups)]
    found = np.empty(tuple(prod(d.size for d in g) for g in groups), dtype=array.dtype)
    found[np.ix_(*places)] = array
    found = found.reshape(tuple(d.size for d in dims))
    return found.tolist() if found.dtype == object else found


def _ordered(axes: list[_Axis], array: np.ndarray, dims: tuple[Dim, ...]) -> tuple[list[_Axis], np.ndarray]:
    """Axes that are called as the sets are, in the order of the declaration."""
    names, wanted = [a.name.lower() for a in axes], [d.set_name.lower() for d in dims]
    if len(set(names)) < len(names) or sorted(names) != sorted(wanted):
        return axes, array
    order = [names.index(w) for w in wanted]
    return [axes[k] for k in order], array.transpose(order)


def _grouped(axes: list[_Axis], dims: tuple[Dim, ...], name: str) -> list[tuple[Dim, ...]]:
    """The dimensions that each axis is for: as many as its keys have components."""
    groups, rest = [], list(dims)
    for axis in axes:
        group, arity = [], axis.arity
        while rest and arity > 0:
            group.append(rest.pop(0))
            arity -= group[-1].arity
        if arity or not group:
            break
        groups.append(tuple(group))
    if rest or len(groups) < len(axes):
        over = " and ".join(f"`{d.set_name}`" if d.set_name else str(d.size) for d in dims) or "nothing"
        keys = " and ".join(f"{a.arity} key{'s' * (a.arity > 1)}" for a in axes)
        raise Unreadable(f"the value of `{name}` from outside has {keys} for an entry, and `{name}` is over {over}")
    return groups


def _places(axis: _Axis, dims: tuple[Dim, ...], name: str) -> np.ndarray:
    arity = sum(d.arity for d in dims)
    odd = next((k for k in axis.keys if (len(k) if isinstance(k, tuple) else 1) != arity), None)
    if odd is not None:
        raise Unreadable(f"the value of `{name}` from outside has keys of different lengths: {odd}")
    if axis.is_default and dims[0].members is not None and dims[0].members.has_labels:
        raise Unreadable(
            f"the value of `{name}` from outside has no labels: its rows are numbered from 0",
            f'set them, with pandas `.set_index("...")`, or give an array in the order of `{dims[0].set_name}`',
        )
    columns = list(map(list, zip(*axis.keys))) if arity > 1 else [axis.keys]
    matched = Matched(dims, columns)
    over = " and ".join(f"`{d.set_name}`" if d.set_name else f"1..{d.size}" for d in dims)
    if len(matched.unknown):
        shown = told([matched.key(k) for k in matched.unknown[:KEYS]], len(matched.unknown))
        hints = matched.near(int(matched.unknown[0]))
        raise Unreadable(f"`{name}` from outside has a value for {shown}, not in {over}", *hints)
    if matched.doubled:
        shown = told([matched.key(a) for a, _ in matched.doubled[:KEYS]], len(matched.doubled))
        raise Unreadable(f"`{name}` from outside has more than one value for {shown}")
    if len(matched.missing):
        shown = told([matched.entry(k) for k in matched.missing[:KEYS]], len(matched.missing))
        raise Unreadable(f"`{name}` from outside has no value for {shown} of {over}")
    return matched.places
