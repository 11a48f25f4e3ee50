"""The ledger: the relational record of what happened to every extract.

======================  ==========================================================================================
``ledger``              opens the database; one repository for each subject
``schema``              tables and columns; ``migrations`` creates and changes them
``database``            connections and transactions on SQLite and PostgreSQL
``receipts``            extracts received: new, duplicate or unrecognised
``submissions``         opened from receipts; current, superseded, pending work, status of councils
``judgements``          verdicts and rule results; ``evidence_store`` what each was made from
``query_repository``    questions to councils; ``query_lifecycle`` their steps, ``rule_effectiveness`` their use
``known_issues``        notes on figures
``withdrawals``         submissions taken back
``deliveries``          reports sent; ``reminders`` reminders sent
``releases``            published versions
``obligations``         what each council owes
``balance``             contradictions in the ledger
``lake_mirror``         the copy in the lake for SQL
``…_records``           frozen values of receipts, submissions, judgements and queries
======================  ==========================================================================================

Rows of returns belong in ``storage``, and reaching a verdict in ``validation``.
"""
