"""What Alembic runs: the migrations, on the connection and in the transaction that it is handed."""

from alembic import context

from lgdp_pipelines.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
