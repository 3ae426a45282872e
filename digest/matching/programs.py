"""Queries as sums over numbered terms, which is all that matching a batch needs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from digest.matching.nodes import And, Atom, Node, Not, Or


class All(tuple["Program", ...]):
    """All of its parts."""

    __slots__ = ()


class Any(tuple["Program", ...]):
    """At least one of its parts."""

    __slots__ = ()


Program: TypeAlias = int | All | Any
"""A query over numbered terms; `~n` is the term n excluded. Most are one number."""

NOTHING = Any()
"""The program that holds for no paper."""


def compile_node(node: Node, number_of: Callable[[Atom], int]) -> Program:
    """Turn a normalised query into a program: there every NOT stands at a term."""
    match node:
        case And(items):
            return All(compile_node(item, number_of) for item in items)
        case Or(items):
            return Any(compile_node(item, number_of) for item in items)
        case Not(item):
            program = compile_node(item, number_of)
            assert isinstance(program, int)
            return ~program
        case _:
            return number_of(node)


def compile_canonical(text: str, number_of: Callable[[str], int]) -> Program | None:
    """Turn a canonical query without groups into a program, by its operators alone.

    A service reads hundreds of thousands of queries at its start, made of far fewer
    terms; understanding each as a person's text would cost ten times as much.

    Args:
        text: As `canonical` writes it.
        number_of: Numbers a term, which is a canonical query too.

    Returns:
        None for a text that has to be parsed: groups, exact case (whose words may look
        like operators), and whatever is not ASCII.
    """
    if "(" in text or "=" in text or not text.isascii():
        return None
    if " OR " in text:
        return Any(_conjunction(part, number_of) for part in text.split(" OR "))
    return _conjunction(text, number_of)


def _conjunction(text: str, number_of: Callable[[str], int]) -> Program:
    wanted, *excluded = text.split(" NOT ")
    if not excluded and " AND " not in wanted:
        return number_of(wanted)
    numbers = [number_of(part) for part in wanted.split(" AND ")]
    return All((*numbers, *(~number_of(part) for part in excluded)))


def numbers_of(program: Program) -> Iterator[int]:
    """Give the numbers of the terms, once for every time they stand there."""
    if isinstance(program, int):
        yield program if program >= 0 else ~program
        return
    for part in program:
        yield from numbers_of(part)
