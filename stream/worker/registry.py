"""A client of Confluent's Schema Registry, as far as the worker needs one.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html. Registries that speak
the same API (Karapace, Apicurio's ccompat, Redpanda) will do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp

import stream
from stream.settings import SettingError, Settings, variable
from stream.sources.framing import JSON_SCHEMA, header, schema_id
from stream.worker.output import Dropped

log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_RETRY_SECONDS = 1.0
_WARN_SECONDS = 10.0
_UNKNOWN_SECONDS = 60.0
"""How long an id that the registry does not know is not asked for again."""
_MOST_UNKNOWN = 10_000
_MEDIA = "application/vnd.schemaregistry.v1+json"


class RegistryError(RuntimeError):
    """The registry refuses; the message says what and what to do."""


class _Away(Exception):  # noqa: N818  (an outcome: the registry is waited for)
    """No answer, or one that says try later."""


class Frames(NamedTuple):
    """What precedes the values of each topic: nothing, or the wire format's header."""

    interactions: bytes = b""
    gaps: bytes = b""
    rollups: bytes = b""


def schema_text(topic: str) -> str:
    """The JSON Schema of a topic, by its default name, in one line."""
    package = Path(stream.__file__).parent
    # In the wheel the schemas are within the package, in a checkout beside it.
    folders = [package / "schemas", package.parent / "schemas"]
    folder = next(folder for folder in folders if folder.is_dir())
    text = (folder / f"{topic}.schema.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


class Registry:
    """The registry that the settings name.

    One that cannot be reached is waited for, as brokers are. Raises :class:`SettingError` for
    credentials that it refuses and :class:`RegistryError` for everything else.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._warned_at = 0.0
        self.types: dict[int, str] = {}
        """The types of known schemas by id."""
        self._unknown: dict[int, float] = {}
        """When it was last asked for ids that it does not know."""
        self.frames = Frames()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def prepare(self) -> None:
        """Make sure that it lets us in; register what is written, where it is to be framed."""
        settings = self._settings
        if not settings.schema_registry_output:
            status, answer = await self._until_answered("GET", "/schemas/types")
            if status != 200:
                raise RegistryError(
                    f"{self._says(status, answer)} to /schemas/types: is "
                    f"{variable('schema_registry_url')} its address?"
                )
            return
        topics = (settings.interactions_topic, settings.gaps_topic, settings.rollups_topic)
        ids = [
            await self._register(f"{topic}-value", f"empathy.{name}")
            for topic, name in zip(topics, Frames._fields, strict=True)
        ]
        self.frames = Frames(*map(header, ids))

    async def learn(self, values: Iterable[bytes | None], held: Callable[[], bool]) -> None:
        """Know the schemas that the framed ones of ``values`` name, before they are read.

        Raises :class:`~stream.worker.output.Dropped` where ``held`` says, while the registry is
        waited for, that it is ours no longer.
        """
        now = time.monotonic()
        missing = {
            found
            for found in map(schema_id, values)
            if found is not None
            and found not in self.types
            and now - self._unknown.get(found, -_UNKNOWN_SECONDS) >= _UNKNOWN_SECONDS
        }
        for found in missing:
            status, answer = await self._until_answered("GET", f"/schemas/ids/{found}", held=held)
            if status == 200:
                # A schema without a type is Avro, the first that there was.
                self.types[found] = str(answer.get("schemaType", "AVRO"))
            elif status == 404:
                if len(self._unknown) >= _MOST_UNKNOWN:
                    self._unknown.clear()
                self._unknown[found] = now
            else:
                raise RegistryError(f"{self._says(status, answer)} to a look at schema {found}")

    async def _register(self, subject: str, topic: str) -> int:
        body = {"schemaType": JSON_SCHEMA, "schema": schema_text(topic)}
        path = f"/subjects/{quote(subject, safe='')}"
        registers = self._settings.schema_registry_register
        status, answer = await self._until_answered(
            "POST", f"{path}/versions" if registers else path, body
        )
        if status == 200:
            return int(answer["id"])
        said = self._says(status, answer)
        file = f"schemas/{topic}.schema.json"
        if not registers and status == 404:
            raise RegistryError(
                f"{said}: {file} is not registered under {subject}. Register it, or let "
                f"{variable('schema_registry_register')} be true"
            )
        if status == 409:
            raise RegistryError(
                f"{said}: {file} is not compatible with what is registered under {subject}. "
                "Relax that subject's compatibility for this release (within a major version "
                "BACKWARD holds), or give the topic another name"
            )
        raise RegistryError(f"{said} to {file} under {subject}")

    def _says(self, status: int, answer: dict[str, Any]) -> str:
        said = str(answer.get("message", ""))[:300]
        return f"the schema registry answers {status}" + (f" ({said})" if said else "")

    # -- HTTP -----------------------------------------------------------------------------------

    async def _until_answered(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        held: Callable[[], bool] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        while True:
            try:
                return await self._ask(method, path, body)
            except _Away as away:
                if held is not None and not held():
                    raise Dropped from None
                if time.monotonic() - self._warned_at >= _WARN_SECONDS:
                    self._warned_at = time.monotonic()
                    log.warning(
                        "waiting for the schema registry",
                        extra={"url": self._settings.schema_registry_url, "cause": str(away)},
                    )
                await asyncio.sleep(_RETRY_SECONDS)

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        settings = self._settings
        if self._session is None:
            self._session = self._connect()
        url = settings.schema_registry_url.rstrip("/") + path
        try:
            async with self._session.request(method, url, json=body) as response:
                status, text = response.status, await response.text()
        except aiohttp.ClientConnectorCertificateError as error:
            raise SettingError(
                f"{variable('schema_registry_ca_file')}: the registry's certificate is not "
                f"accepted: {error.certificate_error}"
            ) from None
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise _Away(str(error) or type(error).__name__) from None
        if status in (401, 403):
            names = [f"schema_registry_{part}" for part in ("username", "password")]
            raise SettingError(
                f"{', '.join(map(variable, names))}: the schema registry answers {status}: "
                + ("not accepted" if status == 401 else "not allowed to do what is needed")
            )
        if status >= 500 or status in (408, 429):
            raise _Away(f"answers {status}")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        return status, answer if isinstance(answer, dict) else {}

    def _connect(self) -> aiohttp.ClientSession:
        settings = self._settings
        headers = {"Accept": f"{_MEDIA}, application/json"}
        if settings.schema_registry_username:
            pair = f"{settings.schema_registry_username}:{settings.schema_registry_password}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        try:
            context = ssl.create_default_context(cafile=settings.schema_registry_ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise SettingError(f"{variable('schema_registry_ca_file')}: {error}") from None
        return aiohttp.ClientSession(
            headers=headers, timeout=_TIMEOUT, connector=aiohttp.TCPConnector(ssl=context)
        )
