"""Values that stages hand over: chunked frames, extract readings, findings and repairs.

Belongs here: the types that two stages, or a stage and a workflow, pass to each other, and the temporary files behind
them. Belongs elsewhere: Delta tables (``storage``), database records (``ledger``) and any rule about data.
"""
