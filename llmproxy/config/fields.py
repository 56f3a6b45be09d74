"""The kinds of values that the tables hold. marshmallow's own fields convert ("8080" becomes 8080); these take nothing
but what TOML says, and their messages are predicates ("must be ...") that never repeat the value.

Each field can also `read` a text, for settings that come from the environment.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

from llmproxy.config.secrets import is_variable_name

T = TypeVar("T")
Raw = Mapping[str, Any] | None
"""The table around a value, as marshmallow hands it to a field."""


class Setting(fields.Field[T]):
    """A value that comes from TOML or from the environment."""

    default_error_messages: dict[str, Any] = {"required": "is missing", "null": "is missing"}  # noqa: RUF012

    def read(self, text: str) -> object:
        """What a text from the environment stands for; the text itself where it stands for nothing."""
        return text


class Number(Setting[float]):
    """A number within bounds.

    Args:
        least: The smallest one.
        above: The number itself is too small; for what must not be 0.
        most: The largest one.
        whole: No fractions.
    """

    def __init__(
        self,
        *,
        least: float | None = None,
        above: float | None = None,
        most: float | None = None,
        whole: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._least, self._above, self._most, self._whole = least, above, most, whole

    def read(self, text: str) -> object:
        try:
            return int(text) if self._whole else float(text)
        except ValueError:
            return text

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> float:
        if not (self._is_number(value) and self._is_within(value)):
            raise ValidationError(f"must be a {'whole ' if self._whole else ''}number{self._bounds()}")
        return value  # type: ignore[no-any-return]

    def _is_number(self, value: object) -> bool:
        kinds = int if self._whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)

    def _is_within(self, value: float) -> bool:
        return (
            (self._least is None or value >= self._least)
            and (self._above is None or value > self._above)
            and (self._most is None or value <= self._most)
        )

    def _bounds(self) -> str:
        if self._most is not None:
            return f" from {self._least} to {self._most}"
        if self._above is not None:
            return f" above {self._above}"
        return f", {self._least} or more" if self._least is not None else ""


class Seconds(Number):
    """A duration above 0; fractions are fine."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(above=0, **kwargs)


class Flag(Setting[bool]):
    """true or false. In the environment 1 and 0 as well."""

    def read(self, text: str) -> object:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Text(Setting[str]):
    """A text that is not empty.

    Args:
        check: What is wrong with a text, as a predicate, or None.
    """

    def __init__(self, *, check: Callable[[str], str | None] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check = check

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError("must be a text in quotes, and not empty")
        problem = self._check(value) if self._check else None
        if problem:
            raise ValidationError(problem)
        return value


class Choice(Text):
    """One of a few words.

    Args:
        words: The words.
        upper: Whether "info" counts as "INFO".
    """

    def __init__(self, words: Sequence[str], *, upper: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._words, self._upper = words, upper

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> str:
        word = value.upper() if self._upper and isinstance(value, str) else value
        if word not in self._words:
            raise ValidationError(f"must be {' or '.join(json.dumps(word) for word in self._words)}")
        return str(word)


class Variable(Text):
    """The name of an environment variable."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check=variable_problem, **kwargs)


def variable_problem(text: str) -> str | None:
    """Why this cannot be a variable's name, or None."""
    return None if is_variable_name(text) else "must be the name of an environment variable"


class Texts(Setting[tuple[str, ...]]):
    """A list of texts. In the environment they are separated by commas.

    Args:
        check: What is wrong with one of them, as a predicate, or None.
        or_one: Whether a single text stands for a list of one.
    """

    def __init__(
        self, *, check: Callable[[str], str | None] | None = None, or_one: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._item = Text(check=check)
        self._or_one = or_one

    def read(self, text: str) -> object:
        return [item.strip() for item in text.split(",") if item.strip()]

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        if self._or_one and isinstance(value, str):
            return (str(self._item.deserialize(value)),)
        if not isinstance(value, list | tuple):
            raise ValidationError("must be a list of texts" + (", or one text" if self._or_one else ""))
        return tuple(_each(enumerate(value), self._item.deserialize).values())


class TextTable(Setting[dict[str, str]]):
    """A table of texts.

    Args:
        check: What is wrong with a name and its text, as a predicate, or None.
    """

    def __init__(self, *, check: Callable[[str, str], str | None] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check = check

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValidationError("must be a table")
        texts = _each(value.items(), Text().deserialize)
        if self._check:
            _each(((name, (name, text)) for name, text in texts.items()), self._checked)
        return texts

    def _checked(self, pair: tuple[str, str]) -> None:
        problem = self._check(*pair) if self._check else None
        if problem:
            raise ValidationError(problem)


class JsonTable(Setting[dict[str, Any]]):
    """A table whose values can be said in JSON: no dates."""

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> dict[str, Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValidationError("must hold what JSON can say: no dates, no infinity") from None
        if not isinstance(value, dict):
            raise ValidationError("must be a table")
        return value


def _each(items: Any, load: Callable[[Any], Any]) -> dict[Any, Any]:
    """What `load` makes of each item, by its name or position.

    Raises:
        ValidationError: For all items at fault, by name or position.
    """
    loaded, wrong = {}, {}
    for key, item in items:
        try:
            loaded[key] = load(item)
        except ValidationError as error:
            wrong[key] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return loaded
