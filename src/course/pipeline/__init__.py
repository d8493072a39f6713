"""The build step: lesson sources → executed notebooks → captures → pages and downloads.

Data flows one way through these modules:

``lesson`` parses a source, ``fingerprint`` says what its results depend on, ``execute`` runs it in a kernel from
``warm`` and ``forkserver`` that runs ``inside``, ``capture`` keeps what it recorded, ``expressions`` and ``bind`` put
numbers into prose, ``quiz`` and ``claims`` decide answers and verdicts, ``store`` holds all of these for every
lesson, ``render`` makes the page, ``downloads`` and ``wheel`` the files to take away, ``plugin`` hands them to
MkDocs, ``site`` renders, ``scaffold`` makes new lessons, and ``cli`` drives it all.
"""
