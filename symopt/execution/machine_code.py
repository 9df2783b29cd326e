"""Machine code from the text of LLVM, by llvmlite: compiled once, and called through ctypes."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from symopt.errors import MissingExtraError
from symopt.execution import object_cache
from symopt.program.printers.llvm import LIBRARY, PREFIX

__all__ = ["assembly", "binding", "is_kept", "machine_code", "vector_size"]


@lru_cache(maxsize=1)
def binding() -> Any:
    """The module ``llvmlite.binding``, made ready for this machine.

    Raises :class:`~symopt.errors.MissingExtraError` where llvmlite is not installed.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise MissingExtraError(
            "backend='llvm' needs llvmlite: pip install 'symopt[jit]'; or use backend='auto'"
        ) from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@dataclass(frozen=True)
class Machine:
    """What machine code depends on besides its text."""

    triple: str
    cpu: str
    features: str
    versions: str


@lru_cache(maxsize=1)
def machine() -> Machine:
    """The processor at hand, and what compiles for it."""
    import llvmlite

    llvm = binding()
    own = sys.modules["symopt"].__version__  # the package's face is no part of its layers
    return Machine(
        llvm.get_default_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        f"symopt {own}, llvmlite {llvmlite.__version__}, LLVM {llvm.llvm_version_info}",
    )


@lru_cache(maxsize=1)
def vector_size() -> int:
    """How many bytes this processor's vectors have; 32 where they are shorter."""
    return 64 if "+avx512f" in machine().features.split(",") else 32


def _target() -> Any:
    llvm, here = binding(), machine()
    return llvm.Target.from_triple(here.triple).create_target_machine(
        cpu=here.cpu, features=here.features, opt=3, jit=True
    )


def _parts(text: str, packed: bool) -> tuple[str, ...]:
    """All that machine code follows from."""
    here = machine()
    return text, "packed" if packed else "", here.triple, here.cpu, here.features, here.versions


def is_kept(text: str, packed: bool = False) -> bool:
    """Whether a module's machine code is likely to be on the disk."""
    return object_cache.is_kept(_parts(text, packed))


def assembly(text: str, packed: bool = False) -> str:
    """The instructions of this machine that a module becomes."""
    target = _target()
    return str(target.emit_assembly(_optimized(text, target, packed)))


def _compile(text: str, packed: bool) -> bytes:
    """The object code of a module."""
    target = _target()
    return bytes(target.emit_object(_optimized(text, target, packed)))


def _optimized(text: str, target: Any, packed: bool) -> Any:
    llvm = binding()
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.slp_vectorization = packed  # like operations on several numbers become one on a vector
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


@lru_cache(maxsize=1)
def _library() -> None:
    """Names of the C library's functions, the ones that Python itself calls."""
    llvm = binding()
    library = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    for name in LIBRARY:
        for ending in ("", "f"):
            function = getattr(library, name + ending)
            address = ctypes.cast(function, ctypes.c_void_p).value
            llvm.add_symbol(PREFIX + name + ending, address)


@lru_cache(maxsize=256)
def machine_code(text: str, name: str, kinds: str, packed: bool = False) -> Callable[..., Any]:
    """The function of this name in a module.

    ``kinds`` tells the arguments, ``i`` for an integer and ``p`` for an address, after the result:
    ``i`` or ``v`` for none. ``packed`` joins like operations into vectors. While it runs, other
    threads of Python do so too.
    """
    llvm = binding()
    _library()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
    code = object_cache.cached(_parts(text, packed), lambda: _compile(text, packed))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    types: dict[str, Any] = {"i": ctypes.c_int64, "p": ctypes.c_void_p, "v": None}
    function = ctypes.CFUNCTYPE(*(types[kind] for kind in kinds))(engine.get_function_address(name))

    def call(*arguments: Any) -> Any:
        return function(*arguments)

    call.engine = engine  # type: ignore[attr-defined]  # it owns the code
    return call
