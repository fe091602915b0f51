"""`/metrics` counts answers by route pattern and tells nothing of anybody."""

import re
from pathlib import Path
from uuid import uuid4

from tests.servers.rounds import running_rounds


def test_answers_are_counted_by_pattern(tmp_path: Path) -> None:
    with running_rounds(tmp_path) as rounds:
        secret = uuid4()
        assert rounds.get(f"/sessions/{secret}", {"host": f"127.0.0.1:{rounds.port}"})[0] == 404
        text = rounds.get("/metrics")[1].decode()
    assert 'rounds_http_answers_total{method="GET",route="/sessions/{session_id:uuid}"' in text
    assert str(secret) not in text
    assert re.search(r"^rounds_writes_waiting 0", text, re.MULTILINE)
    assert "rounds_hub_topics" in text
