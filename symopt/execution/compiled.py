"""Runs by machine code: the program as LLVM IR, compiled in memory by llvmlite."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from symopt.derivation.step import Step
from symopt.errors import InputError, MissingExtraError
from symopt.execution import arithmetic as numbers
from symopt.execution.batch_run import Blocks
from symopt.execution.job import Job, mark_divergence
from symopt.execution.kernel import bound, compile_source, identifiers, invariants, listed, wrapped
from symopt.execution.lanes import varying
from symopt.execution.trajectory import Trajectory
from symopt.program.printers.llvm import UNPRINTED, loop_ir
from symopt.program.printers.python import ARRAY, FLOAT, Printer

__all__ = ["CompiledBlocks", "is_worth_compiling", "refusal", "run_compiled"]

#: Operations of a whole run from which compiling pays, on arrays and on Python floats.
_WORTH = {"numpy": 500_000_000, "python": 20_000_000}
#: Lanes that go together: enough that the processor's divider never waits for the one before.
_WIDTH = 16
#: A table holds a row for each step.
_MOST_STEPS = 1_000_000


def refusal(step: Step) -> str | None:
    """Why a step is not compiled, or ``None``."""
    differs = step.program.depends_on(varying(step))
    for index, node in enumerate(step.program.nodes):
        if differs[index] and node.op in UNPRINTED:
            return f"{node.op} is left to NumPy and the C library"
    return None


def is_worth_compiling(job: Job, lanes: int | None) -> bool:
    """Whether compiled code is at hand, can do the work, and will have done it sooner."""
    if job.varied:
        return False
    least = _WORTH["python" if lanes is None else "numpy"]
    step = job.kernel(ARRAY).step
    work = job.steps * (lanes or 1) * step.program.operations
    if work < least or job.steps > _MOST_STEPS or importlib.util.find_spec("llvmlite") is None:
        return False
    return refusal(step) is None


@dataclass(frozen=True, eq=False)
class _Compiled:
    """The functions of one step's program, made when they are first called."""

    step: Step

    @cached_property
    def differs(self) -> tuple[bool, ...]:
        return self.step.program.depends_on(varying(self.step))

    @cached_property
    def alike(self) -> list[int]:
        """The places of the slots that all lanes share."""
        lanes = varying(self.step)
        return [place for place, slot in enumerate(self.step.slots) if slot not in lanes]

    @cached_property
    def given(self) -> tuple[list[int], list[int]]:
        """The nodes that lanes read and all share: those of the whole run, and those of a step."""
        program, step = self.step.program, self.step
        changes = program.depends_on([*step.slots, ("t",)])
        read = {arg for i, n in enumerate(program.nodes) if self.differs[i] for arg in n.args}
        read |= {program.outputs[slot] for slot in varying(step)}
        shared = sorted(i for i in read if not self.differs[i] and program.nodes[i].op != "const")
        return [i for i in shared if not changes[i]], [i for i in shared if changes[i]]

    @cached_property
    def scalars(self) -> str:
        """The source of plain Python that computes what all lanes share, step by step."""
        step, (fixed, moving) = self.step, self.given
        names = identifiers(step)
        outputs = step.program.outputs
        outside = [
            index
            for index in invariants(step, FLOAT, [*moving, *(outputs[s] for s in step.slots)])
            if not self.differs[index]
        ]
        head, known = bound(step, FLOAT, names, sorted({*outside, *fixed}))
        slots = [step.slots[place] for place in self.alike]
        printer = Printer(step.program, FLOAT, names, known=known)
        body, texts = printer.lines([*moving, *(outputs[s] for s in slots)], indent=" " * 8)
        parameters = [*(names[s] for s in slots), *(names["hyper", n] for n in step.hyper)]
        lines = wrapped(f"def scalars({', '.join([*parameters, 'steps', 'record'])}):")
        lines += [*head, *wrapped(f"    record({listed(known[index] for index in fixed)})")]
        lines += ["    for t in range(1, steps + 1):", *body]
        lines += wrapped(f"        row = {listed(texts)}")
        if slots:
            after = f"row[{len(moving)}:]"
            lines += wrapped(f"        {listed(names[slot] for slot in slots)} = {after}")
        return "\n".join([*lines, "        record(row)"])

    @cached_property
    def path(self) -> Callable[..., None]:
        return _function(self._ir(1, True))

    @cached_property
    def lanes(self) -> Callable[..., None]:
        return _function(self._ir(_WIDTH, False))

    def _ir(self, width: int, record: bool) -> str:
        program = self.step.program
        place = {node.value: i for i, node in enumerate(program.nodes) if node.op == "input"}
        slots = [slot for slot in self.step.slots if slot in varying(self.step)]
        return loop_ir(
            program,
            [place.get(slot) for slot in slots],
            [program.outputs[slot] for slot in slots],
            *self.given,
            self.differs,
            width=width,
            record=record,
        )


@lru_cache(maxsize=64)
def _compiled(step: Step) -> _Compiled:
    reason = refusal(step)
    if reason is not None:
        raise InputError(
            f"{step.rule.name} on {step.objective.name} is not compiled: {reason}; use "
            "backend='auto'"
        )
    _binding()
    return _Compiled(step)


def _binding() -> Any:
    try:
        import llvmlite.binding
    except ImportError:
        raise MissingExtraError(
            "backend='llvm' needs llvmlite: pip install 'symopt[jit]'; or use backend='auto'"
        ) from None
    return llvmlite.binding


def _function(text: str) -> Callable[..., None]:
    llvm = _binding()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.verify()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3,
        jit=True,
    )  # fmt: skip
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    whole, address = ctypes.c_int64, ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(None, whole, whole, whole, address, whole, address, address, address)
    function = kind(engine.get_function_address("loop"))

    def call(*arguments: Any) -> None:
        function(*arguments)  # the engine owns the code: it lives as long as this closure

    call.engine = engine  # type: ignore[attr-defined]
    return call


@lru_cache(maxsize=4)
def _table(
    compiled: _Compiled, alike: tuple[float, ...], hyper: tuple[float, ...], steps: int
) -> tuple[Any, Any]:
    """What all lanes share: the row of the whole run, and a row for each step."""
    rows: list[tuple[Any, ...]] = []
    for arithmetic, convert in ((numbers.float64(), float), (numbers.guarded(), np.float64)):
        rows.clear()
        given = [convert(value) for value in (*alike, *hyper)]
        try:
            with np.errstate(all="ignore"):
                compile_source(compiled.scalars, arithmetic)(*given, steps, rows.append)
            break
        except (ZeroDivisionError, OverflowError, ValueError):
            continue
    return np.array(rows[0], np.float64), np.array(rows[1:], np.float64)


class CompiledBlocks(Blocks):
    """The same blocks of lanes, run by machine code."""

    backend = "llvm"

    def run(
        self,
        span: slice,
        slots: tuple[Any, ...],
        visit: Callable[[int, tuple[Any, ...]], None],
        stops: Iterable[int],
    ) -> None:
        """All steps of one block; ``visit`` is called after those in ``stops``."""
        compiled = _compiled(self.kernel.step)
        fixed, moving, shared = _shared(self.job, compiled, slots)
        loop = compiled.lanes
        done = 0
        for stop in stops:
            if stop == 0:
                continue
            loop(done, stop, span.stop - span.start, self.room.ctypes.data, self.room.shape[1],
                 fixed.ctypes.data, moving.ctypes.data, None)  # fmt: skip
            done = stop
            now = list(slots)
            for place, value in zip(compiled.alike, shared[stop - 1], strict=True):
                now[place] = value
            visit(stop, tuple(now))


def _shared(job: Job, compiled: _Compiled, slots: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """The fixed row, the table of a step's numbers, and the alike slots after each step."""
    alike = tuple(float(slots[place]) for place in compiled.alike)
    hyper = tuple(numbers.nearest(job.fixed[name]) for name in compiled.step.hyper)
    fixed, table = _table(compiled, alike, hyper, job.steps)
    count = len(compiled.given[1])
    return fixed, np.ascontiguousarray(table[:, :count]), table[:, count:]


def run_compiled(job: Job, hyperparameters: dict[str, Any]) -> Trajectory:
    """One trajectory, every step of it recorded by the compiled loop."""
    kernel = job.kernel(ARRAY)
    compiled = _compiled(kernel.step)
    guarded = numbers.guarded()
    point = [guarded.convert(value) for value in job.start]
    slots = job.initial(kernel, numbers.array(np.float64), point)
    lanes = [place for place in range(len(slots)) if place not in compiled.alike]
    state = np.array([slots[place] for place in lanes], np.float64)
    fixed, moving, shared = _shared(job, compiled, slots)
    rows = np.empty((job.steps + 1, len(slots)))
    rows[0] = slots
    path = np.empty((job.steps, len(lanes)))
    compiled.path(0, job.steps, 1, state.ctypes.data, 1, fixed.ctypes.data,
                               moving.ctypes.data, path.ctypes.data)  # fmt: skip
    rows[1:, lanes] = path
    rows[1:, compiled.alike] = shared
    recorded = job.recorded
    more = {"hyperparameters": hyperparameters, "x0": tuple(map(Fraction, map(float, point)))}
    part = mark_divergence(_trajectory(job, kernel.step, rows[list(recorded)], recorded, more))
    if part.diverged_at is None:
        return part
    first = int(np.argmin(np.isfinite(rows).all(axis=1)))
    return replace(part, diverged_at=first)


def _trajectory(
    job: Job, step: Step, rows: Any, recorded: tuple[int, ...], more: dict[str, Any]
) -> Trajectory:
    def columns(name: str) -> Any:
        places = [place for place, slot in enumerate(step.slots) if slot[0] == name]
        found = rows[:, places[0] : places[-1] + 1]
        return found[:, 0] if (name, None) in step.slots else found

    names = [symbol.name for symbol in job.rule.state] if job.keep_state else []
    state = {name: columns(name) for name in names}
    return job.trajectory(
        recorded, columns("x"), state, arithmetic="float64", backend="llvm", **more
    )
