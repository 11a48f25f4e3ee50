"""Names of the jobs and steps that a return has in Dagster, whose history holds them.

Belongs here: the names. Belongs elsewhere: the jobs (``orchestration.jobs``).
"""

from lgdp_pipelines.register.model.contract import Return


def name_process_job(data_return: Return) -> str:
    """Return the name of the job that judges new submissions."""
    return f"process_{data_return.slug}"


def name_revalidate_job(data_return: Return) -> str:
    """Return the name of the job that judges current submissions again."""
    return f"revalidate_{data_return.slug}"


def name_publish_job(data_return: Return) -> str:
    """Return the name of the job that releases a return."""
    return f"publish_{data_return.slug}"


def name_judging_step(data_return: Return) -> str:
    """Return the name of the step that lands and judges submissions."""
    return f"land_and_judge_{data_return.slug}"
