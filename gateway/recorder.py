"""Records every exchange of one replica: in the statistics of its version, and in the journal."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from gateway.admission import Admission
from gateway.config import Config, ModelConfig
from gateway.errors import Overloaded
from gateway.journal.frame import Answered, Refused
from gateway.journal.writer import Journal
from gateway.journey import Exchange, count
from gateway.policy import Policy, Recipe, recipe
from gateway.version import Version

logger = logging.getLogger("driftgate")

_NAME = 128
_RENEW_S = 300.0  # what was forgotten elsewhere must not live on in a journal that nobody fills


class Form(NamedTuple):
    """A version's recipe, None if nothing is recorded, and the number that its layout has in the journal.

    version: not held, since it holds a model; gone, it may leave its id to another.
    """

    version: weakref.ref[Version]
    number: int
    recipe: Recipe | None


class Recorder:
    """Called with each exchange, before its reply is sent.

    recipe_of: gives the recipe of a version. refusing: what happens when the journal is full: requests are refused until it
    has room again, or answered without a record.
    """

    def __init__(
        self, journal: Journal, admission: Admission, recipe_of: Callable[[Version], Recipe | None], refusing: bool
    ) -> None:
        self._journal = journal
        self._admission = admission
        self._recipe_of = recipe_of
        self._refusing = refusing
        self._forms: dict[int, Form] = {}
        self._declared = 0
        self._closed = False
        self._renewed = time.monotonic()

    def __call__(self, exchange: Exchange) -> None:
        """Records it. Never waits. Raises Overloaded for an answer that has no room, where nothing is answered unrecorded."""
        try:
            if exchange.answer is None:
                self._refused(exchange)
            else:
                self._answered(exchange)
        except Overloaded as refusal:
            exchange.answer, exchange.refusal = None, refusal
            raise
        except Exception:
            self._journal.lose()
            raise
        finally:
            count(exchange)

    def tend(self) -> None:
        """Call it now and then: a journal that was full may have room again."""
        if self._journal.full and self._journal.make_room():
            logger.warning("the journal has room again; %d exchanges were not recorded so far", self._journal.lost)
            self._admission.unblock()
        if time.monotonic() - self._renewed > _RENEW_S:
            self._renewed = time.monotonic()
            self._journal.renew()

    def report(self) -> dict[str, int | bool]:
        """Whether the journal is full, and how many exchanges were not recorded."""
        return {"full": self._journal.full, "lost": self._journal.lost}

    def close(self) -> None:
        """Ends the journal; a second time, nothing happens."""
        if not self._closed:
            self._closed = True
            self._journal.close()

    def _answered(self, exchange: Exchange) -> None:
        version, answer, query, route = exchange.version, exchange.answer, exchange.query, exchange.route
        assert version
        assert answer
        assert query
        assert route
        form = self._forms.get(id(version))
        if form is None or form.version() is not version:
            form = self._form(version)
        recipe = form.recipe
        if recipe is None:
            return
        outputs = {tensor.name: tensor.array for tensor in answer.outputs}
        frame = Answered(
            exchange.at,
            exchange.request_id,
            exchange.trace,
            form.number,
            False,
            route.reason,
            exchange.revision,
            exchange.cohort,
            exchange.rows,
            exchange.queue_ns,
            exchange.infer_ns,
            exchange.total_ns,
            [encode(exchange.inputs[name]) for name, encode in recipe.inputs],
            [encode(outputs[name]) if name in outputs else None for name, encode in recipe.outputs],
            [encode(query.parameters.get(name)) for name, encode in recipe.beyond],
        )
        journal = self._journal
        encoded = journal.encode(frame)
        if len(encoded) > recipe.max_bytes:
            encoded = self._cut(frame, recipe.max_bytes)
        if not journal.append_encoded(encoded) and self._refusing:
            raise self._full()

    def _cut(self, frame: Answered, most: int) -> bytearray:
        """Without its inputs, and if that is not enough, without its outputs, and then without its groups."""
        for name in ("inputs", "outputs", "groups"):
            frame = structs.replace(frame, **{name: [None] * len(getattr(frame, name))})
            encoded = self._journal.encode(frame)
            if len(encoded) <= most:
                break
        return encoded

    def _refused(self, exchange: Exchange) -> None:
        refusal, route = exchange.refusal, exchange.route
        assert refusal is not None
        frame = Refused(
            exchange.at,
            exchange.request_id,
            exchange.trace,
            exchange.model[:_NAME],
            route.version if route else 0,
            False,
            route.reason if route else "",
            refusal.status,
            refusal.code,
            exchange.total_ns,
        )
        if not self._journal.append(frame) and self._refusing:
            self._full()

    def _form(self, version: Version) -> Form:
        for key, form in list(self._forms.items()):
            if form.version() is None:
                self._journal.withdraw(form.number)
                del self._forms[key]
        form = Form(weakref.ref(version), self._declared, self._recipe_of(version))
        self._declared += 1
        self._forms[id(version)] = form
        if form.recipe is not None:
            self._journal.declare(form.number, form.recipe.layout)
        return form

    def _full(self) -> Overloaded:
        """Takes on no more requests, and says why."""
        refusal = Overloaded("the journal is full (journal.max_bytes); nothing is answered unrecorded", 5)
        self._admission.block(refusal)
        return refusal


def recipes(config: Config, key: bytes) -> Callable[[Version], Recipe | None]:
    """How each version's requests are recorded, as the configuration wants it. key: for the hashes."""

    def recipe_of(version: Version) -> Recipe | None:
        wanted = (config.settings(version.manifest.name) or ModelConfig()).record
        policy = Policy(wanted.answers, wanted.features, wanted.redact, wanted.max_bytes)
        return recipe(version.manifest, version.signature, version.stamp, policy, key)

    return recipe_of
