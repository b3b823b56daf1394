"""Make the configuration of a service out of a base, an overlay for the stage, and the environment.

cflow run examples/cookbook/render_config.py
"""

from pathlib import Path
from typing import Any, Final

from cflow import env, flow, secret
from cflow.stdlib_nodes import files, log, toml, validate, yaml

APP_STAGE = env("APP_STAGE", "dev")
APP_PASSWORD = secret("APP_PASSWORD")

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["port", "workers", "database"],
    "additionalProperties": False,
    "properties": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "workers": {"type": "integer", "minimum": 1},
        "database": {
            "type": "object",
            "required": ["host", "password"],
            "properties": {"host": {"type": "string", "minLength": 1}},
        },
    },
}


@flow
def render_config(folder: str = "config", out: str = "service.toml") -> Path:
    """The path of the configuration. One that does not fit the schema is not written."""
    base = toml.read(f"{folder}/base.toml")
    overlay = f"{folder}/{APP_STAGE}.yaml"
    changes = (yaml.read(overlay) or {}) if files.exists(overlay) else {}
    database = {**base["database"], **changes.get("database", {}), "password": APP_PASSWORD}
    config = {**base, **changes, "database": database}
    problems = validate.problems(config, SCHEMA)
    for problem in problems:
        log.error(f"{APP_STAGE}: {problem.path or 'the configuration'}: {problem.message}")
    if problems:
        raise ValueError(f"the configuration of {APP_STAGE} has {len(problems)} mistakes")
    return toml.write(out, config)
