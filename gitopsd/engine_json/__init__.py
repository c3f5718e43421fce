"""Between our words and Engine JSON: specification to bodies, inspection to live state. Pure."""

from gitopsd.engine_json.container import creation
from gitopsd.engine_json.labels import options_digest, other_options
from gitopsd.engine_json.limits import keep_body, limit_problems, restart_body, update_body
from gitopsd.engine_json.lowest_api import LOWEST_API, network_too_new, too_new
from gitopsd.engine_json.mounts import content_problems, exchange_problems
from gitopsd.engine_json.namespaces import borrowed_services, joined_services, shared_things, shares_network
from gitopsd.engine_json.networking import instance_name
from gitopsd.engine_json.resource import expected_network, expected_volume, network_body, volume_body

__all__ = [
    "LOWEST_API",
    "borrowed_services",
    "content_problems",
    "creation",
    "exchange_problems",
    "expected_network",
    "expected_volume",
    "instance_name",
    "joined_services",
    "keep_body",
    "limit_problems",
    "network_body",
    "network_too_new",
    "options_digest",
    "other_options",
    "restart_body",
    "shared_things",
    "shares_network",
    "too_new",
    "update_body",
    "volume_body",
]
