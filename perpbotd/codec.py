"""The one encoding of rows and messages: msgpack, with secrets as bytes and wei as decimal strings."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from perpbotd.domain.types import Wei
from perpbotd.secret import Secret

T = TypeVar("T")


def _enc_hook(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Wei):
        return str(int(value))
    raise NotImplementedError(type(value).__name__)


def _dec_hook(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    if kind is Wei:
        return Wei(value)
    raise NotImplementedError(kind.__name__)


_encoder = msgspec.msgpack.Encoder(enc_hook=_enc_hook)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def encode(value: msgspec.Struct) -> Secret:
    """A row's plain bytes; a Secret, since a row may hold a paste or a credential."""
    return Secret(_encoder.encode(value))


def decode(data: Secret, kind: type[T]) -> T:
    """The row back; raises msgspec.ValidationError when it is not of this kind."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind, dec_hook=_dec_hook)
    return decoder.decode(data.reveal())
