"""What the long runs and the tour wait for is said by the bot: after a change they would wait until they fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from perpbotd.catalog import CATALOGUES
from tests.chaos.steps import PROMPTS

HERE = Path(__file__).parent
PLACES = (*HERE.glob("chaos/*.py"), *HERE.glob("bench/*.py"), HERE.parent / "perpbotd/sandbox/guide.py")
USERS = HERE / "scenario/users.py"
SAID = "\n".join(re.sub(r"<[^>]+>", "", text) for text in CATALOGUES["en"].values())


def awaited(source: str) -> Iterator[str]:
    """The texts that calls of `says`, `_says` and `_presses` wait for: their last word, what a user writes aside."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name not in ("says", "_says", "_presses"):
            continue
        for last in (call.args[-1], *(keyword.value for keyword in call.keywords)):
            if isinstance(last, ast.Constant) and isinstance(last.value, str) and not last.value.startswith("/"):
                yield last.value


def read(source: str) -> Iterator[str]:
    """The texts by which a simulated user knows what to do: each beside the method that does it."""
    for pair in ast.walk(ast.parse(source)):
        match pair:
            case ast.Tuple(elts=[ast.Constant(value=str(text)), ast.Attribute(value=ast.Name(id="self"))]):
                yield text
            case _:
                pass


def test_what_is_waited_for_is_said() -> None:
    texts = {text: place.name for place in PLACES for text in awaited(place.read_text())}
    texts |= dict.fromkeys(read(USERS.read_text()), USERS.name)
    texts |= dict.fromkeys(PROMPTS.values(), "PROMPTS")
    assert len(texts) > 25
    assert {text: place for text, place in texts.items() if text and text not in SAID} == {}


def test_a_text_that_nobody_says_any_more_is_noticed() -> None:
    source = 'await _says(user, "/cancel", "Stopped, and what", or_again="not now")\nuser.says("/setapi")'
    assert list(awaited(source)) == ["Stopped, and what", "not now"]
    assert "Stopped, and what" not in SAID
    assert list(read('self.reactions = (("waits for a change on Aster", self._mends), ("x", mends))')) == [
        "waits for a change on Aster"
    ]
