"""Every bound of the stage over HTTPS, each with its reason. It knows no other module."""

PART_SECONDS = 0.5
"""What a player waits for at a time; it stays three of them behind (RFC 8216bis §4.4.3.8)."""

PART_GRACE_SECONDS = 0.25
"""Beyond a part's end: pictures that come later than this find the one before them prolonged."""

SEGMENT_SECONDS = 2.0
"""From keyframe to keyframe; one is asked for as often while somebody looks."""

LEAST_SEGMENT_SECONDS = 1.0
"""Keyframes that viewers asked for may come twice a second: not each begins a segment."""

MOST_SEGMENT_SECONDS = 2.4
"""It still rounds to the target duration: an encoder that heeds no request is cut without."""

LISTED_SEGMENTS = 6
"""In a playlist: a player that was held up for ten seconds goes on."""

HELD_SEGMENTS = 10
"""To be fetched; whoever read the list before last still finds them (RFC 8216 §6.2.2)."""

HELD_BYTES = 32 * 1024 * 1024
"""Of one stage: ten segments at 12 Mbit/s. Of a stream above that fewer are held."""

SEGMENT_PARTS, BEGINNING_BYTES = 64, 64 * 1024
"""Of a segment, and of what comes before its pictures: ten times what is usual. A packager that
says more is broken, and what it says must not fill the memory of others."""

REORDER_SECONDS = 0.4
"""For a lost packet to come again: three round trips across an ocean."""

REORDER_PACKETS = 1024
"""Of one stream: more than that wait for no single one."""

STILL_SECONDS = 0.5
"""Without a packet for so long, a sound that stopped is continued as silence."""

GONE_SECONDS = 1.0
"""Without any packet for so long, nobody is on the stage: nothing is made up."""

TORN_SECONDS = 3.0
"""A longer hole is not filled: players are told to begin anew."""

VIDEO_SECONDS = 2.0
"""Without a first picture for so long, a stage is sound alone."""

SKEW_SECONDS = 0.06
"""Sound off by more is put right, 20 ms at a time; ITU-R BT.1359 finds 45 ms early detectable."""

ACCESS_UNIT_BYTES = 4 * 1024 * 1024
"""Of one picture; at 1080p the largest are a tenth of it."""

FRAME_BYTES = 24 * 1024 * 1024
"""Of one message between the processes: a part, at 200 Mbit/s."""

BATCH_SECONDS = 0.1
"""How often packets are handed over: one wake-up for all, and little added to two seconds."""

BACKLOG_BYTES = 4 * 1024 * 1024
"""A packager that is so far behind hangs: it is ended, and another one begins."""

SILENT_BATCHES = 40
"""In a row without a word from a packager, which answers each: it hangs. Four seconds of ours, so
that a relay that was held up itself blames nobody; a fifth of it is the worst on a busy machine."""

STARTING_BATCHES = 80
"""Until its first word: a cold start imports for a second, on a busy machine for several."""

AGAIN_SECONDS = 1.0
"""After one that could not even be started, before the next."""

STAGES_AT_ONCE = 16
"""A process of 20 MB each."""

FAILURES = 3
"""In a row, before a stage's followers are sent away: its stream cannot be packaged."""

FOLLOWERS = 64
"""Of one stage: processes that show pages, a few for each machine."""

FRAMES_WAITING = 256
"""For one follower: two minutes. One that is slower starts afresh."""

IDLE_SECONDS = 15.0
"""Without a follower for so long, nothing is packaged any more."""

UNASKED_SECONDS = 15.0
"""Without a viewer's request for so long, a process follows no longer."""

PARTS_VIEWERS = 100
"""Of one stage in one process: each asks four times a second for parts, once for segments."""

FIRST_SECONDS = 8.0
"""For the first segment: a process, a keyframe, two seconds of pictures; three times over."""

NAME_BYTES = 16
"""Random, in a name: nobody guesses 128 bits."""

FRESH_SECONDS = 60
"""Of a segment in a cache: longer than anybody is behind."""
