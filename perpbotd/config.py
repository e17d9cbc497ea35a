"""The configuration: one TOML file into frozen structs; what is not understood is refused in one clear line."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import inspect

from perpbotd.config_sections import ChainSection, Sections
from perpbotd.errors import ConfigError
from perpbotd.kernel.escape import escape
from perpbotd.secret import Secret

KEY_CREDENTIAL = "kek"
"""The systemd credential that holds the store's outer key (security.md, The sealed store)."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says, and where its relative paths and its credentials lie; secret files are read on demand.

    `init` and `check-config` run where systemd has not opened the credentials, so loading reads none of them.
    """

    file: Path
    sections: Sections
    credentials: Path | None = None

    @property
    def store_path(self) -> Path:
        """The store's directory."""
        return self.file.parent / self.sections.store.path

    def key_file(self) -> Path:
        """What opens the store; raises ConfigError where neither the file nor systemd names it."""
        named = self.sections.store.key_file
        if named is not None:
            return self._place("store.key_file", named)
        if self.credentials is None:
            raise self.refusal("store.key_file is missing, and systemd gave no credentials")
        return self.credentials / KEY_CREDENTIAL

    def api_hash(self) -> Secret:
        """The application's hash; raises ConfigError."""
        telegram = self.sections.telegram
        return self._secret("telegram.api_hash", telegram.api_hash, telegram.api_hash_file)

    def bot_token(self) -> Secret:
        """The bot's token; raises ConfigError."""
        telegram = self.sections.telegram
        return self._secret("telegram.bot_token", telegram.bot_token, telegram.bot_token_file)

    def refusal(self, what: str) -> ConfigError:
        """The error to raise: one line that names the file, then the key and what is allowed."""
        return refusal(self.file, what)

    def _place(self, key: str, named: str) -> Path:
        """A path has a slash (relative ones start at the file's folder); anything else is a credential's name."""
        if "/" in named:
            return self.file.parent / named
        if self.credentials is None:
            raise self.refusal(f"{key} names a systemd credential and there are none here; a path has a slash")
        return self.credentials / named

    def _secret(self, key: str, inline: Secret | None, named: str | None) -> Secret:
        place = f"{key}_file"
        secret = self._read(place, self._place(place, named)) if named is not None else inline
        if secret is None or not len(secret):
            raise self.refusal(f"{key} is empty")
        return secret

    def _read(self, key: str, path: Path) -> Secret:
        try:
            open_to_all = path.stat().st_mode & stat.S_IRWXO
            data = path.read_bytes()
        except OSError as error:
            raise self.refusal(f"{key}: cannot read it: {error.strerror}") from None
        if open_to_all:
            raise self.refusal(f"{key} is open to every user of this host; chmod o= is needed")
        return Secret(data.strip())


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a configuration; raises ConfigError of one line for whatever is wrong with it."""
    try:
        open_to_all = path.stat().st_mode & stat.S_IRWXO
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refusal(path, f"cannot read it: {error.strerror}") from None
    except UnicodeDecodeError:
        raise refusal(path, "it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise refusal(path, f"it is not TOML: {error}") from None
    except RecursionError:
        raise refusal(path, "it is nested too deeply") from None
    _check_keys(path, inspect.type_info(Sections), data, "")
    try:
        sections = msgspec.convert(data, Sections, dec_hook=_secret_from)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise refusal(path, f"{where.rstrip('`')}: {what[:1].lower()}{what[1:]}") from None
    telegram = sections.telegram
    inline = telegram.api_hash is not None or telegram.bot_token is not None
    if open_to_all and (inline or any(_holds_key(url) for url in _urls(sections.chain))):
        raise refusal(path, "it holds a secret and is open to every user of this host; chmod o= is needed")
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    return Config(file=path.absolute(), sections=sections, credentials=Path(credentials) if credentials else None)


def refusal(path: Path, what: str) -> ConfigError:
    """A ConfigError of one line, whatever the file's name or keys contain."""
    return ConfigError(escape(f"{path}: {what}"))


def _urls(chain: ChainSection) -> Iterator[Secret]:
    for provider in chain.providers:
        yield from (provider.http_url, provider.ws_url)
    yield from (other.http_url for other in chain.others)


def _holds_key(url: Secret) -> bool:
    """Whether a URL says more than a host: then that is mostly the operator's key at the provider."""
    return re.fullmatch(r"\w+://[^/?#@]*/?", url.reveal_text()) is None


def _secret_from(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret.from_text(value)
    raise ValueError("expected `str`")


def _check_keys(path: Path, kind: inspect.Type, data: Any, where: str) -> None:
    """Name an unknown or missing key, or a word that is none of the allowed; values are never repeated."""
    match kind:
        case inspect.StructType() if isinstance(data, dict):
            fields = {field.encode_name: field for field in kind.fields}
            table = cast("dict[str, Any]", data)
            for key, value in table.items():
                field = fields.get(key)
                if field is None:
                    raise refusal(path, f"unknown key {where}{key}; allowed here: {', '.join(sorted(fields))}")
                _check_keys(path, field.type, value, f"{where}{key}.")
            for key, field in fields.items():
                if field.required and key not in table:
                    raise refusal(path, f"{where}{key} is missing")
        case inspect.VarTupleType() if isinstance(data, list):
            for index, row in enumerate(cast("list[Any]", data)):
                _check_keys(path, kind.item_type, row, f"{where[:-1]}[{index}].")
        case inspect.UnionType():
            for member in kind.types:
                _check_keys(path, member, data, where)
        case inspect.EnumType():
            words: list[str] = [word.value for word in kind.cls]
            if data not in words:
                raise refusal(path, f"{where[:-1]} must be one of: {', '.join(words)}")
        case _:
            pass
