"""The register: returns as contracts, the code lists and councils they rest on, the sources they come from, and when.

``loader.load_register`` reads the whole of ``schemas/`` strictly and reports every contradiction at once. Imports read
downwards: ``loader | contract_report``, ``checks`` (contracts and mappings against the rest), ``versions``, ``files``
(each kind of file), ``rules``, ``submission_calendar``, ``documents`` (YAML with lines, models parsed from it, the
standard's schema), ``model``. Belongs elsewhere: compilers to pandera, Arrow or dbt, which live with their consumers,
and any dataframe library.
"""
