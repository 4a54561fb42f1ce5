"""Weights by name: found in a mounted folder, an installed package or a hub, and verified before use."""

from chassis.models._catalog import HubFile, Model, ModelFile, PackageFile, PackageParts
from chassis.models._store import ModelStore, ModelUnavailable

__all__ = [
    "HubFile",
    "Model",
    "ModelFile",
    "ModelStore",
    "ModelUnavailable",
    "PackageFile",
    "PackageParts",
]
