"""Alert rules and dashboard: the real promtool takes the rules, they fire when they should, and all metrics exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.prometheus import promtool
from tests.web.conftest import Front

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "alerts.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana.json").read_text())
ENVIRONMENT = 'environment="shop",mode="auto"'

# What the series are minute by minute, as promtool writes them, and the alert that fires by then.
CASES = [
    (
        f'gitopsd_environment_info{{{ENVIRONMENT},sync="Synced",health="Degraded"}}',
        "1x10",
        "GitopsdEnvironmentDegraded",
    ),
    (f'gitopsd_environment_info{{{ENVIRONMENT},sync="Unknown",health="Unknown"}}', "1x15", "GitopsdEnvironmentUnknown"),
    ('gitopsd_commits_behind{environment="shop"}', "2x40", "GitopsdBehind"),
    ('gitopsd_drift_fields{environment="shop"}', "1x20", "GitopsdDrift"),
    ('gitopsd_swarm_nodes{engine="unix:///here",role="worker",standing="down"}', "1x10", "GitopsdNodeLost"),
    ('gitopsd_swarm_nodes{engine="unix:///here",role="manager",standing="unreachable"}', "1x10", "GitopsdManagerLost"),
    ('gitopsd_service_tasks_pending{environment="shop",service="web"}', "2x10", "GitopsdTasksPending"),
    ('gitopsd_release_total{environment="shop",outcome="rolled-back"}', "0+0x5 1+0x5", "GitopsdReleaseFailed"),
    ('gitopsd_repository_seen_timestamp_seconds{repository="default"}', "0x30", "GitopsdRepositorySilent"),
    ('gitopsd_reconcile_failures_total{environment="shop"}', "0+1x10", "GitopsdPassesFail"),
    ('gitopsd_notifications_waiting{receiver="mail"}', "3x40", "GitopsdNotificationsWait"),
    ("gitopsd_notifications_given_up_total", "0+0x5 1+0x5", "GitopsdNotificationsLost"),
]


def test_promtool_takes_the_rules() -> None:
    done = subprocess.run([promtool(), "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("series", "values", "alert"), CASES)
def test_a_rule_fires_when_it_should(tmp_path: Path, series: str, values: str, alert: str) -> None:
    assert alert in fired(tmp_path, series, values)


def test_an_environment_that_is_well_fires_nothing(tmp_path: Path) -> None:
    well = f'gitopsd_environment_info{{{ENVIRONMENT},sync="Synced",health="Healthy"}}'
    assert fired(tmp_path, well, "1x40") == set()


def test_every_rule_has_its_case() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert {rule["alert"] for rule in rules} == {alert for _, _, alert in CASES}


def test_rules_and_dashboard_ask_for_metrics_that_there_are(front: Front) -> None:
    told = set(re.findall(r"^# TYPE (\w+) ", front.here.get("/metrics").text, re.MULTILINE))
    asked = {target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    asked |= {rule["expr"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    named = {name for expression in asked for name in re.findall(r"\bgitopsd_\w+", expression)}
    assert {name.removesuffix("_bucket") for name in named} <= told


def fired(directory: Path, series: str, values: str) -> set[str]:
    """The alerts that fire at some moment of a series, by the real rule engine: it is told that none does."""
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    quiet = [
        {"eval_time": f"{at}m", "alertname": rule["alert"], "exp_alerts": []}
        for rule in rules
        for at in (8, 12, 18, 35, 45)
    ]
    test = {"interval": "1m", "input_series": [{"series": series, "values": values}], "alert_rule_test": quiet}
    file = directory / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [test]}))
    done = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    found = set(re.findall(r"alertname: (\w+), time", told))
    assert bool(found) == bool(done.returncode), told
    return found
