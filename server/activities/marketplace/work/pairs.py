"""The best selection of peer activities as a yes/no program, solved by HiGHS; the greedy one where that fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import pairing
from ..pairing import Candidate, Panel

#: Beyond this the room is not kept waiting: the greedy selection is shown. Measured: 0.1 to 0.4 s at 200 organisations.
SECONDS = 5.0
WHOLE = 1e-6


def proposed(panel: Panel, engine: str = "highs", seconds: float = SECONDS) -> dict[str, Any]:
    """The proposal for a panel: the document of `pairing.document`.

    `engine` is `highs` or `greedy`. The document's `engine` is `{"name", "version", "optimal", "stopped"}`; `stopped`
    says that the best selection was asked for and not proven in time, or not found at all. `bound` is only there when
    proven. Blocks while it solves: call it in a thread. Same panel, same proposal.
    """
    among = pairing.candidates(panel)
    if engine == "greedy":
        return pairing.document(panel, pairing.greedy(panel, among), _greedy(stopped=False))
    best = _best(panel, among, seconds)
    if best is None:
        return pairing.document(panel, pairing.greedy(panel, among), _greedy(stopped=True))
    chosen, version = best
    told = {"name": "highs", "version": version, "optimal": True, "stopped": False}
    return pairing.document(panel, chosen, told, bound=pairing.value(chosen))


def _greedy(*, stopped: bool) -> dict[str, Any]:
    return {"name": "greedy", "version": "", "optimal": False, "stopped": stopped}


def _best(panel: Panel, among: Sequence[Candidate], seconds: float) -> tuple[list[Candidate], str] | None:
    """The optimum and the solver's version; None when HiGHS is missing, fails, is late, or is not trusted."""
    try:
        import highspy
        import numpy
    except ImportError:
        return None
    # Columns: one per candidate, then per organisation the steps of its bonus. Rows: activities = steps taken.
    order = pairing.in_order(panel)
    row = {id: n for n, id in enumerate(order)}
    steps = [(pairing.bonus(nth), nth) for nth in range(1, panel.limit + 1)]
    gain = [candidate.weight for candidate in among] + [bonus for _ in order for bonus, _ in steps]
    starts, index, entries = [0], [], []
    for candidate in among:
        index += [row[candidate.a], row[candidate.b]]
        entries += [1.0, 1.0]
        starts.append(len(index))
    for n in range(len(order)):
        for _ in steps:
            index.append(n)
            entries.append(-1.0)
            starts.append(len(index))
    columns, rows = len(gain), len(order)
    kinds = [highspy.HighsVarType.kInteger] * len(among) + [highspy.HighsVarType.kContinuous] * (columns - len(among))

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = columns, rows
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = numpy.array(gain, dtype=numpy.float64)
    lp.col_lower_, lp.col_upper_ = numpy.zeros(columns), numpy.ones(columns)
    lp.row_lower_, lp.row_upper_ = numpy.zeros(rows), numpy.zeros(rows)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = numpy.array(starts, dtype=numpy.int32)
    lp.a_matrix_.index_ = numpy.array(index, dtype=numpy.int32)
    lp.a_matrix_.value_ = numpy.array(entries, dtype=numpy.float64)
    lp.integrality_ = kinds
    try:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, setting in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 1),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 0.99),
            ("time_limit", seconds),
        ):
            solver.setOptionValue(option, setting)
        solver.passModel(lp)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        taken = list(solver.getSolution().col_value)[: len(among)]
        best = round(solver.getInfo().objective_function_value)
        version = str(solver.version())
    except Exception:
        # Whatever happens in the native code, the room gets the greedy selection.
        return None
    if any(min(abs(x), abs(x - 1)) > WHOLE for x in taken):
        return None
    chosen = [candidate for candidate, x in zip(among, taken, strict=True) if x > 0.5]
    if pairing.value(chosen) != best or pairing.broken(panel, ((one.a, one.b) for one in chosen)):
        return None
    return chosen, version
