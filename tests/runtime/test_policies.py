"""A policy that changes while the firm works: each commit knows one, and what stood still for want of it goes on."""

from __future__ import annotations

import asyncio
from random import Random

import orjson
import pytest

from gateway.policy_file import PolicyFile
from schemas.keys import ActorKey
from schemas.operations.customer import CustomerPut
from schemas.verdicts import Verdict
from tests.actors.firm import customer
from tests.fixtures.because import Because
from tests.runtime.firm import CRM, POLICY, Firm, event
from tests.runtime.town import until
from tests.runtime.virtual import run

ANN: Because = {"actor": "ann", "reason": "a new year"}
NORWAY = ("NO01", "NOK", "N25")


def file(*entities: tuple[str, str, str]) -> PolicyFile:
    """The firm's policy with these legal entities: code, currency, and the ERP's code of the standard tax."""
    made = {code: {"currency": currency, "tax_codes": {"standard": tax}} for code, currency, tax in entities}
    return PolicyFile.model_validate(orjson.loads(POLICY.text) | {"legal_entities": made})


def key(number: int) -> ActorKey:
    return ActorKey("customer", f"C-{number}")


def code_of(firm: Firm, number: int) -> str:
    """The tax code that the ERP was given of a customer."""
    put = next(
        body
        for (_, reference), body in firm.books["erp"].entries.items()
        if reference.startswith(f"customer/C-{number}/")
    )
    assert isinstance(put, CustomerPut)
    return put.tax_code


def retried(firm: Firm) -> list[ActorKey]:
    """The keys that a new policy has asked to try again, once for each time."""
    rows = firm.store.tables.inbox.values()
    return [row.key for row in rows if row.message.type == "customer.acted.v1" and b'"by":"policy"' in row.message.body]


@pytest.mark.parametrize("seed", range(5))
def test_what_a_commit_was_decided_under_stands_in_its_timeline(seed: int) -> None:
    async def story() -> None:
        # Given customers that come in while the tax code changes twice, and two processes, one of which changes it
        firm = Firm(seed)
        await firm.open(2)
        codes = {POLICY.hash: "D19"}
        chance = Random(seed)
        for number in range(60):
            if number in (20, 40):
                firm.desk.file = file(("DE01", "EUR", f"D{number}"))
                codes[firm.desk.file.hash] = f"D{number}"
                await firm.gateways[0].runtime.policies.reload(**ANN)
            await firm.publish(event(CRM, f"c{number}", key(number), customer("DE01", name=f"N{number}")))
            await asyncio.sleep(chance.uniform(0, 0.1))
        await until(lambda: len(firm.books["erp"].entries) == 60 and not firm.depth())
        # Then each customer has the tax code of the policy that its timeline names, and all policies were used
        timeline = firm.store.tables.timeline
        applied = {line.key: line.policy for line in timeline if line.what == Verdict.APPLIED}
        assert {applied[key(n)] for n in range(60)} == set(codes)
        for number in range(60):
            assert code_of(firm, number) == codes[applied[key(number)] or ""], number
        assert all(line.policy in codes for line in timeline)
        firm.check_alive()

    run(story())


def test_what_lacks_a_mapping_goes_on_by_itself_once_it_is_there() -> None:
    async def story() -> None:
        # Given two customers of a legal entity that the policy does not have, and one that a person must look at
        firm = Firm()
        await firm.open(2)
        for number in (1, 2):
            await firm.publish(event(CRM, f"c{number}", key(number), customer("NO01", name=f"N{number}")))
        await firm.publish(event(CRM, "a3", key(3), customer("DE01", tax_id="1")))
        await until(lambda: firm.store.tables.row(key(3)).entity_version == 2)
        await firm.publish(event(CRM, "a4", key(4), customer("DE01", tax_id="1")))
        await until(lambda: len(firm.cases()) == 3)
        # When it is added on one process
        firm.desk.file = file(("DE01", "EUR", "D19"), NORWAY)
        await firm.gateways[1].runtime.policies.reload(**ANN)
        # Then they are put, by whichever process has their queue, and the third stays where it is
        await until(lambda: len(firm.books["erp"].entries) == 3)
        assert [code_of(firm, number) for number in (1, 2, 3)] == ["N25", "N25", "D19"]
        assert firm.cases() == ["probable_duplicate"]
        assert set(retried(firm)) == {key(1), key(2)}
        firm.check_alive()

    run(story())


def test_what_still_lacks_a_mapping_is_tried_a_few_times_and_stands() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(2)
        await firm.publish(event(CRM, "c1", key(1), customer("SE01")))
        await until(lambda: firm.cases() == ["legal_entity_unmapped"])
        firm.desk.file = file(("DE01", "EUR", "D19"), NORWAY)
        await firm.gateways[0].runtime.policies.reload(**ANN)
        await asyncio.sleep(60)
        assert firm.cases() == ["legal_entity_unmapped"]
        # Once by each process, and once more where one decided it before it knew of the policy
        assert 1 <= len(retried(firm)) <= len(firm.gateways) + 1
        firm.check_alive()

    run(story())


def test_a_process_that_died_before_it_tried_leaves_it_to_the_next() -> None:
    async def story() -> None:
        # Given a message that lacks a mapping, and a policy that came into force as the last process died
        firm = Firm()
        await firm.open(1)
        await firm.publish(event(CRM, "c1", key(1), customer("NO01")))
        await until(lambda: firm.cases() == ["legal_entity_unmapped"])
        await firm.gateways.pop().kill()
        firm.desk.file = file(("DE01", "EUR", "D19"), NORWAY)
        desk = firm.desk.file
        await firm.store.clients().policies.load(desk.hash, desk.text, **ANN)
        # When another one starts
        await firm.start()
        # Then the customer is put
        await until(lambda: len(firm.books["erp"].entries) == 1)
        assert firm.cases() == []

    run(story())


def test_a_rollback_is_decided_by_in_all_processes() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(2)
        firm.desk.file = file(("DE01", "EUR", "D25"))
        one, other = (gateway.runtime.policies for gateway in firm.gateways)
        await one.reload(**ANN)
        await until(lambda: other.hash() == firm.desk.file.hash)
        await other.roll_back(POLICY.hash, **ANN)
        await until(lambda: one.hash() == POLICY.hash)
        await firm.publish(event(CRM, "c1", key(1), customer("DE01")))
        await until(lambda: len(firm.books["erp"].entries) == 1)
        assert code_of(firm, 1) == "D19"
        firm.check_alive()

    run(story())
