"""A provider's own commands, against a registry elsewhere: one file a topic."""

import typer

from registry.commands.remote import account, acts, joining, pull, push, report, validate


def register(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command("apply")(joining.apply)
    app.command("join")(joining.join)
    app.command("login")(account.login)
    app.command("logout")(account.logout)
    app.command("validate")(validate.validate)
    app.command("push")(push.push)
    app.command("pull")(pull.pull)
    app.command("publish")(acts.publish)
    app.command("submit")(acts.submit)
    app.command("return")(acts.return_)
    app.command("approve")(acts.approve)
    app.command("resolve")(acts.resolve)
    app.command("schedule")(acts.schedule)
    app.command("cancel")(acts.cancel)
    app.command("withdraw")(acts.withdraw)
    app.command("reinstate")(acts.reinstate)
    app.command("act")(acts.act)
    app.command("report")(report.report)
