"""The switch's local agent: loads the data plane and keeps its link state equal to the kernel's.

It knows nothing of Kubernetes. `forwarding` and `changes` decide (pure), `agent` is the loop around them.
"""
