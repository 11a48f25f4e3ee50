"""What is asked: returns as contracts, the code lists and councils they lean on, the sources they come from, and when.

``load_register`` reads the whole of ``schemas/`` strictly and says every contradiction at once. What belongs here: the
model of a contract and what follows from it without looking at a row. What does not: compilers to pandera, Arrow or dbt
(they live with their consumers), and any dataframe library.
"""
