"""What a service is run on: its folders, its database, its issuer."""

import json
import stat

import pytest

from api import operate
from api.settings import Settings
from ledger.database import Role
from ledger.errors import Refused, Unavailable


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_looks_into_the_home_folder(tmp_path):
    own = Settings(home=tmp_path / "a" / "home", database_url="postgresql:///elsewhere")

    at = operate.home(own)

    assert tmp_path / "a" / "home" == at.folder
    assert (0o700, 0o700) == (mode(at.folder), mode(at.keys))


def test_a_home_that_was_open_is_closed(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o777)
    tmp_path.chmod(0o777)

    operate.home(Settings(home=tmp_path, database_url="postgresql:///elsewhere"))

    assert (0o700, 0o700) == (mode(tmp_path), mode(tmp_path / "keys"))


def test_keys_may_lie_elsewhere(tmp_path):
    apart = Settings(home=tmp_path / "home", keys=tmp_path / "keys", database_url="x")

    assert tmp_path / "keys" == operate.home(apart).keys


def sound(folder):
    (folder / "keys").mkdir(exist_ok=True)
    return Settings(home=folder), operate.Home(folder, folder / "keys")


async def test_a_database_that_forgets_is_not_served(database, tmp_path):
    with pytest.raises(Unavailable) as refused:
        await operate.assert_sound(*sound(tmp_path), database)

    assert "ST-2: fsync is off" in refused.value.why


async def test_who_is_more_than_a_plain_role_does_not_serve(database, tmp_path):
    mighty = operate.Database(
        reach=database.reach, folder=database.folder, given={}, creator=database.as_creator()
    )

    class AsSuperuser:
        cluster = None

        def as_role(self, role):
            assert Role.APP == role
            return mighty.as_creator()

    with pytest.raises(Unavailable) as refused:
        await operate.assert_sound(*sound(tmp_path), AsSuperuser())  # type: ignore[arg-type]

    assert "ST-1: postgres is more than a plain role" in refused.value.why


def test_tokens_of_ours_do_not_count_beside_other_issuers(tmp_path):
    (tmp_path / "issuers.json").write_text(json.dumps([]))
    given = Settings(home=tmp_path, issuers=tmp_path / "issuers.json", database_url="x")

    with pytest.raises(Refused):
        operate.own_token(given, "jiang-he", "江河", "caseledger", 1)
