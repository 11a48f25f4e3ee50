"""The register: returns as contracts, with their code lists, councils, reference tables, sources and calendar.

``loader.load_register`` reads the whole of ``schemas/`` strictly and reports every contradiction at once. Imports read
downwards: ``loader | contract_report``, ``checks`` (contracts against other returns and reference tables),
``versions``, ``files`` (each kind of file), ``rules``, ``submission_calendar``, ``documents`` (YAML with lines, models
parsed from it, the standard's schema), ``model``. Belongs elsewhere: compilers to pandera, Arrow or dbt, which are part
of their consumers, and any dataframe library.
"""
