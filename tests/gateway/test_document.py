"""YAML held against a tree, every problem told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from gateway import document as module
from gateway.document import Frozen, document
from gateway.errors import ConfigError

WHERE = Path("some.yaml")


class Leaf(Frozen):
    """A value below."""

    size: int
    words: tuple[str, ...] = ()


class Tree(Frozen):
    """A small document."""

    name: str = "none"
    leaf: Leaf | None = None
    leaves: dict[str, Leaf] = Field(default_factory=dict)


def read(text: str) -> Tree:
    """The text as a Tree."""
    return document(text, Tree, WHERE, ConfigError)


def test_an_empty_document_has_every_default() -> None:
    """An empty file, or one of comments, is a mapping without keys."""
    assert read("") == read("# nothing\n") == Tree()


def test_a_value_never_changes() -> None:
    """It is frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        read("").name = "other"


@given(
    st.builds(
        Tree,
        name=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])),
        leaves=st.dictionaries(
            st.text("abc", min_size=1), st.builds(Leaf, size=st.integers(), words=st.tuples(st.text("xyz")))
        ),
    )
)
def test_what_is_written_is_read(tree: Tree) -> None:
    """Any tree of printable text survives the way through YAML."""
    assert read(yaml.safe_dump(tree.model_dump(mode="json"), allow_unicode=True)) == tree


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("name: x\nnmae: y", ["some.yaml:2: nmae: unknown key"]),
        ("leaf:\n  words: []", ["some.yaml:1: leaf.size: Field required"]),
        (
            "leaf:\n  words: []\n  size: big",
            [
                "some.yaml:3: leaf.size: Input should be a valid integer, unable to parse string as an integer, found 'big'"
            ],
        ),
        (
            "leaf:\n  size: 1\n  words:\n  - a\n  - 2",
            ["some.yaml:5: leaf.words.1: Input should be a valid string, found 2"],
        ),
        (
            "nmae: x\nleaves:\n  a:\n    size: 1\n    siez: 2",
            ["some.yaml:5: leaves.a.siez: unknown key", "some.yaml:1: nmae: unknown key"],
        ),
        ("name: [", ["some.yaml:1: not valid YAML: expected the node content, but found '<stream end>'"]),
        ("name: a: b", ["some.yaml:1: not valid YAML: mapping values are not allowed here"]),
        (
            "a: 1\nname: !os.system x",
            ["some.yaml:2: not valid YAML: could not determine a constructor for the tag '!os.system'"],
        ),
        ("name: 2013-02-30", ["some.yaml: not valid YAML: day is out of range for month"]),
        ("? [1]\n: 2", ["some.yaml:1: not valid YAML: found unhashable key"]),
        ("name: x\nname: y", ["some.yaml:2: name: given twice, first in line 1"]),
        (
            "leaves:\n  a: {size: 1}\n  b:\n    size: 1\n    size: 2\n  a: {size: 2}\n'leaves': {}",
            [
                "some.yaml:5: leaves.b.size: given twice, first in line 4",
                "some.yaml:6: leaves.a: given twice, first in line 2",
                "some.yaml:7: leaves: given twice, first in line 1",
            ],
        ),
        ("- 1", ["some.yaml: expected a mapping of keys at the top, found list"]),
        ("word", ["some.yaml: expected a mapping of keys at the top, found str"]),
    ],
)
def test_every_problem_is_told_at_once_with_its_line(text: str, sentences: list[str]) -> None:
    """One line for each: file, line, key, and what is wrong."""
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert sorted(refused.value.message.splitlines()) == sorted(sentences)


def test_a_key_counts_once_however_often_its_mapping_is_named() -> None:
    """Aliases are no copies, merged keys may be overridden, and an alias within its own anchor ends somewhere."""
    shared = "leaves: {a: &a {size: 1}, b: *a, c: {<<: *a, size: 2}}"
    assert {name: leaf.size for name, leaf in read(shared).leaves.items()} == {"a": 1, "b": 1, "c": 2}
    with pytest.raises(ConfigError, match=r"leaf\.words\.0"):
        read("leaf: {size: 1, words: &w [*w]}")


BOMB = "name: n\nleaves:\n  a: &a {size: 1, words: &w [" + ", ".join(["w"] * 999) + "]}\n"


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "".join(f"  b{one}: *a\n" for one in range(300)),
        "leaves: {a: &a {x: 1}, b: &b {<<: [" + "*a, " * 99 + "*a]}, c: &c {<<: [" + "*b, " * 99 + "*b]}, "
        "d: {<<: [" + "*c, " * 99 + "*c]}}",
    ],
)
def test_aliases_that_would_fill_the_memory_are_refused(text: str) -> None:
    """Before they are followed."""
    with pytest.raises(ConfigError, match=r"some\.yaml: its aliases make more than 200,000 values of it"):
        read(text)


def test_aliases_are_followed() -> None:
    """As many as people write."""
    found = read(BOMB + "  b: *a\n  c: {size: 2, words: *w}\n")
    assert found.leaves["a"] == found.leaves["b"]
    assert found.leaves["c"].words == found.leaves["a"].words


def test_a_long_document_without_aliases_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values are fewer than its characters."""
    monkeypatch.setattr(module, "_MOST", 100)
    assert len(read("leaf: {size: 1, words: [" + "w," * 500 + "]}").leaf.words) == 500  # type: ignore[union-attr]
