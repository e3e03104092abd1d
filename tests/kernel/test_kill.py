"""Killed anywhere: whoever comes next takes back what was begun, or finishes it."""

from __future__ import annotations

from itertools import count

import pytest

from netbuilder import Bridge, Host, Network, Plan, Sandbox
from tests.kernel.helpers import picture, shell
from tests.kernel.mortal import mortal
from tests.kernel.recipes import RECIPES, Recipe

pytestmark = pytest.mark.usefixtures("quick_probes")


def _recipes(*names: str) -> list[Recipe]:
    return [recipe for recipe in RECIPES if recipe.name in names]


@pytest.mark.parametrize("recipe", _recipes("published", "adopted-by-path", "adopted-bridge", "dual-stack"), ids=str)
def test_killed_anywhere_in_apply(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    with mortal(host, *specs) as somebody:
        for point in count():
            killed = somebody("apply", point)
            if point % 3 == 0:
                host.apply(*specs)
                assert host.diff(*specs).plan == Plan()
            host.destroy_all()
            assert picture(host) == before, point
            assert host.sandboxes() == host.networks() == ()
            if not killed:
                break
    assert point > 15


@pytest.mark.parametrize("recipe", _recipes("published", "adopted-by-path", "adopted-bridge", "dual-stack"), ids=str)
def test_killed_anywhere_in_destroy(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    with mortal(host, *specs) as somebody:
        for point in count():
            host.apply(*specs)
            killed = somebody("destroy", point)
            if point % 3 == 0:
                host.apply(*specs)
                assert host.diff(*specs).plan == Plan()
            host.destroy_all()
            assert picture(host) == before, point
            assert host.sandboxes() == host.networks() == ()
            if not killed:
                break
    assert point > 8


def test_killed_anywhere_in_a_change(host: Host) -> None:
    network = Network(name="lab", subnet="10.9.0.0/24")
    old = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "9090:90"]))
    new = Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.50", publish=["8088:8080", "7070:70"]))
    before = picture(host)
    with mortal(host, network, new) as somebody:
        for point in count():
            host.apply(network, old)
            killed = somebody("apply", point)
            after = new if point % 2 else old
            host.apply(network, after)
            assert host.diff(network, after).plan == Plan()
            host.destroy_all()
            assert picture(host) == before, point
            if not killed:
                break
    assert point > 15


def test_killed_anywhere_in_a_move(host: Host) -> None:
    """From a namespace of its own to one that is adopted, with another network at the same time."""
    shell(host, "ip netns add old && ip -n old link set lo up")
    networks = Network(name="lab", subnet="10.9.0.0/24"), Network(name="other", subnet="10.8.0.0/24")
    old = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
    new = Sandbox(name="web", mode=Bridge(network="other", publish=["8088:80"]), namespace="/run/netns/old")
    before = picture(host)
    with mortal(host, *networks, new) as somebody:
        for point in count():
            host.apply(*networks, old)
            killed = somebody("apply", point)
            after = new if point % 2 else old
            host.apply(*networks, after)
            assert host.diff(*networks, after).plan == Plan()
            host.destroy_all()
            assert picture(host) == before, point
            if not killed:
                break
    assert point > 15


def test_what_stood_before_survives_a_kill(host: Host) -> None:
    """What is taken back is what the killed call began, and nothing else."""
    network, web = Network(name="lab"), Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
    host.apply(network, web)
    before = picture(host)
    with mortal(host, network, web, Sandbox(name="db", mode=Bridge(network="lab", publish=["5432:5432"]))) as somebody:
        for point in count():
            if not somebody("apply", point):
                break
            assert host.apply(network, web).plan == Plan(), point
            assert picture(host) == before, point
    assert point > 8
    assert "db" in host
