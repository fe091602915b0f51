"""Every bound of the relay, each with its reason. It knows no other module."""

SETUPS_PER_MINUTE = 10
"""Per person: a page that reconnects with back-off needs three or four; more is a script."""

SETUPS_AT_ONCE = 3
"""Per person: two devices and one that is reconnecting."""

HANDSHAKES_AT_ONCE = 32
"""A handshake costs 2-4 ms of loop time; at 100 ms round trip 32 give about 160 joins a second."""

TURN_SECONDS = 1.0
"""Of them a handshake counts for so long: one that takes longer waits for its peer and costs
nothing, and peers who say nothing may not keep the others out."""

SETUP_SECONDS = 20.0
"""From the answer to the finished handshake. A browser gives up on ICE after 15 s."""

CONSENT_SECONDS = 30.0
"""RFC 7675 §5.1: without a fresh check for 30 s, no packet may go to that address."""

PROOF_SECONDS = 0.1
"""Between two questions to a new address: a check may be a copy from a forged source, and so many
small packets a second point at nobody."""

SILENT_SECONDS = 5.0
"""A publisher that sent nothing for this long is off air; a two-second blackout is not."""

FORMATS_KEPT_SECONDS = 60.0
"""An empty stage remembers its formats: a speaker who reloads finds the viewers waiting."""

SDP_BYTES = 64 * 1024
"""Chromium's largest offer is 8 KiB; the rest is margin for other encoders."""

VIEWERS_PER_STAGE = 600
"""So many were delivered without loss at half of a core; beyond, cascade relays or HLS."""

PEERS = 1000
"""Of the whole process, set-ups included: memory and the sweep stay small."""

PULL_KEPT_SECONDS = 10.0
"""Without a viewer an edge goes on pulling for this long: whoever reloads finds the stage."""

PULL_READY_SECONDS = 4.0
"""For the origin's answer, which takes milliseconds: a frozen one must not hold viewers up."""

PULL_RETRY_SECONDS = (0.2, 2.0)
"""Full jitter between nothing and a bound that doubles: an origin is restarted within seconds."""

PULL_CHECK_SECONDS = 1.0
PULL_SILENCE_SECONDS = 5.0
"""An origin that answers no check for this long is called again; its restart takes as long."""

STAGES = 64
"""Stages remembered at once; each holds a cache of at most 3 MB, and of 1.5 MB for each layer."""

MOST_LAYERS = 4
"""Of one picture: browsers send three. Each has its cache and is asked for keyframes."""

LAYER_SSRCS = 32
"""Streams whose layer is remembered: one and its retransmissions each, and a few restarts."""

LAYER_SILENT_SECONDS = 1.0
"""A layer without a packet for so long, while others have some: its encoder left it out. That is
six times what a slide filmed at 6 frames a second needs between two."""

FORMER_SECONDS = 1.0
"""After a change to a larger layer what was lost before is still sent again for so long: a receiver
that has shown the new keyframe no longer asks. In that time no number can come round again."""

ADDRESSES_PER_PEER = 8
"""A browser checks from one address per interface and family; the oldest is forgotten."""

DRAIN_DATAGRAMS = 64
"""Read in one go: one batch for the fan-out, at most 0.5 ms before others get their turn."""

DATAGRAM_BYTES = 2048
"""A datagram on any usual path is at most 1500 bytes; longer ones are cut and fail to decrypt."""

DTLS_QUEUE = 32
"""Datagrams waiting for a handshake; a flight is four or five, the rest is a flood."""

BURST_OCTETS = 20_000
"""Of a picture in one go: some 16 packets, which the queue of a home router holds."""

PACE_TIMES = 2.5
"""Of the source's rate, beyond a burst: as browsers pace what they send themselves
(draft-ietf-rmcat-gcc-02 §4 has a pacer and no figure; 2.5 is Chromium's)."""

PACE_LEAST_BITS = 2_000_000
"""A second, however little a source sends on average, or if that is not known: a speaker who sits
still sends a tenth of what 720p may take, and is not to come late when the slide changes."""

PACE_SECONDS = 0.2
"""The longest that pacing holds a packet: a slide after a still one is many times its usual rate,
and later than this it would be seen."""

PACE_STEP_SECONDS = 0.005
"""Between two parts of what is held: more often is a wake-up for a packet or two."""

FULL_MILLISECONDS = 5
"""The longest wait for room in the kernel's buffer: a network card of 1 Gbit/s sends 600 KB in it,
and what arrives meanwhile fits many times into the buffer of the other direction."""

FULL_SECONDS, FULL_SHARE = 0.1, 0.25
"""Of such waits in a row, a burst to 600 viewers; and of the time, if they do not end. Behind a
card that never suffices sound and checks would come as late as the buffer of what arrives is long,
and no loss would say that smaller pictures are needed: so more than that is dropped."""

CACHE_PACKETS = 1024
"""Per outgoing stream: about eight seconds of 720p video, more than any viewer waits."""

MISSING_PACKETS = 256
"""Gaps asked for upstream at once; a larger hole is healed by a keyframe."""

HELD_PACKETS = 256
"""Of a source whose first keyframe is on its way: a keyframe of 300 KB, whose packets overtake."""

NACK_TRIES = 10
"""Requests for one lost packet before it is given up, 50 ms apart or more."""

RESENDS_PER_SECOND = 400
"""Per viewer: 5 % loss at 170 packets/s asks for 9; more than 400 makes congestion worse."""

RESEND_BURST = 200
"""One lost keyframe of 200 KB in a row."""

STRAINED_LOSS = 0.2
"""Of a viewer's picture, in one report. Twice the loss at which draft-ietf-rmcat-gcc-02 §6 lowers
the rate: there is one rate here, and a radio link that loses a tenth is still fine to watch."""

LOSS_SECONDS = 0.8
"""Reports of losses are taken together for so long; most browsers send one a second anyway."""

STRAINED_ROUND_TRIP = 1.0
STRAINED_TIMES = 4
"""Seconds, and how often the shortest one: a full queue on the way that loses nothing yet."""

STRAINED_SECONDS = 1.5
"""From the first bad report to the last picture. They come every second: one keyframe that did not
fit is no reason, three bad ones in a row are, and sound is free again within five seconds."""

SETTLED_SECONDS = 2.0
"""After a change to a smaller picture: until its keyframe is there, the queue has emptied, and a
report of a second tells of nothing else."""

PAUSE_SECONDS = (15.0, 120.0)
"""Without pictures until the next try, doubling after each that fails: a try costs the sound."""

SIZE_PAUSE_SECONDS = (15.0, 480.0)
"""Until the next try of a larger picture, likewise: there is one already, so a line that carries no
more is tried ever more rarely, after an hour eight times in all."""

ESTIMATED_SHARE = 0.8
"""Of a picture's rate. A receiver that sees its queue grow lowers its estimate to 0.85 of what came
(draft-ietf-rmcat-gcc-02 §5.5), and raises it again within seconds where that was a moment."""

GROWING, GROWING_SECONDS = 1.03, 1.0
"""Of the estimate a second or two before. After a change to a larger picture it follows by 8 % a
second (the same, §5.5), and says meanwhile how much came before and not how much fits."""

FOLLOWING_SECONDS, FALLEN = 5.0, 0.95
"""Chromium takes up to two seconds until it begins to follow. So long, and a while longer, only an
estimate counts that fell below what it was at the change; losses count at once."""

ESTIMATE_SECONDS = 5.0
"""For so long an estimate is true; they come every second."""

TRY_SECONDS = 15.0
"""Pictures that came for so long were no failed try."""

TRY_LOSS = 0.05
"""While even sound alone is lost like this, pictures are not tried."""

KEYFRAME_SECONDS = 0.5
"""One keyframe serves all who asked meanwhile: requests upstream are coalesced to two a second."""

FEEDBACK_PACKETS = 1024
"""Statuses in one transport-wide feedback; a longer gap restarts the report."""

EVENTS_WAITING = 4096
"""Per event stream: a full house joining at once. A reader that is slower gets a new stream."""

STATISTICS_SECONDS = 5.0
"""How often a stage's figures are reported: as often as a person looks at them."""

ALIVE_SECONDS = 5.0
"""A line on an idle event stream, so that its reader notices a dead relay within 15 s."""

TICK_SECONDS = 0.05
"""Of the one timer: transport-wide feedback is due every 50-100 ms, nothing else is sooner."""
