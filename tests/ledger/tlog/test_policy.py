"""Policies: the grammar of the specification, who is a quorum, and what is refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import policy
from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.errors import Malformed
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy
from tests.ledger.tlog import keys

LOG = f"log {keys.LOG.text}\n"
SUPERVISION = f"witness supervision {keys.SUPERVISION.text}\n"
INSPECTION = f"witness inspection {keys.INSPECTION.text}\n"
BOTH = f"{LOG}{SUPERVISION}{INSPECTION}group both all supervision inspection\nquorum both\n"


def witness(name):
    return f"witness {name} {CosignerKey(name, keys.public(name)).text}\n"


def read(text):
    return policy.parse(text.encode())


# The example of C2SP tlog-policy, with keys.
SIX = "".join(witness(name) for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3"))
TWO_LEVELS = (
    f"{LOG}\n{SIX}\ngroup X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n"
    "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)


def test_the_policy_of_the_papers():
    both = read(BOTH)

    assert (keys.LOG,) == both.logs
    assert {"supervision": keys.SUPERVISION, "inspection": keys.INSPECTION} == both.witnesses
    assert both.satisfied(["supervision", "inspection"])
    assert both.satisfied(["inspection", "supervision", "inspection"])
    for too_few in ([], ["supervision"], ["inspection", "inspection"], ["both"], ["somebody"]):
        assert not both.satisfied(too_few)


def test_the_example_of_the_specification():
    two_levels = read(TWO_LEVELS)
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")

    for count in range(7):
        for cosigned in itertools.combinations(names, count):
            of_x = sum(name.startswith("X") for name in cosigned)
            assert (of_x >= 2 and of_x < count) == two_levels.satisfied(cosigned)


def test_nobody_is_asked_for_with_none():
    assert read("quorum none\n").satisfied([])
    assert read(f"{SUPERVISION}quorum none\n").satisfied([])
    assert Policy((), {}, {}, "none") == read("quorum none\n")


def test_one_witness_may_be_the_quorum():
    one = read(f"{SUPERVISION}{INSPECTION}quorum inspection\n")

    assert one.satisfied(["inspection"])
    assert not one.satisfied(["supervision"])


def test_blanks_comments_and_addresses_say_nothing():
    loose = (
        f"# a policy\n\n \t\n\tlog  {keys.LOG.text}\thttps://log.example/ \n"
        f"   # 说明\n{SUPERVISION[:-1]} https://witness.example/\nquorum\tsupervision\n"
    )

    assert read(f"{LOG}{SUPERVISION}quorum supervision\n") == read(loose)


@pytest.mark.parametrize("text", [BOTH, TWO_LEVELS, "quorum none\n"])
def test_a_policy_is_read_back(text):
    assert read(text) == policy.parse(read(text).raw)


def test_what_is_written_is_read_byte_for_byte():
    plain = BOTH.replace("all", "2")

    assert plain.encode() == read(plain).raw


def test_names_are_octets_and_those_that_look_alike_are_two():
    kelvin = witness("a").replace("a ", "\u212a ", 1).encode()
    octet = witness("b").replace("b ", "\xff ", 1).encode("latin-1")
    letter = witness("c").replace("c ", "K ", 1).encode()
    raw = kelvin + octet + letter + b"group g all \xe2\x84\xaa \xff K\nquorum g\n"

    assert 3 == len(policy.parse(raw).witnesses)
    assert policy.parse(raw) == policy.parse(policy.parse(raw).raw)
    assert b"\xff" in policy.parse(raw).raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# nothing\n",
        LOG,
        "quorum none",
        "quorum none\nquorum none\n",
        "quorum\n",
        "quorum none none\n",
        "Quorum none\n",
        "quorum none\r\n",
        "quorum\x0bnone\n",
        "quorum\u3000none\n",
        "quorum none\n\0\n",
        "quorum none\n#\x7f\n",
        "quorum none\nlog\n",
        "quorum none\nlogs\n",
        "quorum None\n",
        "quorum supervision\n",
        f"quorum supervision\n{SUPERVISION}",
        f"{LOG}{LOG}quorum none\n",
        f"log {keys.LOG.text} a b\nquorum none\n",
        f"log {keys.LOG.text[:-1]}\nquorum none\n",
        f"log {keys.SUPERVISION.text}\nquorum none\n",
        f"witness a {keys.LOG.text}\nquorum none\n",
        "witness a\nquorum none\n",
        f"witness none {keys.SUPERVISION.text}\nquorum none\n",
        f"{SUPERVISION}{SUPERVISION}quorum none\n",
        f"{SUPERVISION}witness again {keys.SUPERVISION.text}\nquorum again\n",
        (
            f"{SUPERVISION}witness again {CosignerKey('b', keys.SUPERVISION.public).text}\n"
            "quorum again\n"
        ),
        f"{SUPERVISION}witness supervision {keys.INSPECTION.text}\nquorum none\n",
        f"{SUPERVISION}group supervision any supervision\nquorum none\n",
        f"{SUPERVISION}group none any supervision\nquorum none\n",
        f"{SUPERVISION}group g any none\nquorum none\n",
        f"{SUPERVISION}group g any g\nquorum none\n",
        f"{SUPERVISION}group g any\nquorum none\n",
        f"{SUPERVISION}group g\nquorum none\n",
        f"{SUPERVISION}group g 0 supervision\nquorum g\n",
        f"{SUPERVISION}group g 2 supervision\nquorum g\n",
        f"{SUPERVISION}group g 01 supervision\nquorum g\n",
        f"{SUPERVISION}group g -1 supervision\nquorum g\n",
        f"{SUPERVISION}group g ١ supervision\nquorum g\n",
        f"{SUPERVISION}group g most supervision\nquorum g\n",
        f"{SUPERVISION}group g {'9' * 5000} supervision\nquorum g\n",
        f"{SUPERVISION}group g 2 supervision supervision\nquorum g\n",
        (
            f"{SUPERVISION}{INSPECTION}group g any supervision\n"
            "group h 2 supervision inspection\nquorum h\n"
        ),
        f"{SUPERVISION}group g any h\ngroup h any supervision\nquorum g\n",
        "quorum none\n" + "#" * 1_000_000 + "\n",
    ],
)
def test_a_flaw_in_a_policy_is_refused(text):
    with pytest.raises(Malformed):
        read(text)


def test_the_line_that_is_wrong_is_named():
    with pytest.raises(Malformed) as refused:
        read(f"# first\n{LOG}{SUPERVISION}quorum inspection\n")

    assert str(refused.value).startswith("line 4 ")


def test_there_is_a_limit_and_it_is_above_that_of_the_specification():
    names = [f"w{no}" for no in range(257)]
    logs = [f"log {VerifierKey(name, keys.public(name)).text}\n" for name in names]
    witnesses = [witness(name) for name in names]
    groups = [f"group g{name} any {name}\n" for name in names[:256]]
    above = "group above any gw0\n"

    full = read("".join((*logs[:256], *witnesses[:256], *groups, "quorum gw255\n")))
    assert (256, 256, 256) == (len(full.logs), len(full.witnesses), len(full.groups))
    for lines in (logs, witnesses, [*witnesses[:256], *groups, above]):
        with pytest.raises(Malformed):
            read("".join((*lines, "quorum none\n")))


def test_the_longest_policy():
    room = 1_000_000 - len(BOTH) - 1

    assert read(BOTH + "#" * room + "\n")
    with pytest.raises(Malformed):
        read(BOTH + "#" * (room + 1) + "\n")


@given(
    st.lists(st.sampled_from(["supervision", "inspection", "X1", "nobody"])),
    st.sampled_from(["supervision", "inspection"]),
)
def test_another_cosignature_never_breaks_a_quorum(cosigned, more):
    both = read(BOTH)

    assert both.satisfied([*cosigned, more]) >= both.satisfied(cosigned)
