"""The schema of the chart's values: ``python -m deploy.helm.generate`` writes it.

What the worker's settings may be is read off :mod:`stream.settings`, so that helm refuses a setting
that the worker would refuse, before a pod is replaced.
"""

from __future__ import annotations

import json
import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from stream.settings import Settings, variable

SCHEMA = Path(__file__).with_name("empathy-stream") / "values.schema.json"

Schema = dict[str, Any]


def setting_schema(setting: Field[Any]) -> Schema:
    """What a value of this setting may be. Helm's ``--set`` gives fractions as strings, so numbers
    may be strings too; the worker then sees to their bounds."""
    about = {"description": setting.metadata["help"]}
    allowed = setting.metadata["allowed"]
    if allowed.startswith("one of "):
        return about | {"enum": allowed.removeprefix("one of ").split(", ")}
    if allowed == "true or false":
        return about | {"enum": [True, False, "true", "false"]}
    if bounds := re.search(r"from (\S+) to (\S+)$", allowed):
        low, high = map(float, bounds.groups())
        whole = allowed.startswith("a whole number")
        pattern = r"^-?[0-9]+$" if whole else r"^[0-9]+(\.[0-9]+)?$"
        kind = "integer" if whole else "number"
        return about | {
            "type": [kind, "string"],
            "minimum": int(low) if whole else low,
            "maximum": int(high) if whole else high,
            "pattern": pattern,
        }
    return about | {"type": "string"}


def closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> Schema:
    """An object with these properties and no other."""
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return found | ({"required": list(required)} if required else {})


def settings_and_files() -> tuple[Schema, Schema]:
    key = {"type": "string", "minLength": 1}
    from_secret = closed({"secret": key, "key": key}, ("secret", "key"))
    from_config_map = closed({"configMap": key, "key": key}, ("configMap", "key"))
    settings, files = {}, {}
    for setting in fields(Settings):
        name = variable(setting.name)
        if setting.metadata["secret"]:
            settings[f"{name}_FILE"] = {
                "description": f"File with: {setting.metadata['help']}",
                "type": "string",
            }
            files[f"{name}_FILE"] = from_secret
            continue
        settings[name] = setting_schema(setting)
        if setting.name.endswith("_file"):
            files[name] = {"oneOf": [from_secret, from_config_map]}
    return closed(settings), closed(files)


def values_schema() -> Schema:
    text, flag, anything = {"type": "string"}, {"type": "boolean"}, {"type": "object"}
    things = {"type": "array", "items": {"type": "object"}}
    words = {"type": "object", "additionalProperties": {"type": "string"}}
    count = {"type": "integer", "minimum": 1}
    duration = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}
    ports = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65_535}}
    settings, files = settings_and_files()
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart empathy-stream",
        **closed(
            {
                "image": closed(
                    {
                        "repository": {"type": "string", "minLength": 1},
                        "tag": text,
                        "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
                        "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
                    }
                ),
                "imagePullSecrets": things,
                "replicas": {"type": "integer", "minimum": 0},
                "settings": settings,
                "files": files,
                "resources": anything,
                "terminationMarginSeconds": count,
                "probes": closed(dict.fromkeys(("startup", "liveness", "readiness"), anything)),
                "podDisruptionBudget": closed(
                    {"enabled": flag, "maxUnavailable": {"type": ["integer", "string"]}}
                ),
                "networkPolicy": closed(
                    {
                        "enabled": flag,
                        "from": things,
                        "dns": things,
                        "dnsPorts": ports,
                        "brokers": things,
                        "brokerPorts": ports,
                        "extraEgress": things,
                    }
                ),
                "serviceMonitor": closed(
                    {
                        "enabled": flag,
                        "labels": words,
                        "interval": duration,
                        "scrapeTimeout": duration,
                    }
                ),
                "prometheusRule": closed({"enabled": flag, "labels": words, "runbookUrl": text}),
                "dashboards": closed({"enabled": flag, "labels": words, "annotations": words}),
                "autoscaling": closed(
                    {
                        "enabled": flag,
                        "minReplicas": count,
                        "maxReplicas": count,
                        "lagThreshold": count,
                        "pollingInterval": count,
                        "scaleDownStabilizationSeconds": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": 3600,
                        },
                        "authenticationRef": text,
                    }
                ),
                "serviceAccount": closed(
                    {"create": flag, "name": text, "automountToken": flag, "annotations": words}
                ),
                "podAnnotations": words,
                "podLabels": words,
                "nodeSelector": words,
                "tolerations": things,
                "affinity": anything,
                "priorityClassName": text,
                "topologySpread": {
                    "type": "array",
                    "items": closed(
                        {
                            "topologyKey": text,
                            "maxSkew": count,
                            "whenUnsatisfiable": {"enum": ["DoNotSchedule", "ScheduleAnyway"]},
                        },
                        ("topologyKey",),
                    ),
                },
                "extraVolumes": things,
                "extraVolumeMounts": things,
                "nameOverride": text,
                "fullnameOverride": text,
                # Helm's own, where the chart is a part of another.
                "global": anything,
            }
        ),
    }


def rendered() -> str:
    """The file's content."""
    return json.dumps(values_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(rendered())
