"""What child processes do. The service imports this module and none of what it needs: that is loaded in the child."""

from upscale.adapters.chunk_work import make_chunk
from upscale.domain.plan import Plan
from upscale.ports import Assembled, AssemblyOrder, PlanOrder
from upscale.ports.runners import Checked, CheckOrder

__all__ = ["assemble", "check_chunk", "draw_plan", "make_chunk"]


def draw_plan(order: PlanOrder) -> Plan:
    """Index a video and plan its rendition."""
    from upscale.adapters import indexing

    return indexing.draw_plan(order)


def assemble(order: AssemblyOrder) -> Assembled:
    """Join chunks, add sound, verify."""
    from upscale.adapters import assembling

    return assembling.assemble(order)


def check_chunk(order: CheckOrder) -> Checked:
    """Check a chunk that another machine made."""
    from upscale.adapters import checking

    return checking.check_chunk(order)
