"""Every bound of the wiring and of what a command may carry, each with its reason.

What is unbounded is an attack or an accident. Limits are per learner; per address only of those who
have not signed in, since a hospital is one address. None of them depends on Redis.
"""

MAX_FRAME_BYTES = 65_536
"""Beyond this a socket is closed with 1009 before the rest is read."""

MAX_COMMAND_BYTES = 4_096
"""The longest question with its ids takes 2.5 KiB; above this a typed error, the socket stays."""

COMMANDS_A_SECOND, COMMAND_BURST = 20.0, 40.0
"""Ten times what a hasty person does; a page that comes back sends its outbox at once."""

FOLLOWS_A_SECOND, FOLLOW_BURST = 20.0, 64.0
"""Per socket: a page that comes back follows all its topics at once."""

MAX_TOPICS = 32
"""A page follows fewer than ten; each costs a question about rights and a place in memory."""

MAX_SOCKETS = 8
"""Of one person in one process: the tabs and devices of one learner."""

STRANGER_SOCKETS_A_SECOND, STRANGER_SOCKET_BURST = 10.0, 600.0
"""Of one address, without a login that holds: each costs a statement. Pages do not open them."""

STRANGER_PAGES_A_SECOND, STRANGER_PAGE_BURST = 100.0, 6_000.0
"""Of one address, by people who have not signed in: six hundred of a lecture hall ask for ten pages
each within a minute."""

MAX_UNFINISHED = 64
"""Commands of one socket that wait for their reply, as when the database is away; then `busy`."""

MAX_UNFINISHED_IN_ALL = 20_000
"""In one process: the beats of 2,000 learners through a database outage of some minutes."""

MAX_TOPIC_CHARS = 120
"""The longest topic has a kind, a UUID and a part."""

FIRST_FRAME_SECONDS = 10.0
"""A socket that says nothing is not a page of ours."""

HEADER_SECONDS = 10.0
"""A request whose head is not complete by then is none; a browser sends it at once."""

SILENT_SECONDS = 30.0
"""A page that beats is never pinged; a silent one is asked, and dropped after as long again."""

RECHECK_SECONDS = 60.0
"""How long a right that was withdrawn without telling (no bus) outlives at most."""

QUEUE_BYTES = 65_536
"""What waits in a socket before it is set aside: a stuck phone costs this and LOWAT_BYTES."""

LOWAT_BYTES = 16_384
"""Unsent bytes that the kernel may hold for a socket; it would take 2.75 MB by itself."""

GONE_SECONDS = 10.0
"""After this a socket that reads nothing is gone: it comes back and resumes."""

CLOSE_SECONDS = 2.0
"""How long a closed socket may take to read its close code before it is cut."""

SWEEP_SECONDS = 1.0
"""How often every socket is looked after; none has a timer of its own."""

ASIDE_SECONDS = GONE_SECONDS - CLOSE_SECONDS - SWEEP_SECONDS
"""A socket set aside for so long is closed with 4008 at the next look."""

CATCH_UP_BYTES = 262_144
"""A history longer than this is not replayed: a fresh fragment is the shorter way."""

HISTORY = 256
"""Events kept per topic: at ten a second, a peer may be away for 25 s and miss nothing."""

STATES = 256
"""Newest states kept per topic for those set aside; the oldest is forgotten first."""

STATE_SECONDS = 0.25
"""A state is shown at most four times a second per key: nobody reads a faster tally."""

TICK_MEMBERS = 500
"""From here on a topic's frames are written once per tick; below, a write each is cheap."""

TICK_SECONDS, MAX_TICK_SECONDS = 0.025, 0.25
"""A tick nobody notices, and how far it widens where writing takes long."""

TICK_TIMES = 3.5
"""Of what the last writing took, until the next: writing to a crowd of ten thousand takes 0.05 s of
a core and more, and gets two ninths of it."""

IDLE_SECONDS = 30.0
"""A topic nobody follows is kept so long: its last follower is usually reloading the page."""

ANSWERS = 4_096
"""Replies remembered per process: two minutes of a busy one; a reconnect takes at most 20 s."""

MAX_PEERS = 20_000
"""Sockets of one process, below its limit of open files; further ones get 1013."""

ARRIVALS_A_SECOND, ARRIVAL_BURST = 1_500.0, 5_000.0
"""A handshake takes 0.2 ms: a storm of returning pages may not take the whole process."""

RETRY_MS = (500, 8_000)
"""Within this a page comes back, at random, so that not all come at once."""

GOODBYE_SECONDS = 5.0
"""Over this long at most a stopping process closes its sockets, a millisecond each."""

FINISH_SECONDS = 5.0
"""What the commands of a stopping process may take; only a database that is away takes as long."""

PRESENCE_SECONDS = 45.0
"""Who was not seen for so long is gone: what a process that died leaves behind."""

PRESENCE_REFRESH_SECONDS = 15.0
"""Three chances within `PRESENCE_SECONDS`."""

BEAT_SECONDS, LEASE_SECONDS = 15.0, 45.0
"""A learner's page gives evidence this often; its last evidence holds as long as three beats."""

MAX_QUESTION_CHARS, QUESTIONS_A_MINUTE = 500, 3
"""What a moderator can read aloud, and can read at all while 2,000 people ask."""

MAX_CHAT_CHARS = 500

MAX_NAME_CHARS = 120

MAX_POLL_OPTIONS = 12
"""What fits on a phone without scrolling."""

MAX_CAPTION_CHARS = 300
"""Six lines on a phone: nobody reads more at once, and a line of speech is a third of it."""

MAX_CAPTION_LANGUAGES = 8
"""Of one session: each is in every follower's snapshot, and somebody writes each of them."""

MAX_CAPTION_LINES = 20_000
"""Of one session, kept for its transcript: two languages for twelve hours, fourteen a minute."""

CAPTIONS_SHOWN, CAPTIONS_CORRECTED = 3, 10
"""Of a language: the lines that somebody who comes late sees, and those that can be corrected."""
