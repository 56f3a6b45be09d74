"""What a marshmallow schema makes of a table, and its complaints as problems with a place. Works for the schemas of
plug-ins, too: an error under a key that a schema does not have is an unknown key, whatever its message says."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.exceptions import SCHEMA

from llmproxy.config.locate import KeyPath
from llmproxy.config.report import Report, closest


def load_table(
    schema: Schema,
    table: Mapping[str, Any],
    path: KeyPath,
    report: Report,
    *,
    further_keys: Iterable[str] = (),
    misspelt: Iterable[str] = (),
) -> Any | None:
    """What the schema loads from a table, or None after everything wrong with it was reported.

    Args:
        schema: A strict one.
        table: As it was written.
        path: Where it stands.
        report: Takes the problems.
        further_keys: Keys that were taken out of the table before, to suggest in place of an unknown one.
        misspelt: Keys that were reported as misspelt before, so that their absence need not be told.
    """
    try:
        return schema.load(table)
    except ValidationError as error:
        complaints = list(_complaints(error.messages, schema))
        excused = {*misspelt, *(complaint.meant() for complaint in complaints)}
        for complaint in complaints:
            place = path + complaint.path
            if complaint.known_keys is not None:
                report.unknown_key(place, [*complaint.known_keys, *(further_keys if len(complaint.path) == 1 else ())])
            elif not (complaint.path and complaint.path[-1] in excused and complaint.path[-1] not in table):
                report.wrong(place, complaint.message)
        return None


def keys_of(schema: Schema) -> dict[str, fields.Field[Any]]:
    """The keys a schema loads, by the name they have in the file."""
    return {field.data_key or name: field for name, field in schema.load_fields.items()}


@dataclass(frozen=True, slots=True)
class _Complaint:
    path: KeyPath
    message: str
    known_keys: tuple[str, ...] | None = None  # for an unknown key: those there are

    def meant(self) -> str | None:
        """The key that an unknown one was probably meant to be."""
        return closest(str(self.path[-1]), self.known_keys) if self.known_keys else None

    def below(self, key: str | int) -> "_Complaint":
        return _Complaint((key, *self.path), self.message, self.known_keys)


def _complaints(found: object, within: object) -> Iterator[_Complaint]:
    """marshmallow's tree of messages as a list.

    Args:
        found: The tree, or one of its branches.
        within: The schema or the `fields.Dict` that the branch is about; None where nothing is known of its keys.
    """
    if not isinstance(found, Mapping):
        texts = found if isinstance(found, list) else [found]
        yield from (_Complaint((), _IN_OUR_WORDS.get(str(text), str(text))) for text in texts)
        return
    keys = keys_of(within) if isinstance(within, Schema) else None
    for key, below in found.items():
        if key == SCHEMA or (isinstance(within, fields.Dict) and isinstance(below, list)):
            yield from _complaints(below, None)  # of the whole table, or of the "key" or "value" of an item
        elif isinstance(key, str) and keys is not None and key not in keys:
            yield _Complaint((key,), "", tuple(keys))
        else:
            inner = _inside(keys[key]) if keys and key in keys else within
            yield from (complaint.below(key) for complaint in _complaints(below, inner))


def _inside(field: fields.Field[Any]) -> object:
    """What the messages below a field are about."""
    if isinstance(field, fields.List):
        return _inside(field.inner)
    return field if isinstance(field, fields.Dict) else getattr(field, "schema", None)


_IN_OUR_WORDS = {str(fields.Field.default_error_messages["required"]): "is missing"}
