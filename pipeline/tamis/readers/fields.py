"""From the fields of a source's rows to document batches: types, row filters, facts, rejects by row.

A `Role` is one use of one field: the text, the id, a fact, a signal or a row filter. A reader delivers one
column a role (`Fields` finds it in an Arrow table; `value_of` makes it of one JSON value), and `documents` makes
the batch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tamis.cleaners.replace import replaced
from tamis.corpus.conditions import Condition
from tamis.corpus.documents import FACTS, InputFile, Reject
from tamis.kernels.buffers import one_chunk
from tamis.readers.contract import Tally, raw_schema
from tamis.readers.decompress import over
from tamis.readers.license_names import UNKNOWN, spdx_of
from tamis.readers.pairs import ROLE, paired
from tamis.readers.parts import PART, joined
from tamis.readers.values import TYPES, Kind, aggregated, as_kind, at_path, from_json, is_list, texts_in, value_as
from tamis.recipe.languages import check_language
from tamis.recipe.model import DETECT, Source

Problem = tuple[str, str]
"""Cause and detail of a row's reject."""


@dataclass(frozen=True)
class Role:
    """One use of one field of the source."""

    name: str
    """`text`, `html`, `pair.LANGUAGE`, `part.NUMBER`, `id`, a fact's name, `source.SIGNAL` or `where.FIELD`."""
    path: tuple[str, ...]
    """Steps to the field, from the outermost."""
    kind: Kind
    """What its values become; a value of another type is null."""
    aggregate: str | None = None
    """How one value is made of a list."""

    @property
    def lenient(self) -> bool:
        """Whether a number written as a string counts: in row filters, metadata often is."""
        return self.name.startswith("where.")


def roles_of(source: Source) -> tuple[Role, ...]:
    """The roles of a source's fields; `text` stands for itself when nothing else says what a document is made of."""
    columns = dict(source.columns)
    if source.pairs is not None:
        columns |= {f"{ROLE}{language}": field for language, field in source.pairs.columns.items()}
    elif "text" not in columns and "html" not in columns and source.parts is None:
        columns["text"] = "text"
    roles = []
    for number, field in enumerate(source.parts.fields if source.parts is not None else ()):
        roles.append(Role(f"{PART}{number}", tuple(field.split(".")), "text", "join"))
    for name, field in columns.items():
        kind: Kind = "text" if name in ("text", "html") or name.startswith(ROLE) else "string"
        roles.append(Role(name, tuple(field.split(".")), kind))
    for name, signal in source.signals.items():
        roles.append(Role(f"source.{name}", tuple(signal.field.split(".")), signal.type, signal.aggregate))
    for field, condition in source.where.items():
        roles.append(Role(f"where.{field}", tuple(field.split(".")), _kind_of(condition)))
    return tuple(roles)


def _kind_of(condition: Condition) -> Kind:
    values = (condition.in_ or ()) + (condition.not_in or ())
    if condition.is_ is not None or (values and all(isinstance(value, bool) for value in values)):
        return "boolean"
    if condition.min is not None or condition.max is not None:
        return "number"
    if values and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return "number"
    return "string"


def value_of(value: Any, role: Role) -> Any:
    """One JSON value as the role takes it."""
    if role.aggregate is not None:
        value = aggregated(value, role.aggregate, role.kind)
    return value_as(value, role.kind, role.lenient)


class Fields:
    """The columns of a table by roles; JSON in a string column is parsed once for all roles that reach into it."""

    def __init__(self, table: pa.Table | pa.RecordBatch) -> None:
        self.table = table
        self._parsed: dict[tuple[str, ...], list[Any]] = {}

    def raw(self, role: Role) -> pa.Array | None:
        """The stored column of a role, or None where there is none or it is JSON in a string."""
        found = stored_path(self.table.schema, role.path)
        return self._stored(found) if found is not None and len(found) == len(role.path) else None

    def column(self, role: Role) -> pa.Array | None:
        """The column of a role in the role's type; None where the table has none."""
        found = stored_path(self.table.schema, role.path)
        if found is None:
            return None
        rest = role.path[len(found) :] if ".".join(found) != ".".join(role.path) else ()
        stored = self._stored(found)
        if not rest and (role.aggregate is None or (role.aggregate == "join" and not is_list(stored))):
            return as_kind(stored, role.kind, role.lenient)
        if is_list(stored) and role.aggregate is None:
            return None
        if is_list(stored) and role.kind == "text":
            return pa.array([value_of(texts, role) for texts in texts_in(stored, rest)], TYPES[role.kind])
        values = self._json(found) if rest and not is_list(stored) else stored.to_pylist()
        return pa.array([value_of(at_path(value, rest), role) for value in values], TYPES[role.kind])

    def _stored(self, path: tuple[str, ...]) -> pa.Array:
        column = self.table.column(self.table.schema.names.index(path[0]))
        if isinstance(column, pa.ChunkedArray):
            column = one_chunk(column)
        for step in path[1:]:
            column = pc.struct_field(column, step)
        return column

    def _json(self, path: tuple[str, ...]) -> list[Any]:
        if path not in self._parsed:
            texts = as_kind(self._stored(path), "text").to_pylist()
            self._parsed[path] = [None if text is None else from_json(text) for text in texts]
        return self._parsed[path]


def stored_path(schema: pa.Schema, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The part of `path` that leads to a stored column: all of it, or the steps to a list, or to a string that may hold
    JSON.

    A column with the dotted name itself goes before. None where nothing is there.
    """
    whole_name = ".".join(path)
    if whole_name in schema.names:
        return (whole_name,)
    if path[0] not in schema.names:
        return None
    type_ = schema.field(path[0]).type
    for at, step in enumerate(path[1:], 1):
        if isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
            return path[:at]
        if pa.types.is_list(type_) or pa.types.is_large_list(type_):
            return path[:at]
        if not pa.types.is_struct(type_) or type_.get_field_index(step) < 0:
            return None
        type_ = type_.field(step).type
    return path


def documents(
    source: Source,
    file: InputFile,
    columns: Mapping[str, pa.Array],
    lines: pa.Array,
    tally: Tally,
    problems: Mapping[int, Problem] | None = None,
) -> pa.RecordBatch:
    """The batch of the rows at `lines` (int64), after row filters and rejects; counts every row in `tally`.

    `columns` has one array a role name (a missing one is all null). `problems` names the rows whose text is
    there but unusable.
    """
    rows = len(lines)
    tally.read += rows
    columns = dict(columns)
    found = dict(problems or {})
    keep = _passing(source, columns, rows)
    if keep is not None:
        tally.filtered += rows - pc.sum(keep).as_py() if rows else 0
        kept = [index for index, stays in enumerate(keep.to_pylist()) if stays] if found else []
        columns = {name: column.filter(keep) for name, column in columns.items()}
        lines = lines.filter(keep)
        found = {new: found[old] for new, old in enumerate(kept) if old in found}
        rows = len(lines)
    text = columns.get("text", pa.nulls(rows, pa.large_string()))
    if source.pairs is not None:
        text = paired(source.pairs, source.name, columns, rows)
        if source.pairs.in_one_field:
            found |= _not_cut(source.pairs.languages, text, columns)
    elif source.parts is not None:
        text = joined(source.parts, columns, rows)
    elif "html" in columns:
        text = _from_html(text, columns, found, source.extractor)
    sizes = pc.binary_length(text)
    long = pc.fill_null(pc.greater(sizes, source.max_document_bytes), False)
    unusable = pc.or_(long, pc.fill_null(pc.or_(pc.equal(sizes, 0), pc.utf8_is_space(text)), True))
    if found:
        unusable = pc.or_(unusable, pa.array([index in found for index in range(rows)]))
    if pc.any(unusable).as_py():
        for index in pc.indices_nonzero(unusable).to_pylist():
            too_large = ("too_large", over(source.max_document_bytes)) if long[index].as_py() else None
            cause, detail = found.get(index) or too_large or _absent(text[index].is_valid)
            place = lines[index].as_py()
            if place is None and "id" in columns:
                detail = in_member(file, columns["id"][index].as_py(), detail)
            tally.reject(Reject(file.name, place, cause, detail))
        usable = pc.invert(unusable)
        columns = {name: column.filter(usable) for name, column in columns.items()}
        lines, text = lines.filter(usable), text.filter(usable)
        rows = len(lines)
    facts = _facts(source, columns, rows, tally)
    own_id = columns.get("id", pa.nulls(rows, pa.string()))
    schema = raw_schema(source)
    ready = {"text": text, "own_id": own_id, "line": lines, **facts}
    arrays = [
        ready[name] if name in ready else columns.get(name, pa.nulls(rows, schema.field(name).type))
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _facts(source: Source, columns: Mapping[str, pa.Array], rows: int, tally: Tally) -> dict[str, pa.Array]:
    """What the rows say of themselves, repaired and checked."""
    facts = {name: columns.get(name, pa.nulls(rows, pa.string())) for name in FACTS}
    for name, replacements in source.repair.items():
        for replacement in replacements:
            facts[name] = replaced(facts[name], replacement)
    facts["language"] = _checked(facts["language"], _language, "bad_language", None, tally)
    if source.pairs is not None and source.language == DETECT:
        facts["language"] = facts["language"].fill_null(source.pairs.tag)
    facts["license"] = _checked(facts["license"], spdx_of, "bad_license", UNKNOWN, tally)
    return facts


def in_member(file: InputFile, id_: str | None, detail: str) -> str:
    """The detail of a reject without a line; of a member of an archive, with its name, which its id ends in."""
    inside = f"{file.name}/"
    return f"{id_.removeprefix(inside)}: {detail}" if id_ is not None and id_.startswith(inside) else detail


def _absent(present: bool) -> Problem:
    return ("empty_text", "the text is empty") if present else ("missing_text", "the text is null or absent")


def _passing(source: Source, columns: dict[str, pa.Array], rows: int) -> pa.Array | None:
    """Which rows pass every `where` filter; None when the source has none."""
    if not source.where:
        return None
    frame = pl.DataFrame(
        {
            field: pl.from_arrow(columns.get(f"where.{field}", pa.nulls(rows, TYPES[_kind_of(condition)])))
            for field, condition in source.where.items()
        }
    )
    verdict = frame.select(
        pl.all_horizontal([_spelled(condition).passes(field) for field, condition in source.where.items()])
    )
    return verdict.to_series().to_arrow().cast(pa.bool_())


def _spelled(condition: Condition) -> Condition:
    """The condition with the values of its sets as strings, where the field is read as a string."""
    if _kind_of(condition) != "string":
        return condition
    return condition.model_copy(
        update={
            name: tuple(value_as(value, "string") for value in values)
            for name in ("in_", "not_in")
            if (values := getattr(condition, name)) is not None
        }
    )


def _not_cut(languages: tuple[str, str], text: pa.Array, columns: Mapping[str, pa.Array]) -> dict[int, Problem]:
    """Rows whose one field doesn't hold both languages."""
    field = columns.get(f"{ROLE}{languages[0]}")
    if field is None:
        return {}
    lost = pc.indices_nonzero(pc.and_(pc.is_null(text), pc.is_valid(field))).to_pylist()
    return dict.fromkeys(lost, ("not_two_languages", f"no place parts the text into {' and '.join(languages)}"))


def _from_html(text: pa.Array, columns: dict[str, pa.Array], found: dict[int, Problem], extractor: str) -> pa.Array:
    """Main texts of the rows' pages, where a row has no text of its own; fills facts that aren't mapped."""
    from tamis.readers.html import Page, main_text

    texts = text.to_pylist()
    pages: list[Page | None] = [None] * len(texts)
    for index, page in enumerate(columns["html"]):
        if texts[index] is not None or index in found or not page.is_valid:
            continue
        result = main_text(page.as_py(), extractor)
        if isinstance(result, Page):
            texts[index], pages[index] = result.text, result
        else:
            found[index] = result
    for name in ("title", "date", "author"):
        if name not in columns:
            columns[name] = pa.array([getattr(page, name) if page else None for page in pages], pa.string())
    return pa.array(texts, pa.large_string())


def _checked(column: pa.Array, check: Any, cause: str, otherwise: str | None, tally: Tally) -> pa.Array:
    """The column with every distinct value checked once.

    What fails becomes `otherwise` and is noted; a blank value is a null one.
    """
    if column.null_count == len(column):
        return column
    encoded = column.dictionary_encode()
    written = encoded.dictionary.to_pylist()
    values = [check(value) if value.strip() else None for value in written]
    if written == values:
        return column
    bad = [value is None and bool(was.strip()) for value, was in zip(values, written, strict=True)]
    noted = pc.sum(pc.fill_null(pa.array(bad).take(encoded.indices), False)).as_py()
    if noted:
        tally.notes[cause] += noted
    fixed = pa.array([otherwise if failed else value for value, failed in zip(values, bad, strict=True)], pa.string())
    return fixed.take(encoded.indices)


@functools.lru_cache(maxsize=10_000)
def _language(tag: str) -> str | None:
    """The canonical code of a language tag in any usual spelling (`fra`, `FR`, `eng_Latn`); None for others."""
    try:
        return check_language(tag)
    except ValueError:
        # Its tables take longer to load than most that this module is imported for.
        import langcodes
    try:
        return check_language(str(langcodes.standardize_tag(tag)))
    except ValueError:
        return None
