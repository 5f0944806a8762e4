"""Expressions to nodes (`lower.py`), by the kind of what is read."""

from __future__ import annotations

from ...syntax import ast
from ..builtins import FILES, OF_SETS, REDUCTIONS
from .calls import BY_NAME, lower_call
from .conditionals import lower_conditional
from .files import lower_file, set_from_file
from .index_sets import INDEX_SETS
from .indexing import lower_index, value_key
from .keys import ELEMENTS, name_key, text_key, tuple_key
from .literals import lower_array, lower_attribute, lower_labels, lower_number, lower_range, lower_text, lower_tuple
from .lower import VALUES
from .name import lower_name
from .operators import lower_binary, lower_transpose, lower_unary
from .reductions import lower_comprehension, lower_reduction
from .set_functions import call_key, lower_set_function
from .written_sets import selected_set, written_set

VALUES.update(
    {
        ast.Number: lower_number,
        ast.Name: lower_name,
        ast.Array: lower_array,
        ast.Range: lower_range,
        ast.Unary: lower_unary,
        ast.Binary: lower_binary,
        ast.Transpose: lower_transpose,
        ast.Conditional: lower_conditional,
        ast.Index: lower_index,
        ast.Call: lower_call,
        ast.Comprehension: lower_comprehension,
        # what has no value, and says so
        ast.Text: lower_text,
        ast.Labels: lower_labels,
        ast.SetOf: lower_labels,
        ast.Tuple: lower_tuple,
        ast.Attribute: lower_attribute,
    }
)
INDEX_SETS.update({ast.Labels: written_set, ast.SetOf: selected_set, ast.Call: set_from_file})
ELEMENTS.update({ast.Text: text_key, ast.Tuple: tuple_key, ast.Name: name_key, ast.Index: value_key, ast.Call: call_key})
BY_NAME.update(
    {
        **dict.fromkeys((*REDUCTIONS, "expect"), lower_reduction),
        **dict.fromkeys(FILES, lower_file),
        **dict.fromkeys(OF_SETS, lower_set_function),
    }
)
