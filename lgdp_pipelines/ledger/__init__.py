"""The ledger: the relational record of every extract and its processing.

======================  ==========================================================================================
``ledger``              opens the database; one repository for each subject
``schema``              tables and columns; ``migrations`` creates and changes them
``database``            connections and transactions on SQLite and PostgreSQL
``receipts``            extracts received: new, duplicate or unrecognised
``submissions``         opened from receipts; current, superseded, pending work, status of councils
``judgements``          verdicts, rule results and evidence
``queries``             questions to councils, answers and steps; ``rule_effectiveness`` the outcomes of each rule
``known_issues``        notes on figures
``withdrawals``         submissions taken back
``deliveries``          reports and reminders sent
``releases``            published versions
``obligations``         returns that councils owe
``balance``             contradictions in the ledger
``lake_mirror``         the copy in the lake for SQL
``…_records``           frozen values of receipts, submissions, judgements and queries
======================  ==========================================================================================

Belongs elsewhere: rows of returns (``storage``), and reaching a verdict (``validation``).
"""
