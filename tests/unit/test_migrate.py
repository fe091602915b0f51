"""What a start takes for the newest revision is what the migrations' library takes for it."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from server.migrate import MIGRATIONS, NEWEST


def test_the_newest_file_is_the_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST
