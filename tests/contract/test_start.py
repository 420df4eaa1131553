"""Who may start beside whom, and what a node says when it may not."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "load"))
import tiketi_harness as harness  # noqa: E402


def test_a_second_node_with_the_same_id_ends_and_disturbs_nobody(node, user, hall):
    event, seats = hall
    twin = harness.Node(node.database, {"TIKETI_NODE_ID": node.env["TIKETI_NODE_ID"]})
    log = twin.folder / "node.log"
    log.touch()
    try:
        ended = subprocess.run([harness.node_program(), "run"], env=twin.env, text=True,
                               capture_output=True, timeout=30, check=False)
        log.write_text(ended.stdout + ended.stderr)
    finally:
        twin.close()
    assert ended.returncode == 1
    said = [x for x in ended.stderr.splitlines() if x]
    assert len(said) == 1, said
    assert "TIKETI_NODE_ID" in said[0] and "stop it" in said[0]
    # The first one keeps its shards: it decides at once, with the epochs it had.
    assert user.reserve(event, [seats[0]]).status == 200
    assert node.process.poll() is None
