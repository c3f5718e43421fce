"""Networks and volumes -> the JSON that creates them, and what an engine shows of them then."""

from collections.abc import Mapping

from gitopsd.engine_json.fields import mapping, text, texts
from gitopsd.engine_json.labels import network_labels, volume_labels
from gitopsd.engine_json.projection import Projection, network_projection, volume_projection
from gitopsd.model.canonical import Json
from gitopsd.model.desired import DesiredState, Network, Volume


def network_body(network: Network, desired: DesiredState, key: bytes = b"") -> dict[str, Json]:
    """The JSON of `POST /networks/create` without the name. `key` is the store's, for a digest of what is hidden."""
    return {**_network_settings(network), "Labels": network_labels(network, desired.project, desired.environment, key)}


def _network_settings(network: Network) -> dict[str, Json]:
    options = network.options
    body: dict[str, Json] = {
        # Without it two networks may bear one name.
        "CheckDuplicate": True,
        "Driver": text(options.get("driver")) or "bridge",
        "Options": texts(options.get("driver_opts")),
        "IPAM": _ipam(mapping(options.get("ipam"))),
        "Internal": options.get("internal") is True,
        "Attachable": options.get("attachable") is True,
        "EnableIPv6": options.get("enable_ipv6") is True,
    }
    if options.get("enable_ipv4") is not None:
        body["EnableIPv4"] = options["enable_ipv4"]
    return body


def _ipam(ipam: Mapping[str, Json]) -> dict[str, Json]:
    pools = ipam.get("config")
    body: dict[str, Json] = {
        "Driver": text(ipam.get("driver")) or "default",
        "Config": [_pool(mapping(pool)) for pool in pools] if isinstance(pools, list | tuple) else [],
    }
    if ipam.get("options"):
        body["Options"] = texts(ipam["options"])
    return body


def _pool(pool: Mapping[str, Json]) -> dict[str, Json]:
    body: dict[str, Json] = {
        "Subnet": text(pool.get("subnet")),
        "Gateway": text(pool.get("gateway")),
        "IPRange": text(pool.get("ip_range")),
        "AuxiliaryAddresses": texts(pool.get("aux_addresses")),
    }
    return {key: value for key, value in body.items() if value}


def volume_body(volume: Volume, desired: DesiredState, key: bytes = b"") -> dict[str, Json]:
    """The JSON of `POST /volumes/create` without the name. `key` is the store's, for a digest of what is hidden."""
    return {**_volume_settings(volume), "Labels": volume_labels(volume, desired.project, desired.environment, key)}


def _volume_settings(volume: Volume) -> dict[str, Json]:
    options = volume.options
    return {"Driver": text(options.get("driver")) or "local", "DriverOpts": texts(options.get("driver_opts"))}


def expected_network(network: Network) -> Projection:
    """The projection of a network that was created from its settings; what the engine fills in is absent."""
    return network_projection({**_network_settings(network), "Labels": texts(network.options.get("labels"))})


def expected_volume(volume: Volume) -> Projection:
    """The same of a volume."""
    body = _volume_settings(volume)
    return volume_projection({**body, "Options": body["DriverOpts"], "Labels": texts(volume.options.get("labels"))})
