"""Python's garbage collector, set for processes that serve or work for long."""

import gc


def spare_collector() -> None:
    """Keep the garbage collector from walking through the modules and the schema, which stay for good, ever again.

    An answer of many objects would start it several times, and so would a batch of events. What either leaves behind
    is rarely a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
