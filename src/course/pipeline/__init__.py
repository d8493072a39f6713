"""The build step: lesson sources → executed notebooks → captures → pages and downloads.

Data flows one way through these modules:

``lesson`` parses a source (``plain`` one of another course), ``fingerprint`` says what its results depend on,
``schedule`` decides what runs when, ``run`` drives ``jobs`` on threads or a ``cluster``, ``execute`` runs one in a kernel
from ``warm`` and ``forkserver`` that runs ``inside``, ``capture`` keeps what it recorded, ``expressions`` and ``bind`` put
numbers into prose, ``quiz``, ``claims`` and ``predict`` decide answers, verdicts and what a guess is compared with,
``anchors`` knows a page's headings, ``evidence`` what is behind its numbers, ``store`` holds these for every lesson,
``widgets`` makes interactive pieces, ``document`` a lesson's blocks, ``write_page`` the page of them, ``downloads`` and
``wheel`` the files to take away, ``notebook_view`` the notebook's page,
``publish`` joins these, ``plugin`` hands them to MkDocs, ``incremental`` keeps what did not change, ``site`` renders,
``index`` and ``cache`` remember files and results, ``scaffold`` makes new lessons, ``shards`` divides and joins builds,
``cli`` drives it all, and ``entry`` answers before it when nothing changed.
"""
