"""Devices, accelerators and block I/O of a service -> the parts of HostConfig that are about hardware."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gitopsd.engine_json.fields import mapping, number, strings, text
from gitopsd.model.canonical import Json

# A device of the Container Device Interface: vendor.com/class=name.
_CDI: Final = re.compile(r"[A-Za-z][\w.-]*/[A-Za-z][\w.-]*=[\w.:-]+", re.ASCII)
_EVERYTHING: Final = "rwm"
_RATES: Final = {
    "device_read_bps": "BlkioDeviceReadBps",
    "device_write_bps": "BlkioDeviceWriteBps",
    "device_read_iops": "BlkioDeviceReadIOps",
    "device_write_iops": "BlkioDeviceWriteIOps",
}

Options = Mapping[str, Json]


def devices(options: Options) -> dict[str, Json]:
    """Devices by their paths, and what a device driver of the engine is asked for."""
    written = _each(options.get("devices"))
    named = [text(device["source"]) for device in written if _is_cdi(device)]
    cdi: list[Json] = [{"Driver": "cdi", "DeviceIDs": named}] if named else []
    found: dict[str, Json] = {
        "Devices": [_device(device) for device in written if not _is_cdi(device)],
        "DeviceCgroupRules": strings(options.get("device_cgroup_rules")),
        "DeviceRequests": [*cdi, *_accelerators(options)],
    }
    return {key: value for key, value in found.items() if value}


def _is_cdi(device: Options) -> bool:
    source = text(device.get("source"))
    return source == text(device.get("target")) and _CDI.fullmatch(source) is not None


def _device(device: Options) -> Json:
    # Without permissions no engine can start the container.
    return {
        "PathOnHost": text(device.get("source")),
        "PathInContainer": text(device.get("target")) or text(device.get("source")),
        "CgroupPermissions": text(device.get("permissions")) or _EVERYTHING,
    }


def _accelerators(options: Options) -> Iterator[Json]:
    """Reserved devices name all their capabilities; what is under `gpus` is one without saying so."""
    reserved = mapping(mapping(mapping(options.get("deploy")).get("resources")).get("reservations"))
    for device in _each(reserved.get("devices")):
        yield _request(device, strings(device.get("capabilities")))
    for device in _each(options.get("gpus")):
        yield _request(device, [*strings(device.get("capabilities")), "gpu"])


def _request(device: Options, capabilities: Sequence[str]) -> Json:
    body: dict[str, Json] = {
        "Driver": text(device.get("driver")),
        "Count": int(number(device.get("count"))),
        "DeviceIDs": strings(device.get("device_ids")),
        "Capabilities": [list(capabilities)],
        "Options": {key: text(value) for key, value in mapping(device.get("options")).items()},
    }
    return {key: value for key, value in body.items() if value}


def block_io(options: Options) -> dict[str, Json]:
    """Weights and rates of single devices; the container's own weight is a limit."""
    written = mapping(options.get("blkio_config"))
    found: dict[str, Json] = {
        "BlkioWeightDevice": [
            {"Path": text(each.get("Path")), "Weight": int(number(each.get("Weight")))}
            for each in _each(written.get("weight_device"))
        ]
    }
    for key, name in _RATES.items():
        found[name] = [
            {"Path": text(each.get("Path")), "Rate": int(number(each.get("Rate")))} for each in _each(written.get(key))
        ]
    return {key: value for key, value in found.items() if value}


def ulimits(options: Options) -> list[Json]:
    """A number is both limits; of a pair, the one that is not written is 0."""
    return [
        {"Name": name, "Soft": _limit(value, "soft"), "Hard": _limit(value, "hard")}
        for name, value in sorted(mapping(options.get("ulimits")).items())
    ]


def _limit(value: Json, which: str) -> int:
    return int(number(value.get(which) if isinstance(value, Mapping) else value))


def _each(value: Json) -> list[Mapping[str, Json]]:
    return [mapping(each) for each in value] if isinstance(value, Sequence) and not isinstance(value, str) else []
