"""The build step: lesson sources → executed notebooks → captures → pages and downloads.

Data flows one way through these modules:

``lesson`` parses a source, ``fingerprint`` says what its results depend on, ``execute`` runs it, ``capture`` keeps what
it recorded, ``expressions`` and ``bind`` put numbers into prose, ``quiz`` and ``claims`` decide answers and verdicts,
``store`` holds all of these for every lesson, ``widgets`` makes interactive pieces, ``render`` the page, ``downloads``
and ``wheel`` the files to take away, ``plugin`` hands them to MkDocs, ``site`` renders, ``scaffold`` makes new lessons,
and ``cli`` drives it all.
"""
