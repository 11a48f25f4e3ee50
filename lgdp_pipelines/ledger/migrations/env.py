"""Run the migrations in the caller's connection and transaction. Alembic executes this module."""

from alembic import context

from lgdp_pipelines.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
