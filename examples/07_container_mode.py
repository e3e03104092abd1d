"""Container mode: two sandboxes in one room. They share an address, all ports, and localhost."""

from __future__ import annotations

from narrate import Shell, check, say, tell, title

from netbuilder import Container, Host, Sandbox, SpecError

DB, APP, OTHER = Sandbox(name="db"), Sandbox(name="app", mode=Container(sandbox="db")), Sandbox(name="other")
CALL_LOCALHOST, CALL_ITS_ADDRESS = "python3 talk.py ask 127.0.0.1 5432", "python3 talk.py ask 172.17.0.2 5432"


def lesson() -> None:
    """A database that only its flatmate may call."""
    title("Container mode: two in one room")
    say("""A database that listens on 127.0.0.1 only is safe from the world, and useless to everybody else, unless they
    move in. Docker calls it `--network container:db`; the containers of a Kubernetes pod live like that. On a
    throw-away host, `host.apply(Sandbox(name="db"), Sandbox(name="other"))`, and then:""")
    with Host.isolated() as host:
        host.apply(DB, OTHER)
        Shell(host["db"], "db").start("python3 talk.py listen database 5432 127.0.0.1")
        say('Enter the app: `Sandbox(name="app", mode=Container(sandbox="db"))`.')
        check("its plan has no steps: the room is there already", len(host.apply(APP)) == 0)
        reached_by_the_flatmate(host)
        reached_by_nobody_else(host)
        not_without_the_owner(host)


def reached_by_the_flatmate(host: Host) -> None:
    """One eth0, one localhost."""
    in_app, in_db = Shell(host["app"], "app"), Shell(host["db"], "db")
    say("The two have one eth0, with one address:")
    check("the same", in_app("ip -brief address show eth0") == in_db("ip -brief address show eth0"))
    say("And one localhost:")
    check("the app reaches the database there", "this is database" in in_app(CALL_LOCALHOST))


def reached_by_nobody_else(host: Host) -> None:
    """Localhost ends at the wall."""
    say("""Next door is another sandbox, on the same switch. Its localhost is its own, and so is the host's. And on
    172.17.0.2 the database does not listen.""")
    for name, place in ("other", host["other"]), ("host", host):
        shell = Shell(place, name)
        answers = [shell.fails(call) for call in (CALL_LOCALHOST, CALL_ITS_ADDRESS)]
        check(f"the {name} does not reach it, not even by the address", all("refused" in answer for answer in answers))


def not_without_the_owner(host: Host) -> None:
    """The room belongs to the database."""
    say('One last thing: who lives in another\'s room is homeless without it. So `host.destroy("db")` is refused:')
    try:
        host.destroy("db")
    except SpecError as error:
        check(f"“{error}”", "app" in str(error))
    else:
        raise SystemExit("  ✗ the room was taken from under the app")
    host.destroy("db", "app")
    check('but `host.destroy("db", "app")` is fine', [sandbox.name for sandbox in host.sandboxes()] == ["other"])


if __name__ == "__main__":
    tell(lesson)
