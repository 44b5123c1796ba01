"""Writes the bill of materials (CycloneDX 1.6, JSON) of the server: the crates in its binary and the packages in its pages.

usage: python3 tests/sbom.py <file to write>
"""

import base64
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
SERVER = "identivia"
# The binary that is published.
PLATFORM = "x86_64-unknown-linux-gnu"


def read_crates():
    """The crates of the server by id, and for each the ids of those that it needs: not those of tests alone."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    crates = {package["id"]: package for package in metadata["packages"]}
    needs = {}
    for node in metadata["resolve"]["nodes"]:
        needs[node["id"]] = [
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        ]
    server = next(id for id in metadata["workspace_members"] if crates[id]["name"] == SERVER)
    reached, waiting = set(), [server]
    while waiting:
        crate = waiting.pop()
        if crate not in reached:
            reached.add(crate)
            waiting.extend(needs[crate])
    return server, {id: crates[id] for id in reached}, needs


def read_checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def license_of(text):
    # Some crates still write the old form of "or".
    return [LicenseFactory().make_from_string(text.replace("/", " OR "))] if text else []


def describe_crate(crate, checksums):
    name, version = crate["name"], crate["version"]
    checksum = checksums.get((name, version))
    purl = PackageURL("cargo", None, name, version) if crate["source"] else None
    return Component(
        type=ComponentType.APPLICATION if name == SERVER else ComponentType.LIBRARY,
        name=name,
        version=version,
        licenses=license_of(crate["license"]),
        purl=purl,
        bom_ref=f"cargo:{name}@{version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


def list_page_packages():
    """The packages that can end up in the pages: all of web/ that no tool of the build alone needs."""
    lock = json.loads((ROOT / "web/package-lock.json").read_text())
    for path, package in sorted(lock["packages"].items()):
        if not path or package.get("dev") or package.get("link"):
            continue
        name = path.rsplit("node_modules/", 1)[1]
        scope, _, short = name.rpartition("/")
        algorithm, _, digest = package.get("integrity", "").partition("-")
        digest = base64.b64decode(digest).hex()
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=package["version"],
            licenses=license_of(package.get("license")),
            purl=PackageURL("npm", scope or None, short, package["version"]),
            bom_ref=f"npm:{path}@{package['version']}",
            hashes=[HashType(alg=HashAlgorithm.SHA_512, content=digest)] if algorithm == "sha512" else [],
        )


def main():
    target = Path(sys.argv[1])
    server, crates, needs = read_crates()
    checksums = read_checksums()
    components = {id: describe_crate(crate, checksums) for id, crate in crates.items()}
    pages = list(list_page_packages())
    bom = Bom()
    bom.metadata.component = components.pop(server)
    bom.components.update(components.values())
    bom.components.update(pages)
    everything = {server: bom.metadata.component, **components}
    for id, component in everything.items():
        bom.register_dependency(component, [everything[need] for need in needs[id] if need in everything])
    bom.register_dependency(bom.metadata.component, pages)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=2))
    if len(components) < 100 or not pages:
        sys.exit(f"the bill of materials is not whole: {len(components)} crates, {len(pages)} packages")
    print(f"Bill of materials: {len(components)} crates and {len(pages)} packages in {target}")


main()
