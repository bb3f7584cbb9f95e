"""What the agents that come with Agentsite call activities by, and what is said to and fro: a module a family.

Needs the standard library and temporalio only. The activities themselves are in ``workflows/activities``, in
modules of the same names.
"""
