"""Everything the environment can change; the defaults suit a laptop without internet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: In the environment a list is written with commas.
Names = Annotated[list[str], NoDecode]


class Settings(BaseSettings):
    """Each field may be set as `OFFICINA_<NAME>`; the flags of `officina start` win over the environment."""

    model_config = SettingsConfigDict(env_prefix="OFFICINA_", extra="ignore")

    #: Every network of the laptop, so that phones reach it; host powers stay on the loopback all the same.
    host: str = "0.0.0.0"
    port: int = 8000
    data: Path = Field(default_factory=lambda: user_data_path("officina", appauthor=False))
    #: What the program may lose at any time. Not beside the data: compiled pages are code, and a data folder may come from
    #: somebody else.
    cache: Path = Field(default_factory=lambda: user_cache_path("officina", appauthor=False))
    #: 256 bits; when set it is never printed.
    host_key: str | None = None
    #: How many people a session takes.
    room_cap: int = 500
    public_url: str | None = None
    #: Further names under which phones may call, beside our own addresses.
    allowed_hosts: Names = Field(default_factory=list)
    #: Lets a desk work from another device over plain http; the key then crosses the network readable by anybody on it.
    allow_remote_host: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    #: A second folder for backups, such as a USB stick.
    backup_to: Path | None = None
    #: Names and badges of a session are erased this many days after the last that happened in it; 0 keeps them.
    retention_days: int = Field(default=90, ge=0)
    #: Addresses of proxies whose X-Forwarded-* headers are believed; none on a laptop.
    trusted_proxies: Names = Field(default_factory=list)
    accessibility_statement_url: str | None = None
    feedback_contact: str | None = None
    #: Shown on wall and desk where people read how to join.
    wifi_name: str | None = None

    @property
    def only_here(self) -> bool:
        """Whether no other device can reach the port, whatever the network."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @field_validator("allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def with_commas(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value
