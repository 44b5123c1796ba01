"""Lints the container files of deploy/, which no test runs: users, read-only roots, health checks, secrets, published addresses.

usage: python3 tests/deploy_lint.py <folder>
"""

import re
import sys
from pathlib import Path

import yaml


def lint_dockerfile(path):
    text = path.read_text()
    lines = [line.strip() for line in re.sub(r"\\\n\s*", " ", text).splitlines()]
    stages = [line for line in lines if line.startswith("FROM ")]
    problems = []
    if len(stages) < 2:
        problems.append("is not built in stages")
    last = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    for stage in stages:
        image = stage.split()[1]
        if ":" not in image or image.endswith(":latest"):
            problems.append(f"{image} has no fixed tag")
    words = {line.split(" ")[0]: line for line in last}
    for word in ("USER", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "VOLUME"):
        if word not in words:
            problems.append(f"the last stage has no {word}")
    if words.get("USER") in ("USER root", "USER 0"):
        problems.append("runs as root")
    if any(line.startswith("RUN ") for line in last):
        problems.append("the last stage has no shell to RUN with")
    if "HEALTHCHECK" in words and '["/usr/local/bin/identivia", "health"]' not in words["HEALTHCHECK"]:
        problems.append("the health check is not the binary's own")
    copied = {source for line in lines if line.startswith("COPY ") and "--from" not in line for source in line.split()[1:-1]}
    root = path.parent.parent
    problems += [f"copies {source}, which is not there" for source in copied if not (root / source).exists()]
    read_by_build = {"Cargo.toml", "Cargo.lock", ".cargo", "crates", "models", "web", "docs/openapi.json"}
    problems += [f"does not copy {source}, which the build reads" for source in sorted(read_by_build - copied)]
    return problems


def lint_compose(path):
    stack = yaml.safe_load(path.read_text())
    problems = []
    server = stack["services"]["identivia"]
    for name, expected in {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}.items():
        if server.get(name) != expected:
            problems.append(f"identivia: {name} is not {expected}")
    if not (path.parent / server["build"]["context"] / server["build"]["dockerfile"]).resolve().exists():
        problems.append("identivia: its Dockerfile is not there")
    for name, service in stack["services"].items():
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                problems.append(f"{name}: publishes {port} to the network")
        for variable, value in (service.get("environment") or {}).items():
            is_secret = re.search(r"PASSWORD$|SECRET|ACCESS_KEY|_JSON$|DATABASE_URL", variable)
            if is_secret and not str(value).startswith("${"):
                problems.append(f"{name}: {variable} is a secret in the file")
        for mount in service.get("volumes", []):
            if mount.split(":")[0] not in stack.get("volumes", {}):
                problems.append(f"{name}: the volume {mount} is not declared")
        for network in service.get("networks", []):
            if network not in stack.get("networks", {}):
                problems.append(f"{name}: the network {network} is not declared")
    return problems


def main():
    folder = Path(sys.argv[1]).resolve()
    found = {"Dockerfile": lint_dockerfile(folder / "Dockerfile")}
    found |= {path.name: lint_compose(path) for path in sorted(folder.glob("compose*.yml"))}
    for name, problems in found.items():
        for problem in problems:
            print(f"  {name}: {problem}", file=sys.stderr)
        print(f"  {name}: {'wrong' if problems else 'well-formed'}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
