"""The seven laws, for every recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netbuilder import Host, NetbuilderError, Plan, StepError
from netbuilder.steps import AddElement, AddNamespace, AddTable, AttachNamespace, Kernel, SetSysctl, Step
from tests.kernel.helpers import missing, picture, shell
from tests.kernel.recipes import RECIPES, Recipe

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=str)


@every_recipe
def test_after_apply_nothing_is_missing(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    whole = host.plan(*specs)
    missing_before = host.diff(*specs)
    done = host.apply(*specs)
    assert done == missing_before
    assert missing(host, whole) == host.diff(*specs) == Plan()
    assert host.plan(*specs) == whole


@every_recipe
def test_apply_twice_does_nothing(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    host.apply(*specs)
    before = picture(host)
    assert host.apply(*specs) == Plan()
    assert picture(host) == before


@every_recipe
def test_undo_restores_the_kernel(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    done = host.apply(*specs)
    assert (picture(host) != before) == bool(done)
    host.destroy()
    assert picture(host) == before
    assert list(host) == list(host.networks()) == []


@every_recipe
def test_a_failure_at_any_step_restores_it_too(host: Host, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = recipe.prepare(host)
    before = picture(host)
    for victim in host.diff(*specs):
        with monkeypatch.context() as patch:
            patch.setattr(type(victim), "do", _refused(victim, type(victim).do))
            with pytest.raises(StepError) as caught:
                host.apply(*specs)
        assert caught.value.command == victim.command()
        assert picture(host) == before, victim.command()
        assert list(host) == list(host.networks()) == []
    host.apply(*specs)
    assert host.diff(*specs) == Plan()


def _refused(victim: Step, do: Callable[[Any, Kernel], None]) -> Callable[[Step, Kernel], None]:
    """Do each step as ever, but for one in whose place the kernel is asked for something that it refuses."""

    def refused(step: Step, kernel: Kernel) -> None:
        if step != victim:
            do(step, kernel)
        elif isinstance(step, AddTable | AddElement):
            kernel.nft("add element inet no_such_table bridges { lo }")
        elif isinstance(step, AddNamespace | AttachNamespace | SetSysctl):
            kernel.write_sysctl(None, "net/ipv4/no_such_setting", "1")
        else:
            kernel.set_link(getattr(step, "netns", None), "no-such-link", up=True)

    return refused


def test_an_error_of_the_caller_at_any_step_restores_it_too(host: Host) -> None:
    """Also between two steps, and also what is no `Exception`, such as Ctrl-C."""
    specs = next(recipe for recipe in RECIPES if recipe.name == "several").prepare(host)
    before = picture(host)
    for victim in host.diff(*specs):

        def interrupt(step: Step, victim: Step = victim) -> None:
            if step == victim:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            host.apply(*specs, watch=interrupt)
        assert picture(host) == before, victim.command()


@every_recipe
def test_the_printed_script_satisfies_the_plan(host: Host, recipe: Recipe) -> None:
    specs = recipe.prepare(host)
    plan, script = host.plan(*specs), host.diff(*specs).script()
    done = host.run(["sh"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert missing(host, plan) == Plan()


@every_recipe
def test_a_plan_survives_json(host: Host, recipe: Recipe) -> None:
    plan = host.plan(*recipe.prepare(host))
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.script() == plan.script()


# One fact broken by hand


def _named(name: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.name == name)


VETH, ELEMENT = "$(basename /sys/class/net/veth*)", "nft {} element inet netbuilder"
PORTS = ["AddElement publish_any"] * 2 + ["AddElement publish_at"] * 2
PLACE = ["AddElement bridges", "AddElement icc", "AddElement gateways", "AddElement onlink", "AddElement leaving"]
CABLE = ["AddVeth", "SetAlias", "Hairpin", "NoLinkLocal", "SetUp"]
INSIDE = ["SetSysctl web disable_ipv6", "AddAddress web", "SetUp web eth0", "AddDefaultRoute"]
"""What a sandbox's steps come to, by kind."""
