"""What a second look adds to blocks that were counted: credited where the providers agree, else kept in dispute."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import trio

from perpbotd.actors import anchors
from perpbotd.actors.books import Books
from perpbotd.actors.disputes import Disputes
from perpbotd.actors.stored import Store, commit, rows_at
from perpbotd.actors.witnesses import hear_again
from perpbotd.domain.chain import Refused
from perpbotd.domain.matching import Disproved, Match, Outcome, find
from perpbotd.domain.types import Hash
from perpbotd.errors import Upstream
from perpbotd.messages import BlockRead, Commit, Committed, Table
from perpbotd.ports import ChainNode, Clock, NotThere
from perpbotd.rows import hash_key

_BLOCKS_AGAIN: Final = 5
_PATIENCE_S: Final = 5.0
"""For blocks that are read again: new ones wait for their turn meanwhile."""


class Hearing:
    """Hears what providers say of counted blocks; `credit` counts it, False where the store never stood still."""

    def __init__(
        self,
        books: Books,
        store: Store,
        nodes: Sequence[ChainNode],
        clock: Clock,
        disputes: Disputes,
        credit: Callable[[Sequence[Outcome]], Awaitable[bool]],
        *,
        quorum: int,
    ) -> None:
        self._books = books
        self._store = store
        self._nodes = nodes
        self._clock = clock
        self._disputes = disputes
        self._credit = credit
        self._quorum = quorum

    async def look(self, blocks: Sequence[BlockRead], by: str) -> str:
        """Take these blocks as a provider shows them a second time; what is wrong, or nothing.

        The cursor stays. Raises PeerDied when the store is gone.
        """
        cursor = self._books.cursor
        if cursor is None:
            return ""
        await self._books.watched.refresh()
        counted = [block for block in blocks if block.number <= anchors.scanned(cursor)[0]]
        matches = find(counted, self._books.watched.rows)
        if isinstance(matches, Refused):
            return f"refused a second look: {matches.reason}"
        return await self._settle([match for match in matches if match not in self._disputes], by)

    async def ask_again(self) -> str:
        """Ask about some of what is disputed, and read some of the blocks that there was no room for.

        Answers what is wrong, or nothing; raises PeerDied when the store is gone.
        """
        await self._disputes.load()
        trouble = await self._settle(self._disputes.turn())
        by, wanted = self._disputes.again(_BLOCKS_AGAIN)
        node = next((node for node in self._nodes if node.name == by), None)
        if node is not None:
            found: Sequence[BlockRead | NotThere] = ()
            with contextlib.suppress(Upstream), trio.move_on_after(_PATIENCE_S):
                found = await node.blocks(list(wanted))
            blocks = [one for one in found if isinstance(one, BlockRead) and wanted.get(one.number) == one.hash]
            self._disputes.heard(by, blocks)
            trouble = trouble or await self.look(blocks, by)
        self._disputes.asked()
        return trouble

    async def _settle(self, matches: Sequence[Match], by: str = "") -> str:
        """Count of counted blocks what the providers agree about, keep the rest in dispute; what is wrong, or nothing.

        The cursor stays where it is. What is heard is not heard again: it is written, or kept to be asked about.
        """
        known = await rows_at(self._store, Table.DEPOSITS, (hash_key(match.tx) for match in matches))
        counted = {match.tx for match in matches if hash_key(match.tx) in known}
        fresh = [match for match in matches if match.tx not in counted]
        if fresh:
            fresh = self._disputes.first(fresh, await self._books.awaited())
        asked = fresh[: self._disputes.at_once]
        told: Sequence[Outcome | Disproved] = ()
        if asked:
            told, in_time = await hear_again(self._nodes, asked, quorum=self._quorum)
            self._disputes.answered(in_time=in_time)
        settled = {each.match for each in told}
        self._disputes.dispute([match for match in fresh if match not in settled], by, self._clock.now())
        await self._note(
            [match for match in asked if match not in settled],
            [each.match for each in told if isinstance(each, Disproved)],
            counted,
        )
        # One of a transaction: of a lone provider's word, which is enough where it is the quorum, there may be several.
        outcomes = list({each.match.tx: each for each in told if isinstance(each, Outcome)}.values())
        if not outcomes or await self._credit(outcomes):
            return ""
        self._disputes.dispute([each.match for each in outcomes], by, self._clock.now())
        await self._note([each.match for each in outcomes], (), ())
        return "what a second look has shown waits: the store changed all the time while it was counted"

    async def _note(self, disputed: Sequence[Match], disproved: Sequence[Match], counted: Collection[Hash]) -> None:
        """Write what is disputed, and what is not any more."""
        known = self._disputes.noted(disproved)
        while True:
            kept = self._disputes.without_row(disputed)
            # Nothing is expected but that nobody was forgotten, so that no other's commit undoes what was heard.
            owners = await self._books.watched.again(match.to for match in (*kept, *known))
            ops = (
                *self._disputes.changes(kept, known, self._books.watched.rows, self._clock.now()),
                *self._disputes.over(counted),
            )
            if not ops or isinstance(await commit(self._store, Commit(ops=ops, expects=owners)), Committed):
                break
        self._disputes.kept(kept)
        self._disputes.gone(disproved)
        self._disputes.counted(counted)
