"""Which of the laptop's addresses phones can reach: ranked by signs, then really tried on the preflight page."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr

VIRTUAL = re.compile(
    r"docker|veth|^br-|virbr|vmnet|vbox|virtualbox|vethernet|hyper-v|wsl|tailscale|zerotier|^zt|^wg\d|^tun|^tap|utun|"
    r"nordlynx|radmin|ppp|vpn|bluetooth|llw|awdl|anpi",
    re.IGNORECASE,
)
PHYSICAL = re.compile(
    r"wi-?fi|wlan|^wlp|^wlx|airport|^en\d|^eth|ethernet|^enp|^eno|^ens|bridge100|^ap\d|local area connection",
    re.IGNORECASE,
)
HOTSPOTS = ("192.168.137.", "192.168.2.", "10.42.0.")
SHARED = ipaddress.ip_network("100.64.0.0/10")
PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An IPv4 address of ours, with the interface it belongs to and its points (more is likelier)."""

    address: str
    prefix: int
    interface: str
    points: int = 0


def points(address: str, prefix: int, interface: str, default: str | None) -> int:
    """How likely phones in the room reach this address (UX 8)."""
    ip = ipaddress.ip_address(address)
    total = 40 if any(ip in net for net in PRIVATE) else -30 if ip in SHARED else 0
    if VIRTUAL.search(interface):
        total -= 60
    elif PHYSICAL.search(interface):
        total += 20
    if address == default:
        total += 15
    if prefix >= 31:
        total -= 50
    if address.startswith(HOTSPOTS):
        total += 10
    return total


def ranked(found: Iterable[tuple[str, int, str]], default: str | None) -> list[Candidate]:
    """(address, prefix, interface) best first; loopback, unspecified and 169.254 left out."""
    kept = []
    for address, prefix, interface in found:
        ip = ipaddress.ip_address(address)
        if ip.version != 4 or ip.is_loopback or ip.is_unspecified or ip.is_link_local:
            continue
        kept.append(Candidate(address, prefix, interface, points(address, prefix, interface, default)))
    return sorted(kept, key=lambda one: (-one.points, one.address))


def default_route() -> str | None:
    """The address the system would send from; a UDP socket is only "connected", so no packet leaves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def ours() -> list[Candidate]:
    """All candidate addresses of this machine, best first."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                found.append((ip.ip, ip.network_prefix, str(adapter.nice_name)))
    return ranked(found, default_route())
