"""Commands that find and remove personal data: scan, deidentify and key."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import end_when_terminated, root
from secure_ai.core.errors import UserError


@root.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the finds as JSON.")
@click.option("--entities", help="Types to look for, separated by commas; all if not given.")
@click.option(
    "--threshold",
    type=float,
    help="How sure a find must be, from 0 (doubtful) to 1 (certain); 0.4 if not given.",
)
@click.option("--fail-on-find", is_flag=True, help="Exit with 1 if anything is found.")
def scan(
    source: Path, as_json: bool, entities: str | None, threshold: float | None, fail_on_find: bool
) -> int:
    """Find personal data in SOURCE: a text, table, JSON, FHIR or DICOM file, or a folder of them.

    Nothing is changed. The list says what was found, how often and where (column, field or lines of
    text); examples are masked. A file in which nothing was found can still name somebody: no detector
    sees everything.
    """
    from secure_ai.anonymize.deidentify.scan import scan as run_scan
    from secure_ai.discover import DEFAULT_THRESHOLD

    wanted = None if entities is None else [name.strip() for name in entities.split(",") if name.strip()]
    if wanted == []:
        raise UserError("--entities names nothing: name types as in --entities PERSON,US_SSN.")
    found = run_scan(source, entities=wanted, threshold=DEFAULT_THRESHOLD if threshold is None else threshold)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        for row in found.rows:
            print(f"{row.count:>9,}  {row.entity:<30} {row.file}, {row.place}  {row.sample}")
        counts = ", ".join(f"{entity} {count:,}" for entity, count in found.counts.items())
        print(f"{found.source}: {counts or 'no personal data found'}.")
    return 1 if fail_on_find and found.rows else 0


@root.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    required=True,
    help="safe_harbor, limited_data_set, expert_determination, pseudonymize, or a YAML file.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Your secret key, made with 'secure-ai key'. Same key, same made-up names.",
)
@click.option(
    "--vault",
    type=click.Path(path_type=Path),
    help="Keeps the random codes of this run, sealed with the key, for later runs.",
)
@click.option(
    "--receipt",
    type=click.Path(path_type=Path),
    help="Write what was removed, in counts, to this file (.json or .md).",
)
@click.option(
    "--person-column",
    help="Column that says whose record it is, as patient_id; found by its name if not given.",
)
@click.option("--seed", type=int, help="Repeatable random codes, for tests and lessons only.")
@click.option("--as-of", type=int, help="Year for the rule of ages over 89; this year if not given.")
@click.option("--zip-list", type=click.Path(path_type=Path), help="File of ZIP prefixes that become 000.")
def deidentify(
    source: Path, out: Path, policy: str, receipt: Path | None, zip_list: Path | None, **options: Any
) -> int:
    """Write a copy of IN (a file or a folder) without what identifies people to OUT.

    Reads text, CSV, TSV, Parquet, JSON, JSON Lines, FHIR and the headers of DICOM images (not what is
    written in the picture). IN is never changed. The copy is looked at again; if something is still
    found that the policy removes, the exit code is 1. Look at the copy yourself before you share it.

    \b
    Policies:
      safe_harbor           all 18 HIPAA identifiers go; years and states stay
      limited_data_set      names and numbers go; dates, towns and ZIP codes stay
      expert_determination  a start for the expert who must judge the risk
      pseudonymize          made-up names and numbers, the same for the same person
    All but safe_harbor need a key file, made once with 'secure-ai key FILE'.
    """
    from secure_ai.anonymize.deidentify.files import deidentify_file
    from secure_ai.anonymize.deidentify.geography import load_small_zip3
    from secure_ai.anonymize.deidentify.receipt import check_receipt_path, write_receipt

    end_when_terminated()
    if receipt is not None:
        paths = (source, out, options["key_file"], options["vault"], Path(policy), zip_list)
        check_receipt_path(receipt, [path for path in paths if path is not None])
    options["key"] = options.pop("key_file")
    if zip_list is not None:
        options["small_zip3"] = load_small_zip3(zip_list)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        done = deidentify_file(source, out, policy, **options)
    for warning in caught:
        if issubclass(warning.category, UserWarning) and "key file" in str(warning.message):
            print(f"Warning: {warning.message}", file=sys.stderr)
    if receipt is not None:
        write_receipt(done, receipt)
    for entity, actions in done.counts.items():
        for action, count in actions.items():
            print(f"{count:>9,}  {entity:<30} {action}")
    if done.unexamined:
        print(f"Kept without being examined: {', '.join(done.unexamined)}.")
    for note in done.notes:
        print(note)
    print(f"Wrote {out} ({done.rows:,} records, {done.total:,} values removed or replaced): {done.verdict}.")
    print(done.residual)
    return 0 if done.clean else 1


@root.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def key(path: Path) -> None:
    """Make a new secret key in FILE, which only you can read, for 'secure-ai deidentify'.

    An existing file is never overwritten: without its key, made-up names cannot be matched again.
    """
    from secure_ai.anonymize import generate_key

    generate_key(path)
    print(f"Wrote {path}. Keep it apart from the data; whoever has it can undo what was made with it.")
