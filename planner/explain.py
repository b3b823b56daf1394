"""The plan for people: each step, what it waits for and why, and what a declaration would change."""

from __future__ import annotations

from .cost import duration
from .plan import Plan, Step


def explain(plan: Plan) -> str:
    """The text that ``cflow explain`` prints.

    One line a step: its number, the author's line, what it is, its effects, where it runs; below it what it waits
    for. Then the fused chains, and for every node that declares nothing what waits because of that.
    """
    lines = [f"flow {plan.flow}   digest {plan.digest[:16]}", ""]
    starts = {index: name for name, index in reversed(plan.flows)}
    width = max((len(str(s.index)) for s in plan.steps), default=1)
    for step in plan.steps:
        if step.index in starts and len(plan.flows) > 1:
            lines += ["", f"flow {starts[step.index]}:"]
        lines += _step(step, plan, width)
    lines += _makespan(plan)
    lines += _chains(plan)
    lines += _advice(plan)
    return "\n".join(lines)


def _step(step: Step, plan: Plan, width: int) -> list[str]:
    pad = "  " * step.depth
    cost = f", about {duration(step.cost)}" if step.cost is not None else ""
    if step.measured is not None and step.measured != step.cost:
        cost += f" (measured here: {duration(step.measured)})"
    what = step.label if step.label == step.id or step.kind == "eval" else f"{step.label} ({step.id})"
    where = f"line {step.line}" if step.line else ""
    head = f"{step.index:>{width}} {pad}{what}"
    lines = [f"{head:<44} {where:<9} {step.effects}; {step.placement}{cost}".rstrip()]
    gap = " " * (width + 1) + pad + "    "
    for wait in step.waits:
        lines.append(f"{gap}waits for {_name(plan, wait.step)}: {wait.why}")
    for wait in step.late:
        lines.append(f"{gap}inside, waits for {_name(plan, wait.step)}: {wait.why}")
    lines += [f"{gap}{line}" for line in step.kept]
    return lines


def _name(plan: Plan, index: int) -> str:
    step = plan.steps[index]
    return f"{index} {step.id}"


def _makespan(plan: Plan) -> list[str]:
    if plan.makespan is None or plan.work is None:
        return []
    alike = duration(plan.makespan) == duration(plan.work)
    apart = "" if alike else f", where its steps one after another take {duration(plan.work)}"
    loops = "a loop counts the passes of earlier runs" if plan.counted else "a loop counts one pass"
    lines = ["", f"expected to take about {duration(plan.makespan)}{apart} ({loops})"]
    if plan.untimed and plan.usual is not None:
        average = f"the average of the others, {duration(plan.usual)}{' each' if plan.untimed[1:] else ''}"
        lines.append(f"{_steps(plan.untimed)} no time, taken as {average}")
    if plan.unmade:
        lines.append(f"{_steps(plan.unmade)} not been called in earlier runs, taken as nothing")
    return lines


def _steps(ids: tuple[str, ...]) -> str:
    """How many, and which."""
    shown = ", ".join(ids[:4]) + (", ..." if ids[4:] else "")
    return f"{len(ids)} steps ({shown}) have" if ids[1:] else f"1 step ({shown}) has"


def _chains(plan: Plan) -> list[str]:
    chains: dict[int, list[Step]] = {}
    for step in plan.steps:
        if step.fused is not None:
            chains.setdefault(step.fused, []).append(step)
    if not chains:
        return []
    lines = ["", "fused into one piece of code:"]
    for steps in chains.values():
        names = [s.id for s in steps]
        shown = " > ".join(names if len(names) <= 8 else [*names[:4], f"... {len(names) - 6} more ...", *names[-2:]])
        lines.append(f"  {steps[0].index}-{steps[-1].index}: {shown}")
    return lines


def _advice(plan: Plan) -> list[str]:
    if not plan.advice:
        return []
    return ["", "what a declaration would change:", *(f"  {a.text}: {a.help}" for a in plan.advice)]
