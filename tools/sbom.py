#!/usr/bin/env python3
"""The bill of materials of the program, as CycloneDX 1.5, from `cargo metadata` and Cargo.lock.

    tools/sbom.py [TARGET] > aftertone.cdx.json

Of what is linked into the program for TARGET (this machine's unless given): normal dependencies, neither those of tests nor of
builds. Each component has its package URL, its licence and the SHA-256 that Cargo.lock has of it. The same source gives the same bytes.
"""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import uuid


def main() -> None:
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    target = sys.argv[1] if len(sys.argv) > 1 else host()
    arguments = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"] or next(
        id for id, package in packages.items() if package["name"] == "aftertone"
    )
    with open("Cargo.lock", "rb") as lock:
        locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(lock)["package"]}

    # What features leave out is in the metadata, and is not built.
    tree = ["cargo", "tree", "--locked", "--package", "aftertone", "--target", target, "--edges", "normal"]
    tree += ["--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(tree, check=True, capture_output=True, text=True).stdout.splitlines()
    built = {tuple(line.split()[:2]) for line in lines if line}

    def is_built(id: str) -> bool:
        package = packages[id]
        return (package["name"], "v" + package["version"]) in built

    linked, edges, todo = set(), {}, [root]
    while todo:
        id = todo.pop()
        if id in linked:
            continue
        linked.add(id)
        normal = [
            dependency["pkg"]
            for dependency in nodes[id]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]) and is_built(dependency["pkg"])
        ]
        edges[id] = sorted(set(normal))
        todo.extend(normal)

    def reference(id: str) -> str:
        package = packages[id]
        return f"pkg:cargo/{package['name']}@{package['version']}"

    def component(id: str, kind: str) -> dict:
        package = packages[id]
        shown = {
            "type": kind,
            "bom-ref": reference(id),
            "name": package["name"],
            "version": package["version"],
            "purl": reference(id),
        }
        if package.get("license"):
            shown["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if checksum := locked.get((package["name"], package["version"])):
            shown["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return shown

    others = sorted(linked - {root}, key=reference)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(root, "application")},
        "components": [component(id, "library") for id in others],
        "dependencies": [
            {"ref": reference(id), "dependsOn": sorted(reference(other) for other in edges[id])}
            for id in sorted(linked, key=reference)
        ],
    }
    digest = hashlib.sha256(json.dumps(bill, sort_keys=True).encode()).digest()
    bill["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"
    json.dump(bill, sys.stdout, indent=1, sort_keys=True)
    print()


def host() -> str:
    said = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.removeprefix("host: ") for line in said.splitlines() if line.startswith("host: "))


main()
