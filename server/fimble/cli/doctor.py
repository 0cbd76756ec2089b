"""`fimble doctor`: looks at each part that has to work, and says in one line what to do about it."""

from typing import Annotated

import msgspec
import typer


def run(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check the installation: Python, model files, engine, a completion, sandbox, GPU."""
    from fimble.cli.examination import Result, examine  # noqa: PLC0415 - keeps `fimble --help` fast.

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            sign = {Result.GOOD: "ok  ", Result.MISSING: "--  ", Result.BAD: "FAIL"}[finding.result]
            typer.echo(f"{sign}  {finding.what}: {finding.says}")
            if finding.advice:
                typer.echo(f"      {finding.advice}")
    is_well = all(finding.result is not Result.BAD for finding in findings)
    if as_json:
        typer.echo(msgspec.json.encode({"ok": is_well, "checks": findings}).decode())
    raise typer.Exit(0 if is_well else 1)
