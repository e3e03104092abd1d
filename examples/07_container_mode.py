"""Container mode: two sandboxes in one namespace. They share an address, all ports, and localhost."""

from __future__ import annotations

from narrate import Shell, check, say, tell, title

from netbuilder import Container, Host, Sandbox, SpecError

DB, APP, OTHER = Sandbox(name="db"), Sandbox(name="app", mode=Container(sandbox="db")), Sandbox(name="other")
CALL_LOCALHOST, CALL_ITS_ADDRESS = "python3 talk.py ask 127.0.0.1 5432", "python3 talk.py ask 172.17.0.2 5432"


def lesson() -> None:
    """A database that only the sandbox which shares its namespace may call."""
    title("Container mode: two in one namespace")
    say("""A database that listens on 127.0.0.1 only is safe from the world, and useless to everybody else, unless they
    share its namespace. Docker calls that `--network container:db`; the containers of a Kubernetes pod live like that.
    On a throw-away host, `host.apply(Sandbox(name="db"), Sandbox(name="other"))`, and then:""")
    with Host.isolated() as host:
        host.apply(DB, OTHER)
        Shell(host["db"], "db").start("python3 talk.py listen database 5432 127.0.0.1")
        say('Now the app: `Sandbox(name="app", mode=Container(sandbox="db"))`.')
        check("its plan has no steps: the namespace is there already", len(host.apply(APP).plan) == 0)
        reached_by_the_sharer(host)
        reached_by_nobody_else(host)
        not_without_the_owner(host)


def reached_by_the_sharer(host: Host) -> None:
    """One eth0, one localhost."""
    in_app, in_db = Shell(host["app"], "app"), Shell(host["db"], "db")
    say("The two have one eth0, with one address:")
    check("the same", in_app("ip -brief address show eth0") == in_db("ip -brief address show eth0"))
    say("And one localhost:")
    check("the app reaches the database there", "this is database" in in_app(CALL_LOCALHOST))


def reached_by_nobody_else(host: Host) -> None:
    """Localhost ends where the namespace does."""
    say("""There is another sandbox on the same bridge. Its localhost is its own, and so is the host's. And on
    172.17.0.2 the database does not listen.""")
    for name, namespace in ("other", host["other"]), ("host", host):
        shell = Shell(namespace, name)
        answers = [shell.fails(call) for call in (CALL_LOCALHOST, CALL_ITS_ADDRESS)]
        check(f"the {name} does not reach it, not even by the address", all("refused" in answer for answer in answers))


def not_without_the_owner(host: Host) -> None:
    """The namespace is the database's."""
    say('One last thing: without db there would be no namespace for the app. So `host.destroy("db")` is refused:')
    try:
        host.destroy("db")
    except SpecError as error:
        check(f"“{error}”", "app" in str(error))
    else:
        raise SystemExit("  ✗ the namespace that the app lives in was taken away")
    host.destroy("db", "app")
    check('but `host.destroy("db", "app")` is fine', [sandbox.name for sandbox in host.sandboxes()] == ["other"])


if __name__ == "__main__":
    tell(lesson)
